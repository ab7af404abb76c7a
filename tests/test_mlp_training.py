"""Training with perceptrons: problems with known answers, checkpoints, arguments, bad input."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import strategies as st

import fastpg
from fastpg import _core
from fastpg.algorithms import ALGORITHMS
from fastpg.training import checkpoints
from mlp_cases import ACTIVATIONS, Aim
from properties import tried_on
from test_probes import Acted, Both, Constant, Delayed, Observed
from trainings import untimed

NAMES = list(ALGORITHMS)
KINDS = ["discrete", "continuous"]
SMALL = {"net_arch": [8]}
OPTIONS = {
    "reinforce": {"learning_rate": 0.03},
    # Nearly certain policies have hardly any curvature: max_step_size keeps steps small.
    "npg": {"target_kl": 0.03, "max_step_size": 1.0},
    "trpo": {"target_kl": 0.03},
    "ppo": {"learning_rate": 0.01, "batch_size": 16, "max_grad_norm": None},
}
STEPS = {
    "n_steps": 8, "gamma": 0.9, "gae_lambda": 0.97, "normalize_reward": False, "value_target": "mc"
}  # fmt: skip


def trained(name, problem, kind, steps, **options):
    by_steps = {} if name == "reinforce" else STEPS
    options = by_steps | OPTIONS[name] | {"ent_coef": 0.0, "baseline": "linear"} | options
    algo = ALGORITHMS[name](
        "mlp", lambda: problem(kind), n_envs=8, seed=0, policy_kwargs=SMALL, **options
    )
    return algo.learn(steps)


def value(algo, observation, h=0):
    return algo.baseline.predict(np.array([[observation]], np.float32), [h])[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_values_of_constant_observed_and_delayed_rewards(name, kind):
    algo = trained(name, Constant, kind, 600, ridge=1e-6)
    assert value(algo, 1.0) == pytest.approx(1.0, abs=1e-3)
    algo = trained(name, Observed, kind, 600, ridge=1e-6)
    assert value(algo, 1.0) == pytest.approx(1.0, abs=1e-3)
    assert value(algo, -1.0) == pytest.approx(-1.0, abs=1e-3)
    algo = trained(name, Delayed, kind, 600, ridge=1e-6, gamma=0.5)
    assert value(algo, 1.0, 1) == pytest.approx(1.0, abs=1e-3)
    assert value(algo, -1.0, 0) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("problem", [Acted, Both])
def test_the_best_action_is_learned(name, kind, problem):
    algo = trained(name, problem, kind, 3000)
    env = problem(kind)
    returns = []
    for episode in range(20):
        observation, _ = env.reset(seed=episode)
        returns.append(env.step(algo.predict(observation, deterministic=True)[0])[1])
    assert np.mean(returns) > 0.95


def test_a_perceptron_made_by_name_normalises_unless_it_is_told_not_to():
    assert aimed(steps=0).policy.normalizer is not None
    assert aimed(steps=0, policy="MlpPolicy").policy.normalizer is not None
    off = {"normalize_observations": False}
    assert aimed(steps=0, policy_kwargs=off).policy.normalizer is None
    assert aimed(steps=0, policy="linear").policy.normalizer is None
    assert fastpg.MlpSoftmax(4, 2).normalizer is None


def aimed(name="ppo", box=False, policy="mlp", steps=512, **options):
    algo = ALGORITHMS[name](policy, lambda: Aim(box), n_envs=4, **({"seed": 1} | options))
    return algo.learn(steps) if steps else algo


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_saved_policy_predicts_the_same_bits_and_learns_on_alike(tmp_path, name, box):
    kwargs = {
        "net_arch": {"pi": [9, 4], "vf": [5]}, "activation_fn": "silu", "ortho_init": False,
        "normalize_observations": True,
    }  # fmt: skip
    algo = aimed(name, box, policy_kwargs=kwargs)
    path = algo.save(tmp_path / "x")
    loaded, again = fastpg.load(path), fastpg.load(path)
    assert type(loaded.policy) is type(algo.policy)
    assert loaded.policy.state()[1] == algo.policy.state()[1]
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)
    assert loaded.options == algo.options
    observations = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    expected = algo.predict(observations, deterministic=True)[0]
    for other in (loaded, pickle.loads(pickle.dumps(algo.policy)), copy.deepcopy(algo.policy)):
        policy = getattr(other, "policy", other)
        phi = policy.features(observations)
        assert np.array_equal(phi, algo.policy.features(observations))
        assert np.array_equal(policy.distribution(phi), algo.policy.distribution(phi))
    assert np.array_equal(loaded.predict(observations, deterministic=True)[0], expected)
    for each in (loaded, again):
        each.use_env(lambda: Aim(box))
        each.learn(256, reset_num_timesteps=False)
    assert np.array_equal(loaded.policy.theta, again.policy.theta)
    assert untimed(loaded.history) == untimed(again.history)
    assert not np.array_equal(loaded.policy.theta, algo.policy.theta)


@pytest.mark.parametrize("box", [False, True])
def test_one_observation_is_a_batch_of_one(box):
    algo = aimed(box=box)
    observations = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    many, _ = algo.predict(observations, deterministic=True)
    one = [algo.predict(row, deterministic=True)[0] for row in observations]
    assert np.array_equal(many, one)
    phi = algo.policy.features(observations)
    whole = algo.policy.distribution(phi)
    single = [algo.policy.distribution(phi[i : i + 1])[0] for i in range(40)]
    assert np.array_equal(whole, single)


def test_normalisation_is_saved_and_frozen_in_evaluation(tmp_path):
    algo = aimed("trpo", policy_kwargs={"normalize_observations": True})
    count = algo.policy.normalizer.count
    assert count == 512
    fastpg.evaluate_policy(algo, Aim(False), 5, seed=0)
    algo.predict(np.ones(3))
    assert algo.policy.normalizer.count == count
    loaded = fastpg.load(algo.save(tmp_path / "x"))
    assert loaded.policy.normalizer.count == count
    for one, two in zip(
        loaded.policy.normalizer.state(), algo.policy.normalizer.state(), strict=True
    ):
        assert np.array_equal(one, two)


def test_names_in_policy_kwargs():
    policy = aimed(steps=0, policy_kwargs={"net_arch": [7, 3], "activation_fn": "relu"}).policy
    assert (policy.net_arch, policy.value_arch) == ([7, 3], [7, 3])
    assert policy.activation_fn == "relu"
    assert [layer.weights.shape for layer in policy.layers] == [(3, 7), (7, 3), (3, 3)]
    assert [layer.bias.shape for layer in policy.layers] == [(7,), (3,), (3,)]
    flat = np.concatenate([part.ravel() for layer in policy.layers for part in layer])
    assert np.array_equal(flat, policy.theta)
    for layer in policy.layers:
        assert not layer.weights.flags.writeable
        assert not layer.bias.flags.writeable
    two = aimed(steps=0, policy_kwargs={"net_arch": {"pi": (5,), "vf": []}}).policy
    assert (two.net_arch, two.value_arch) == ([5], [])
    box = aimed(box=True, steps=0, policy_kwargs={"log_std_init": -1.5}).policy
    assert box.net_arch == [64, 64]
    assert box.log_std.tolist() == [-1.5]
    assert box.theta.size == 3 * 64 + 64 + 64 * 64 + 64 + 64 + 1 + 1
    same = aimed(steps=0, policy="MlpPolicy").policy
    assert np.array_equal(same.theta, aimed(steps=0).policy.theta)


def test_an_iterator_of_widths_is_used_for_both_networks():
    policy = fastpg.MlpSoftmax(3, 2, net_arch=iter([4, 5]))
    assert (policy.net_arch, policy.value_arch) == ([4, 5], [4, 5])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_new_policy_is_almost_uniform(rng, activation):
    observations = rng.normal(size=(200, 4))
    policy = fastpg.MlpSoftmax(4, 3, activation_fn=activation, seed=3)
    pi = np.exp(policy.distribution(policy.features(observations)))
    assert 0.0 < np.abs(pi - 1.0 / 3.0).max() < 0.05
    gaussian = fastpg.MlpGaussian(4, 3, activation_fn=activation, seed=3, log_std_init=-0.5)
    dist = gaussian.distribution(gaussian.features(observations))
    assert 0.0 < np.abs(dist[:, :3]).max() < 0.1
    assert (dist[:, 3:] == -0.5).all()


@pytest.mark.parametrize("sizes", [(4, [16, 16], 3), (20, [5], 7), (3, [], 3), (1, [1, 9], 1)])
def test_first_weights_are_orthogonal(sizes):
    d, hidden, outputs = sizes
    policy = fastpg.MlpSoftmax(d, outputs, net_arch=hidden, seed=11)
    gains = [np.sqrt(2.0)] * len(hidden) + [0.01]
    for layer, gain in zip(policy.layers, gains, strict=True):
        w = layer.weights
        gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
        assert np.allclose(gram, gain**2 * np.eye(len(gram)), rtol=0.0, atol=1e-14)
        assert not layer.bias.any()


def test_weights_that_are_not_orthogonal_are_uniform_within_a_bound():
    policy = fastpg.MlpGaussian(25, 2, net_arch=[100], ortho_init=False, seed=2)
    for layer, most in zip(policy.layers, (0.2, 0.1), strict=True):
        for part in layer:
            assert np.abs(part).max() <= most
        assert np.abs(layer.weights).max() > 0.9 * most
        assert layer.weights.std() == pytest.approx(most / np.sqrt(3.0), rel=0.1)


@pytest.mark.parametrize("ortho_init", [False, True])
def test_the_seed_makes_the_first_parameters(ortho_init):
    def theta(seed):
        return fastpg.MlpSoftmax(4, 2, ortho_init=ortho_init, seed=seed).theta

    assert np.array_equal(theta(5), theta(5))
    assert not np.array_equal(theta(5), theta(6))
    kwargs = {"ortho_init": ortho_init}
    one, two = (aimed(seed=s, steps=0, policy_kwargs=kwargs).policy for s in (5, 6))
    assert np.array_equal(one.theta, aimed(seed=5, steps=0, policy_kwargs=kwargs).policy.theta)
    assert not np.array_equal(one.theta, two.theta)
    own = aimed(seed=6, steps=0, policy_kwargs=kwargs | {"seed": 5}).policy
    assert np.array_equal(own.theta, one.theta)


def test_orthogonal_matrices_of_the_same_seed_differ_by_index():
    one, two = (_core.orthogonal(6, 6, 1.0, 3, k) for k in (0, 1))
    assert not np.array_equal(one, two)
    assert np.array_equal(one, _core.orthogonal(6, 6, 1.0, 3, 0))
    assert np.allclose(_core.orthogonal(2, 5, 3.0, 0, 0) @ _core.orthogonal(2, 5, 3.0, 0, 0).T,
                       9.0 * np.eye(2))  # fmt: skip


@tried_on(10, 100, 1_000)(st.integers(0, 2**32 - 1))
def test_no_number_of_a_training_is_infinite(seed):
    rng = np.random.default_rng(seed)

    def one_of(*values):
        return values[rng.integers(len(values))]

    name, box = one_of(*NAMES), one_of(False, True)
    options = {
        "gamma": one_of(0.5, 0.99, 1.0), "ent_coef": one_of(0.0, 0.01, 1.0),
        "baseline": one_of("linear", "mean", "none"), "num_threads": one_of(1, 2),
    }  # fmt: skip
    if name != "reinforce":
        options |= {"n_steps": one_of(20, 75), "gae_lambda": one_of(0.0, 0.9, 1.0)}
        options["normalize_advantage"] = one_of(False, True)
    if name in ("npg", "trpo"):
        options |= {
            "target_kl": one_of(0.001, 0.1), "fisher": one_of("exact", "sampled"),
            "fisher_subsample": one_of(0.1, 1.0), "cg_max_steps": one_of(2, 20),
            "cg_damping": one_of(1e-6, 0.1),
        }  # fmt: skip
    else:
        options |= {
            "learning_rate": one_of(1e-3, 0.1, 1.0), "optimizer": one_of("adam", "sgd"),
        }  # fmt: skip
    if name == "ppo":
        options |= {"batch_size": one_of(7, 100), "max_grad_norm": one_of(None, 0.5)}
    kwargs = {
        "net_arch": one_of([], [1], [16], [20, 5], [4] * 6), "activation_fn": one_of(*ACTIVATIONS),
        "ortho_init": one_of(False, True), "normalize_observations": one_of(False, True),
    }  # fmt: skip
    if box:
        kwargs["state_dependent_std"] = one_of(False, True)
    algo = aimed(name, box, steps=3000, seed=seed, policy_kwargs=kwargs, **options)
    assert np.isfinite(algo.policy.theta).all()
    assert len(algo.history) > 0
    for record in algo.history:
        for key, number in record.items():
            assert isinstance(number, str | bool | None) or np.isfinite(number), key


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_rate_that_diverges_keeps_the_parameters_before(optimizer):
    algo = aimed("ppo", steps=0, learning_rate=1e60, optimizer=optimizer, n_steps=32)
    before = algo.policy.theta
    algo.learn(128)
    assert algo.history[0]["train/status"] == "not_finite"
    assert np.array_equal(algo.policy.theta, before)
    assert algo.optimizer.count == 0


BAD_WIDTHS = [
    [0], [-1], [2**40], [3, 0], [10**30], [2**24] * 2, [2**20] * 200, [1] * 257, {"pi": [3]},
    {"vf": [3]}, {"pi": [3], "vf": [0]}, {"pi": [3], "vf": [3], "q": [3]}, {}, [True], ["64"], "64",
    b"64", [64.0], 64, 64.0, None, [[3]], [None], True, [np.float64(3.0)],
]  # fmt: skip


@pytest.mark.parametrize("kind", [fastpg.MlpSoftmax, fastpg.MlpGaussian])
@pytest.mark.parametrize("widths", BAD_WIDTHS, ids=lambda widths: str(widths)[:20])
def test_widths_that_no_network_has(kind, widths):
    with pytest.raises((TypeError, ValueError), match="net_arch"):
        kind(4, 2, net_arch=widths)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"activation_fn": "gelu"}, ValueError, "unknown activation_fn 'gelu'; did you mean 'elu'"),
        ({"activation_fn": 3}, TypeError, "activation_fn: expected one of tanh, relu, elu, silu"),
        ({"activation_fn": None}, TypeError, "activation_fn"),
        ({"ortho_init": 1}, TypeError, "ortho_init: expected True or False"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"theta": np.full(23, np.nan)}, ValueError, "theta: expected finite values"),
        ({"theta": np.zeros(22)}, ValueError, r"theta: expected shape \(23\), got \(22,\)"),
        ({"theta": np.zeros((23, 1))}, ValueError, "theta: expected shape"),
        ({"theta": ["a"] * 23}, TypeError, "theta"),
        ({"theta": np.full(23, 1e200)}, ValueError, "theta"),
        ({"normalize_observations": 1}, TypeError, "normalize_observations"),
        ({"observation_size": 0}, ValueError, "observation_size"),
        ({"observation_size": 2**40}, ValueError, "observation_size"),
        ({"n_actions": 0}, ValueError, "n_actions"),
    ],
)
def test_arguments_given_wrongly(arguments, error, text):
    with pytest.raises(error, match=text):
        fastpg.MlpSoftmax(**({"observation_size": 4, "n_actions": 2, "net_arch": [3]} | arguments))


@pytest.mark.parametrize(
    ("policy", "kwargs", "text"),
    [
        ("mlp", {"features": "polynomial"}, "MlpSoftmax: .*'features'"),
        ("mlp", {"features_kwargs": {}}, "MlpSoftmax: .*'features_kwargs'"),
        ("mlp", {"n_actions": 3}, "unknown policy argument 'n_actions'"),
        ("mlp", {"net_arc": [3]}, "did you mean 'net_arch'"),
        ("linear", {"net_arch": [64]}, "LinearSoftmax: .*'net_arch'"),
        ("linear", {"activation_fn": "relu"}, "LinearSoftmax: .*'activation_fn'"),
        ("linear", {"ortho_init": True}, "LinearSoftmax: .*'ortho_init'"),
    ],
)
def test_policy_kwargs_of_the_other_kind_of_policy(policy, kwargs, text):
    with pytest.raises(TypeError, match=text):
        aimed(policy=policy, steps=0, policy_kwargs=kwargs)


def test_what_is_only_for_other_policies():
    with pytest.raises(ValueError, match="log_std_init: allowed only with a Box"):
        aimed(steps=0, policy_kwargs={"log_std_init": 0.0})
    with pytest.raises(ValueError, match="whiten_features: allowed only with a linear policy"):
        aimed(steps=0, whiten_features=True)
    assert aimed(steps=0, whiten_features=False).options.whiten_features is False


@pytest.mark.parametrize("size", [1e39, 1e100])
def test_parameters_beyond_float32_are_an_error_and_no_nan(size):
    with pytest.raises(ValueError, match="theta: expected magnitudes"):
        fastpg.MlpSoftmax(4, 2, np.full(23, size), net_arch=[3], activation_fn="relu")
    small = fastpg.MlpSoftmax(4, 2, net_arch=[3])
    dist = np.log(np.full((3, 2), 0.5))
    with pytest.raises(OverflowError):
        small.score_gradient(np.full((3, 4), size), dist, [0, 1, 0], np.ones(3))
    with pytest.raises(OverflowError):
        small.fisher_vector_product(np.ones((3, 4)), dist, np.full(small.shape, size))


def rewritten(path, **changes):
    stored, meta = checkpoints.read(path)
    meta["policy"] = meta["policy"] | changes
    text = json.dumps({"format": meta.pop("format"), **meta})
    with path.open("wb") as file:
        np.savez(file, meta=np.array(text), **stored)


@pytest.mark.parametrize(
    "changes",
    [
        {"net_arch": [8, 8]}, {"net_arch": []}, {"net_arch": [0]}, {"net_arch": None},
        {"net_arch": [2**40]}, {"net_arch": ["8"]}, {"net_arch": [8.0]}, {"net_arch": [True]},
        {"value_arch": [0]}, {"value_arch": "8"}, {"activation_fn": "gelu"},
        {"activation_fn": None}, {"ortho_init": 1}, {"ortho_init": None}, {"initial_seed": -1},
        {"initial_seed": True}, {"initial_seed": None}, {"kind": "mlp_gaussian"},
        {"kind": "linear_softmax"}, {"observation_size": 4}, {"n_actions": 4},
        {"normalizer_count": 3},
    ],
    ids=str,
)  # fmt: skip
def test_a_checkpoint_of_another_network(tmp_path, changes):
    plain = {"net_arch": [8], "normalize_observations": False}
    path = aimed(steps=0, policy_kwargs=plain).save(tmp_path / "x")
    rewritten(path)
    assert fastpg.load(path).policy.net_arch == [8]
    rewritten(path, **changes)
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path)


def test_the_first_iteration_is_normalised_only_in_an_almost_uniform_policy(rng):
    almost = fastpg.MlpSoftmax(4, 2, normalize_observations=True)
    assert almost._sees_nothing_yet()
    for other in (
        fastpg.MlpSoftmax(4, 2, almost.theta + rng.normal(size=almost.theta.size),
                          normalize_observations=True),
        fastpg.MlpSoftmax(4, 2, ortho_init=False, normalize_observations=True),
        fastpg.MlpSoftmax(4, 2, activation_fn="relu", normalize_observations=True),
        fastpg.MlpSoftmax(4, 2, net_arch=[], normalize_observations=True),
    ):  # fmt: skip
        assert not other._sees_nothing_yet()


def test_steps_beyond_the_range_of_parameters_are_not_finite():
    algo = fastpg.PPO(
        "mlp", "CartPole-v1", n_steps=64, learning_rate=1e16, max_grad_norm=None, seed=1
    )
    before, values = algo.policy.theta, algo.baseline.theta
    algo.learn(256)
    assert algo.history[-1]["train/status"] == "not_finite"
    assert (algo.policy.theta == before).all()
    assert (algo.baseline.theta == values).all()
    assert algo.optimizer.count == algo.baseline.n_updates == 0


def test_a_value_network_is_fitted_also_where_nothing_fresh_is_collected():
    algo = fastpg.PPO("mlp", "CartPole-v1", n_steps=100, baseline_batch=1, n_envs=4, seed=1)
    algo.learn(160)
    assert algo.baseline.n_updates > 0


def test_observations_of_a_value_network_count_once(rng):
    baseline = fastpg.values.mlp.MlpBaseline(3, normalize_observations=True)
    for count in (50, 100):
        baseline.fit(rng.normal(size=(50, 3)), np.arange(50), rng.normal(size=50))
        assert baseline._moments.count == count


def test_flags_of_numpy_can_be_saved(tmp_path):
    algo = fastpg.PPO("mlp", "CartPole-v1", value_kwargs={"normalize_observations": np.True_})
    assert fastpg.load(algo.save(tmp_path / "one")).value_kwargs == {"normalize_observations": True}


def test_a_dense_fisher_matrix_of_several_logits_is_that_of_its_products(rng):
    policy = fastpg.MlpSoftmax(3, 4, net_arch=[5])
    phi = rng.normal(size=(200, 3))
    dist, actions = policy.distribution(phi), rng.integers(4, size=200)
    for taken in (None, actions):
        dense = policy.fisher(phi, dist, taken)
        assert np.allclose(dense, dense.T, rtol=0, atol=1e-15)
        for column in rng.integers(dense.shape[0], size=5):
            unit = np.eye(dense.shape[0])[column]
            product = policy.fisher_vector_product(phi, dist, unit, taken)
            assert np.allclose(dense[column], product, rtol=0, atol=1e-6 * np.abs(dense).max())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "steps", "level", "most"),
    [
        ("CartPole-v1", 300_000, 475.0, 3),
        ("Acrobot-v1", 500_000, -100.0, 1),  # some seeds never reach the goal
        ("Pendulum-v1", 1_000_000, -200.0, 1),  # every second seed; which ones, rounding decides
    ],
)
def test_reinforce_learns_by_default(env_id, steps, level, most):
    """With at least so many of five seeds."""
    learned = 0
    for seed in range(5):
        algo = fastpg.REINFORCE("mlp", env_id, seed=seed).learn(steps)
        learned += fastpg.evaluate_policy(algo, env_id, 50, seed=seed)[0] >= level
        if learned == most:
            return
    pytest.fail(f"{learned} of 5 seeds have learned")
