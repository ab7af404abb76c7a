"""Bad input: a typed error that says what was expected and what came, and nothing half-changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpg
from fastpg import _core, arrays
from fastpg.algorithms import ALGORITHMS
from fastpg.rollouts.collect import make_collector

GAE = {
    "rewards": np.ones((3, 2)),
    "values": np.ones((3, 2)),
    "next_values": np.ones((3, 2)),
    "terminated": np.zeros((3, 2), dtype=bool),
    "ended": np.zeros((3, 2), dtype=bool),
}
FLOATS = ["rewards", "values", "next_values"]
FLAGS = ["terminated", "ended"]


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gae_not_finite(name, bad):
    array = np.ones((3, 2))
    array[1, 1] = bad
    with pytest.raises(ValueError, match=rf"{name}: expected finite values, got .* at .*\(1, 1\)"):
        fastpg.gae(**GAE | {name: array})


@pytest.mark.parametrize("name", FLOATS + FLAGS)
@pytest.mark.parametrize("shape", [(2, 2), (3,), (3, 2, 1), ()])
def test_gae_shapes(name, shape):
    with pytest.raises(ValueError, match="expected"):
        fastpg.gae(**GAE | {name: np.zeros(shape, dtype=GAE[name].dtype)})


@pytest.mark.parametrize("shape", [(0,), (0, 2), (3, 0)])
def test_gae_empty(shape):
    with pytest.raises(ValueError, match="rewards: expected at least one element, got shape"):
        fastpg.gae(**{name: np.zeros(shape, dtype=a.dtype) for name, a in GAE.items()})


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", [complex, object, "U1", "M8[s]", bool])
def test_gae_dtypes(name, dtype):
    with pytest.raises(TypeError, match=f"{name}: expected real numbers, got"):
        fastpg.gae(**GAE | {name: np.zeros((3, 2)).astype(dtype)})


@pytest.mark.parametrize("name", FLOATS)
def test_gae_ragged(name):
    with pytest.raises(TypeError, match=f"{name}: expected real numbers, got list"):
        fastpg.gae(**GAE | {name: [[1.0], [1.0, 2.0], [1.0]]})


@pytest.mark.parametrize("name", FLAGS)
def test_gae_flags_are_booleans(name):
    with pytest.raises(TypeError, match=f"{name}: expected booleans, got dtype int64"):
        fastpg.gae(**GAE | {name: np.zeros((3, 2), dtype=np.int64)})


@pytest.mark.parametrize("name", ["gamma", "gae_lambda"])
@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nan, np.inf])
def test_gae_ranges(name, bad):
    with pytest.raises(ValueError, match=f"{name}: expected a"):
        fastpg.gae(**GAE | {name: bad})


def test_terminated_without_an_end():
    terminated = GAE["terminated"].copy()
    terminated[1, 0] = True
    with pytest.raises(ValueError, match="expected a subset of ended"):
        fastpg.gae(**GAE | {"terminated": terminated})


def test_orders_and_read_only_arrays_are_accepted(rng):
    values = rng.normal(size=(3, 2))
    expected = fastpg.gae(**GAE | {"values": values})[0]
    fortran, strided = np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]
    read_only, swapped = values.copy(), values.astype(">f8")
    read_only.flags.writeable = False
    for same in (fortran, strided, read_only, swapped, values.tolist()):
        assert np.array_equal(fastpg.gae(**GAE | {"values": same})[0], expected)


def test_kernels_refuse_silent_copies():
    columns = np.asfortranarray(np.ones((3, 2)))
    flags = np.zeros((3, 2), dtype=bool)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.gae(columns, columns, columns, flags, flags, 0.9, 0.9, 1)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.CategoricalHead([2]).distribution(np.ones((3, 2), np.int64), np.ones(4))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.CategoricalHead([2]).distribution(columns, np.ones(4))


def moments(phi):
    made = _core.FeatureMoments(phi.shape[1])
    made.add(phi)
    return made


def head_arguments(name):
    phi, w = np.ones((3, 2)), np.ones(3)
    if name == "categorical":
        head, dist = _core.CategoricalHead([2]), np.log(np.full((3, 2), 0.5))
        actions, mask = np.zeros((3, 1), np.int32), np.ones((3, 2), dtype=bool)
    else:
        head, dist, mask = _core.GaussianHead(1), np.zeros((3, 2)), None
        actions = np.zeros((3, 1))
    theta = np.zeros(2 * head.outputs + head.extra)
    clip = _core.PpoObjective.clip
    whitening = moments(phi).whitening()
    return {
        "distribution": (head.distribution, (phi, theta, mask)),
        "sample": (head.sample, (dist, np.full((3, 1), 0.5))),
        "mode": (head.mode, (dist,)),
        "log_prob": (head.log_prob, (dist, actions)),
        "score_gradient": (head.score_gradient, (phi, dist, actions, w, 2)),
        "entropy": (head.entropy, (dist,)),
        "entropy_gradient": (head.entropy_gradient, (phi, dist)),
        "kl": (head.kl, (dist, dist)),
        "compare": (head.compare, (dist, dist, actions, w)),
        "fisher": (head.fisher, (phi, dist, actions, 2)),
        "fisher_vector_product": (head.fisher_vector_product, (phi, dist, theta, actions, 2)),
        "natural_gradient": (
            head.natural_gradient, (phi, dist, theta, None, False, 5, 1e-9, 0.0, theta, 2),
        ),
        "line_search": (
            head.line_search,
            (phi, actions, w, dist, mask, theta, theta, 0.0, 0.1, 0.8, 5),
        ),
        "ppo_epochs": (
            head.ppo_epochs,
            (phi, actions, w, mask, theta, _core.Adam(len(theta)), 0, 0, whitening, clip, 0.2, 0.0,
             0.1, 0.0, None, None, 1, 2, True, False),
        ),
    }  # fmt: skip


def tabular_arguments():
    transitions = _core.Transitions(np.full((6, 3), 1 / 3), 2)
    r, pi, start = np.zeros((3, 2)), np.full((3, 2), 0.5), np.full(3, 1 / 3)
    features, terminal = np.eye(3, dtype=np.float32), np.array([False, False, True])
    make = _core.VectorEnv.tabular
    env = make(transitions, r, start, features, terminal, 5, 3, None, True, 1)
    env.reset([np.array([i], np.uint32) for i in range(3)], None, None)
    actor = _core.SoftmaxActor(_core.FeatureMap.identity(3, True), [0.0] * 10, 2, False)
    return {
        "transitions": (_core.Transitions, (np.full((6, 3), 1 / 3), 2)),
        "finite_values": (transitions.finite_values, (r, pi, 4, 0.9)),
        "finite_optimum": (transitions.finite_optimum, (r, 4, 0.9)),
        "finite_visits": (transitions.finite_visits, (start, pi, 4)),
        "discounted_values": (transitions.discounted_values, (r, pi, start, 0.9)),
        "average_values": (transitions.average_values, (r, pi)),
        "expect": (transitions.expect, (np.zeros((3, 2)),)),
        "make_tabular": (make, (transitions, r, start, features, terminal, 5, 3, 9, True, 1)),
        "tabular_step": (env.step, (np.zeros(3, np.int64), _core.Autoreset.next_step)),
        "tabular_set_state": (env.set_state, (np.zeros((3, 1)), np.ones(3, bool))),
        "tabular_restore": (env.restore, tuple(env.snapshot().values())),
        "tabular_collect": (env.collect_steps, (actor, 3, 0, _core.Purpose.action, 0)),
    }


def kernel_arguments():
    phi, theta, w = np.ones((3, 2)), np.zeros((2, 2)), np.ones(3)
    observations, steps = np.zeros((3, 4), np.float32), np.zeros(3, np.int64)
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    native, action = env.native, _core.Purpose.action
    identity = _core.FeatureMap.identity(4, True)
    actor = _core.SoftmaxActor(identity, [0.0] * 12, 2, False)
    _, (arguments, values, snapshot) = native.__reduce__()
    heads = {
        f"{head}.{name}": call
        for head in ("categorical", "gaussian")
        for name, call in head_arguments(head).items()
    }
    return heads | tabular_arguments() | {
        "standardize": (_core.standardize, (w,)),
        "prediction_error": (_core.prediction_error, (w, w)),
        "following_values": (
            _core.following_values,
            (np.ones((2, 3)), w, np.array([1]), np.array([2]), np.ones(1)),
        ),
        "conjugate_gradient": (_core.conjugate_gradient, (np.eye(3), w, 5, 1e-9, 0.0)),
        "adam": (_core.Adam(4).ascend, (theta, theta, 0.1)),
        "adam_restore": (_core.Adam(3).restore, (w, w, 1)),
        "feature_moments_add": (_core.FeatureMoments(2).add, (phi,)),
        "feature_moments_restore": (_core.FeatureMoments(3).restore, (w, w, np.eye(3))),
        "feature_moments_whitening": (moments(phi).whitening, ()),
        "ridge_fit": (
            _core.RidgeRegression(18).fit, (observations, steps, True, w, 0.5, 0.1),
        ),
        "ridge_restore": (_core.RidgeRegression(3).restore, (w, np.eye(3), 1.0)),
        "discounted_returns": (
            _core.discounted_returns, (phi, phi, phi > 2, phi > 2, 0.9, 2),
        ),
        "gae": (_core.gae, (phi, phi, phi, phi > 2, phi > 2, 0.9, 0.9, 2)),
        "features": (identity.features, (observations, steps)),
        "normalized": (identity.normalized, ([0.0] * 4, [1.0] * 4)),
        "moments_update": (_core.RunningMoments(4).update, (observations,)),
        "moments_restore": (_core.RunningMoments(2).restore, ([0.0, 0.0], [1.0, 1.0], 3)),
        "identity": (_core.FeatureMap.identity, (4, True)),
        "polynomial": (_core.FeatureMap.polynomial, (4, True, 2)),
        "fourier": (_core.FeatureMap.fourier, (2, False, [1.0] * 4, [0.0, 1.0])),
        "value_features": (_core.value_features, (observations, steps, True)),
        "value_predict": (_core.value_predict, (observations, steps, True, np.ones(18))),
        "pcg64_uniform": (_core.pcg64_uniform, (np.zeros(1, np.uint32), 3)),
        "lane_uniforms": (_core.lane_uniforms, (0, action, 0, 3, 0, 1)),
        "sincos": (_core.sincos, (w, False)),
        "step": (native.step, (np.zeros(3, np.int64), _core.Autoreset.next_step)),
        "reset": (native.reset, ([None] * 3, np.ones(3, bool), (-0.1, 0.1))),
        "set_state": (native.set_state, (np.zeros((3, 4)), np.ones(3, bool))),
        "restore": (native.restore, tuple(snapshot.values())),
        "set_streams": (lambda words: setattr(native, "streams", words), (native.streams,)),
        "parameters": (native.parameters, (0,)),
        "set_parameter": (native.set_parameter, ("gravity", [9.8])),
        "restored_env": (_core.restored_env, (arguments, values, snapshot)),
        "make_env": (_core.VectorEnv, ("Pendulum", 3, 200, True, True, 1)),
        "softmax_actor": (_core.SoftmaxActor, (identity, [0.0] * 12, 2, False)),
        "gaussian_actor": (
            _core.GaussianActor, (identity, [0.0] * 7, [-1.0], [1.0], False),
        ),
        "collect_steps": (
            native.collect_steps, (actor, 3, 0, action, 0),
        ),
        "collect_episodes": (
            native.collect_episodes, (actor, 3, 10**6, 0, action, 0),
        ),
    }  # fmt: skip


KERNELS = list(kernel_arguments())
STRANGE = [
    np.zeros((0, 0)), np.zeros((0,)), np.zeros((3, 0)), np.zeros((0, 2)), np.zeros((7, 7)),
    np.zeros(9), np.zeros((2, 2, 2)), np.full((3, 2), np.nan), np.full(3, np.inf),
    np.full((3, 4), np.nan), np.full((3, 4), np.inf, np.float32), np.array(1.0),
    np.full(3, -1, np.int32), np.full(3, 99, np.int32), np.full(3, -(2**63), np.int64),
    np.full(3, 2**62, np.int64), np.ones((3, 2), np.float32), np.full((3, 2), np.nan, np.float32),
    np.zeros((0, 2), np.float32), np.full((3, 1), -1, np.int32),
    np.zeros((5, 2), dtype=object), None, "text", -1, 0, 2**70, -1.0, np.nan, np.inf, 1e308,
    [], {}, object(),
]  # fmt: skip


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_survive_any_argument(name, every):
    """Whatever comes in any place: a typed error, or a result. Never a crash."""
    kernel, arguments = kernel_arguments()[name]
    for place in range(len(arguments)):
        for strange in STRANGE[place % every :: every]:
            given = [*arguments]
            given[place] = strange
            try:
                kernel(*given)
            except (TypeError, ValueError, RuntimeError, OverflowError, MemoryError):
                continue
            # Others, since those that led to a result may be changed.
            kernel, arguments = kernel_arguments()[name]


def test_a_tabular_environment_survives_any_state():
    restore, snapshot = tabular_arguments()["tabular_restore"]
    env = restore.__self__
    for strange in (np.nan, np.inf, -np.inf, 1e308, -1e308, 2.0**63, -0.5, 1e-310):
        for put in (
            lambda bad: env.set_state(bad.reshape(3, 1), np.ones(3, bool)),
            lambda bad: env.restore(bad.reshape(1, 3), *snapshot[1:]),
        ):
            try:
                put(np.full(3, strange))
            except ValueError:
                continue
            observations, *_ = env.step(np.zeros(3, np.int64), _core.Autoreset.next_step)
            assert np.array_equal(observations.sum(axis=1), np.ones(3))


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_run_on_good_arguments(name):
    kernel, arguments = kernel_arguments()[name]
    kernel(*arguments)


POLICY = fastpg.LinearSoftmax(4, 2)
EVEN = np.log([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fastpg.LinearSoftmax(0, 2), ValueError, "observation_size: expected an integer"),
        (lambda: fastpg.LinearSoftmax(2.5, 2), TypeError, "expected an integer, got 2.5"),
        (lambda: fastpg.LinearSoftmax(4, -1), ValueError, "n_actions"),
        (lambda: fastpg.LinearSoftmax(4, True), TypeError, "n_actions"),
        (lambda: fastpg.LinearSoftmax(4, 2, np.zeros((4, 2))), ValueError, r"theta.*\(5, 2\)"),
        (lambda: POLICY.features(np.zeros((3, 5))), ValueError, "observations: expected shape"),
        (lambda: POLICY.features(np.zeros((0, 4))), ValueError, "at least one element"),
        (lambda: POLICY.features([["a"] * 4]), TypeError, "real numbers"),
        (lambda: POLICY.features([[1.0, 2.0], [3.0]]), TypeError, "real numbers"),
        (lambda: POLICY.features(np.full((1, 4), 1e300)), ValueError, "finite"),
        (lambda: POLICY.sample(np.log([[0.5, 0.5]]), [1.0]), ValueError, "uniforms"),
        (lambda: POLICY.log_prob(EVEN, [2]), ValueError, r"actions.*\[0, 2\), got 2"),
        (lambda: POLICY.log_prob(EVEN, [0.0]), TypeError, "actions: expected integers"),
        (lambda: fastpg.conjugate_gradient(np.eye(3), np.ones(2)), ValueError, "matrix"),
        (lambda: fastpg.conjugate_gradient(np.eye(2), np.ones(2), max_steps=0), ValueError,
         "max_steps"),
        (lambda: fastpg.conjugate_gradient(np.eye(2), np.ones(2), tol=-1.0), ValueError, "tol"),
        (lambda: fastpg.conjugate_gradient(np.eye(2), np.ones(2), damping=-1.0), ValueError,
         "damping"),
        (lambda: fastpg.LinearBaseline(4, ridge=0.0), ValueError, "ridge"),
        (lambda: fastpg.LinearBaseline(4, memory=1.5), ValueError, "memory"),
        (lambda: fastpg.LinearBaseline(4).fit(np.zeros((2, 4)), [0], [0.0]), ValueError,
         "step_index"),
        (lambda: fastpg.make_vec("CartPole-v1", 0), ValueError, "num_envs"),
        (lambda: fastpg.make_vec("CartPole-v1", -3), ValueError, "num_envs"),
        (lambda: fastpg.make_vec("CartPole-v1", 2.0), TypeError, "num_envs"),
        (lambda: fastpg.make_vec("CartPole-v1", max_episode_steps=0), ValueError,
         "max_episode_steps"),
        (lambda: fastpg.make_vec(3), TypeError, "id: expected a string"),
        (lambda: fastpg.make_vec("CartPole-v1", autoreset_mode="Sometimes"), ValueError,
         "unknown autoreset_mode 'Sometimes'"),
        (lambda: fastpg.make_vec("CartPole-v1", gravty=3.0), TypeError,
         "unknown option 'gravty'; did you mean 'gravity'"),
        (lambda: fastpg.make_vec("CartPole-v1", exact="yes"), TypeError, "exact"),
        (lambda: fastpg.make_vec("CartPole-v1", sutton_barto_reward=1), TypeError,
         "sutton_barto_reward"),
        (lambda: fastpg.make_vec("CartPole-v1", kinematics_integrator="euler2"), ValueError,
         "did you mean 'euler'"),
        (lambda: fastpg.collect(fastpg.make_vec("CartPole-v1"), POLICY), ValueError,
         "exactly one of n_steps and n_episodes"),
        (lambda: fastpg.collect(fastpg.make_vec("CartPole-v1"), POLICY, n_steps=0), ValueError,
         "n_steps"),
        (lambda: fastpg.collect("CartPole-v1", POLICY, n_steps=1), TypeError, "make_vec"),
        (lambda: fastpg.collect(fastpg.make_vec("CartPole-v1"), fastpg.LinearSoftmax(3, 2),
                                n_steps=1), ValueError, "observation_size"),
    ],
)  # fmt: skip
def test_public_functions(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    ("id", "nearest"),
    [("CartPole-v2", "CartPole-v1"), ("cartpole-v1", "CartPole-v1"), ("CartPol", "CartPole-v1")],
)
def test_unknown_environment_names_the_nearest(id, nearest):
    with pytest.raises(ValueError, match=f"unknown environment '{id}'; did you mean '{nearest}'"):
        fastpg.make_vec(id)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("PPO", "ppo"), ("tpro", "trpo"), ("vpg", "reinforce"), ("REINFORCE", "reinforce")],
)
def test_unknown_algorithm_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"unknown algorithm '{name}'; did you mean '{nearest}'"):
        fastpg.train(name, "CartPole-v1")


@pytest.mark.parametrize(
    ("algorithm", "option", "nearest"),
    [
        ("trpo", "max_kl", "target_kl"),
        ("trpo", "delta", "target_kl"),
        ("npg", "damping", "cg_damping"),
        ("npg", "cg_iters", "cg_max_steps"),
        ("npg", "normalized_step_size", "target_kl"),
        ("trpo", "backtrack_coeff", "line_search_shrinking_factor"),
        ("ppo", "clip_coef", "clip_range"),
        ("ppo", "eps_clip", "clip_range"),
        ("ppo", "lr", "learning_rate"),
        ("ppo", "num_envs", "n_envs"),
        ("ppo", "lam", "gae_lambda"),
        ("ppo", "update_epochs", "n_epochs"),
        ("ppo", "learning_rat", "learning_rate"),
        ("reinforce", "discount", "gamma"),
    ],
)
def test_other_libraries_spellings(algorithm, option, nearest):
    with pytest.raises(TypeError, match=f"unknown option '{option}'; did you mean '{nearest}'"):
        ALGORITHMS[algorithm]("linear", "CartPole-v1", **{option: 1})


@pytest.mark.parametrize(
    ("algorithm", "option", "bad", "error"),
    [
        (name, option, bad, error)
        for name in ("npg", "ppo", "reinforce")
        for option, bad, error in [
            ("gamma", 1.5, ValueError),
            ("gamma", -0.1, ValueError),
            ("gamma", np.nan, ValueError),
            ("gamma", "0.9", TypeError),
            ("gamma", None, TypeError),
            ("gamma", [0.9], TypeError),
            ("n_envs", 0, ValueError),
            ("n_envs", 2.0, TypeError),
            ("ent_coef", -1.0, ValueError),
            ("ent_coef", np.inf, ValueError),
        ]
    ]
    + [
        ("npg", "target_kl", 0.0, ValueError),
        ("npg", "target_kl", -1.0, ValueError),
        ("npg", "fisher", "empirical", ValueError),
        ("npg", "normalize_advantage", 1, TypeError),
        ("npg", "n_steps", 0, ValueError),
        ("npg", "cg_max_steps", 0, ValueError),
        ("npg", "cg_damping", -1e-9, ValueError),
        ("trpo", "line_search_shrinking_factor", 0.0, ValueError),
        ("trpo", "line_search_shrinking_factor", 1.5, ValueError),
        ("ppo", "learning_rate", 0.0, ValueError),
        ("ppo", "clip_range", -0.2, ValueError),
        ("ppo", "batch_size", 0, ValueError),
        ("ppo", "n_epochs", 1.5, TypeError),
        ("ppo", "max_grad_norm", 0.0, ValueError),
        ("reinforce", "n_episodes", 0, ValueError),
    ],
)
def test_option_ranges(algorithm, option, bad, error):
    with pytest.raises(error, match=f"{option}"):
        ALGORITHMS[algorithm]("linear", "CartPole-v1", **{option: bad})


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_algorithm_arguments(name):
    algorithm = ALGORITHMS[name]
    with pytest.raises(ValueError, match="LinearSoftmax"):
        algorithm("MlpPolicy", "CartPole-v1")
    with pytest.raises(TypeError, match="policy: expected a policy or its name"):
        algorithm(None, "CartPole-v1")
    with pytest.raises(ValueError, match="observation_size 3, got 4"):
        algorithm(fastpg.LinearSoftmax(3, 2), "CartPole-v1")
    with pytest.raises(TypeError, match="env: expected an id, an Env, a callable"):
        algorithm("linear", 3)
    for bad, error in ((-1, ValueError), (2**64, ValueError), (1.5, TypeError), ("a", TypeError)):
        with pytest.raises(error, match="seed"):
            algorithm("linear", "CartPole-v1", seed=bad)
    algo = algorithm("linear", "CartPole-v1", seed=0)
    for bad, error in ((-1, ValueError), (1e5, TypeError), (None, TypeError), (True, TypeError)):
        with pytest.raises(error, match="total_timesteps"):
            algo.learn(bad)
    for bad in (np.zeros(3), np.zeros((2, 3)), np.zeros((1, 2, 4))):
        with pytest.raises(ValueError, match="observation: expected shape"):
            algo.predict(bad)
    with pytest.raises(ValueError, match="observation: expected finite"):
        algo.predict([0.0, np.nan, 0.0, 0.0])
    assert algo.history == []
    assert not algo.policy.theta.any()


def test_a_policy_keeps_its_theta_when_a_new_one_is_refused():
    policy = fastpg.LinearSoftmax(1, 2, np.ones((2, 2)))
    for bad in (np.zeros((3, 2)), np.full((2, 2), np.nan), "x", None):
        with pytest.raises((TypeError, ValueError)):
            policy.theta = bad
        assert np.array_equal(policy.theta, np.ones((2, 2)))


@pytest.mark.parametrize("observation_size", [2, 40])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e151])
def test_no_policy_takes_a_theta_that_is_not_finite(observation_size, bad):
    policy = fastpg.LinearSoftmax(observation_size, 4)
    theta = np.zeros(policy.shape)
    theta[1, 2] = bad
    with pytest.raises(ValueError, match="theta: expected"):
        policy.theta = theta
    assert not policy.theta.any()


@pytest.mark.parametrize("size", [3, 100])
def test_norms(size):
    values = np.zeros(size)
    assert arrays.norm(values) == 0.0
    values[:2] = 3e200, -4e200
    assert arrays.norm(values) == pytest.approx(5e200, rel=1e-15)
    for bad in (np.nan, np.inf, -np.inf):
        values[1] = bad
        assert not np.isfinite(arrays.norm(values))


def test_an_environment_keeps_its_state_when_a_step_is_refused():
    env = fastpg.make_vec("CartPole-v1", 2)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(2, dtype=int))
    env.reset(seed=0)
    before = env.native.get_state()
    bad = [
        ([0, 2], ValueError), ([0, -1], ValueError), ([0], ValueError), ([0, 1, 0], ValueError),
        ([0.0, 1.0], TypeError), ([[0, 1]], ValueError), (None, TypeError), (["a", "b"], TypeError),
        ([True, False], TypeError), (np.array([0, 2**63], dtype=np.uint64), ValueError),
    ]  # fmt: skip
    for actions, error in bad:
        with pytest.raises(error, match="actions: expected"):
            env.step(actions)
    for options, error in [
        ({"low": 1.0, "high": 0.0}, ValueError),
        ({"low": np.nan}, ValueError),
        ({"high": "x"}, ValueError),
        ({"reset_mask": np.array([True])}, ValueError),
        ({"reset_mask": np.array([1, 0])}, TypeError),
        ({"reset_mask": np.array([False, False])}, ValueError),
    ]:
        with pytest.raises(error):
            env.reset(options=options)
    for seed, error in [(-1, ValueError), ([1], ValueError), ([1, -2], ValueError),
                        (1.5, TypeError), ("a", TypeError), ([1, "a"], TypeError)]:  # fmt: skip
        with pytest.raises(error, match="seed"):
            env.reset(seed=seed)
    assert np.array_equal(env.native.get_state(), before)


def test_collecting_before_a_reset():
    env = fastpg.make_vec("CartPole-v1", 2)
    with pytest.raises(RuntimeError, match="reset"):
        make_collector(env, POLICY, 0).steps(3)


def test_sizes_beyond_any_memory():
    with pytest.raises(ValueError, match="num_envs"):
        fastpg.make_vec("CartPole-v1", 2**24 + 1)
    env = fastpg.make_vec("CartPole-v1", 4)
    env.reset(seed=0)
    before = env.native.get_state()
    for size in (2**46 + 1, 2**61, 2**62, 2**63 - 1):
        with pytest.raises(ValueError, match="n_steps: expected an integer in"):
            make_collector(env, POLICY, 0).steps(size)
        with pytest.raises(ValueError, match="expected at most"):
            env.native.collect_steps(
                POLICY.actor(env.single_action_space, False), size, 0, _core.Purpose.action, 0
            )
    for size in (2**48 + 1, 2**62, 2**63 - 1):
        with pytest.raises(ValueError, match="n_episodes: expected an integer in"):
            make_collector(env, POLICY, 0).episodes(size)
    assert np.array_equal(env.native.get_state(), before)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 6),
    n_actions=st.integers(1, 6),
    n=st.integers(1, 30),
    scale=st.sampled_from([1e-300, 1e-8, 1.0, 1e8, 1e140]),
)
@settings(max_examples=60, deadline=None)
def test_extreme_policies_never_give_a_nan_silently(seed, size, n_actions, n, scale):
    rng = np.random.default_rng(seed)
    policy = fastpg.LinearSoftmax(size, n_actions, scale * rng.normal(size=(size + 1, n_actions)))
    phi = policy.features(rng.normal(size=(n, size)))
    log_pi = policy.log_probs(phi)
    assert not np.isnan(log_pi).any()
    assert np.isfinite(policy.entropy(log_pi)).all()
    actions = policy.sample(log_pi, rng.random(n) * 0.99 + 0.005)
    assert ((actions >= 0) & (actions < n_actions)).all()
