"""Observations of any size: networks compute in float32, whose squares end at 1e38."""

import numpy as np
import pytest
from gymnasium import spaces

import fastpg
import mlp_cases
from fastpg import tabular
from fastpg.algorithms import ALGORITHMS
from mlp_kinds import KINDS

NAMES = list(ALGORITHMS)
SIZES = [1e18, 1e20, 1e30, 3e38]
STATUSES = {"accepted", "zero_gradient", "no_improvement", "kl_exceeded", "not_finite"}


class Far(mlp_cases.Aim):
    """What is seen is so many times as large."""

    def __init__(self, size, box):
        super().__init__(box)
        self.size = size
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float64)

    def reset(self, *, seed=None, options=None):
        seen, info = super().reset(seed=seed, options=options)
        return seen.astype(float) * self.size, info

    def step(self, action):
        seen, *rest = super().step(action)
        return seen.astype(float) * self.size, *rest


def made(name, size, box, activation="tanh", value_activation=None, **policy_kwargs):
    kwargs = {"net_arch": [6], "activation_fn": activation} | policy_kwargs
    given = {"value_kwargs": {"activation_fn": value_activation}} if value_activation else {}
    return ALGORITHMS[name](
        "mlp", lambda: Far(size, box), n_envs=4, seed=0, policy_kwargs=kwargs, **given
    )


def flat_case(kind, size, rng):
    """First weights 0: whatever is seen, no unit is saturated and outputs are those of biases."""
    case = mlp_cases.make(rng, kind, "tanh", [4], 3, KINDS[kind].example, 20)
    theta = case.theta.copy()
    theta[:12] = 0.0
    case.policy.theta = theta
    phi = (case.phi * size).astype(np.float32).astype(float)
    return mlp_cases.Case(case.policy, phi, None, None, rng)


@pytest.mark.parametrize("size", [1.0, 1e18, 1e20, 1e30, 1e35])
@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.masked])
def test_the_trace_and_the_matrix_of_large_inputs(rng, kind, size):
    case = flat_case(kind, size, rng)
    batch = case.policy.batch(case.phi, case.actions)
    g = np.ones(len(case.theta))
    for sampled in (False, True):
        curvature = case.sampled_curvature if sampled else case.curvature
        expected = case.fisher(curvature)
        found = batch.fisher(case.theta, case.dist, sampled)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
        damping = 0.1 * np.trace(expected) / len(expected)
        by_products = batch.natural_gradient(
            case.theta, case.dist, g, sampled, False, 1, 0.0, 0.1, None
        )
        assert by_products.damping == pytest.approx(damping, rel=1e-4)
        assert by_products.status != "not_finite" or size > 1e18
        solved = batch.natural_gradient(case.theta, case.dist, g, sampled, True, 1, 0.0, 0.1, None)
        assert np.allclose((expected + damping * np.eye(len(g))) @ solved.direction, g, rtol=1e-2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_saturated_units_learn_from_their_signs(name, box, size):
    """tanh is -1 or 1, and the first layer has no gradient."""
    algo = made(name, size, box)
    before = algo.policy.theta
    algo.learn(1024)
    assert {record["train/status"] for record in algo.history} == {"accepted"}
    assert {record["train/critic_status"] for record in algo.history} == {"accepted"}
    assert np.isfinite(algo.policy.theta).all()
    assert np.isfinite(algo.baseline.theta).all()
    assert not np.array_equal(algo.policy.theta, before)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("activation", ["relu", "elu", "silu"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state_std", [False, True])
def test_without_saturation_a_status_or_an_error_keeps_what_was(name, activation, size, state_std):
    kwargs = {"state_dependent_std": state_std, "normalize_observations": False}
    algo = made(name, size, True, activation, **kwargs)
    before, values = algo.policy.theta, algo.baseline.theta
    if size == 3e38:
        with pytest.raises(ValueError, match="not finite"):
            algo.learn(1024)
        assert algo.history == []
    else:
        algo.learn(1024)
    statuses = {record["train/status"] for record in algo.history}
    of_values = {record["train/critic_status"] for record in algo.history}
    assert statuses <= STATUSES
    assert of_values <= {"accepted", "not_finite"}
    if "accepted" not in statuses:
        assert np.array_equal(algo.policy.theta, before)
    if "accepted" not in of_values:
        assert np.array_equal(algo.baseline.theta, values)
    assert np.isfinite(algo.policy.theta).all()
    assert np.isfinite(algo.baseline.theta).all()
    for record in algo.history:
        assert all(np.isfinite(v) for v in record.values() if isinstance(v, float))


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_without_saturation_it_learns_as_soon_as_inputs_are_normalised(name, box):
    algo = made(name, 1e30, box, "relu").learn(8192)
    assert {record["train/status"] for record in algo.history[1:]} == {"accepted"}
    key = "rollout/ep_rew_mean"
    assert algo.history[-1][key] > algo.history[0][key] + 2


@pytest.mark.parametrize("name", NAMES)
def test_values_beyond_float32_are_an_error(name):
    algo = made(name, 3e38, True, value_activation="relu", normalize_observations=False)
    before = algo.policy.theta
    with pytest.raises(ValueError, match="the values of the network are not finite"):
        algo.learn(1024)
    assert algo.history == []
    assert np.array_equal(algo.policy.theta, before)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_values_are_normalised(name):
    algo = made(name, 3e38, True, value_activation="relu").learn(1024)
    assert {record["train/critic_status"] for record in algo.history} == {"accepted"}
    assert algo.history[0]["train/value_loss"] < 100.0


@pytest.mark.parametrize("size", [1e300, 4e38])
@pytest.mark.parametrize("policy", ["mlp", "linear"])
def test_observations_that_float32_does_not_hold_are_an_error(policy, size):
    expected = r"observation: expected magnitudes of at most 3\.4e\+38, the range of float32, got"
    algo = fastpg.PPO(policy, lambda: Far(size, False), n_envs=2, seed=0)
    before = algo.policy.theta
    with pytest.raises(ValueError, match=expected):
        algo.learn(64)
    with pytest.raises(ValueError, match=expected):
        algo.predict(np.array([0.0, size, 0.0]))
    with pytest.raises(ValueError, match="expected finite values, got inf"):
        algo.predict(np.array([0.0, np.inf, 0.0]))
    assert np.array_equal(algo.policy.theta, before)


@pytest.mark.parametrize("size", SIZES)
def test_normalised_observations_are_those_of_any_size(rng, size):
    observations = rng.uniform(-1.0, 1.0, (200, 3)).astype(np.float32)
    large = (observations.astype(float) * size).astype(np.float32)
    policies = [fastpg.MlpSoftmax(3, 2, normalize_observations=True, seed=1) for _ in range(2)]
    phis = []
    for policy, seen in zip(policies, (observations, large), strict=True):
        policy.observe(seen)
        phis.append(policy.features(seen))
    assert np.allclose(*phis, rtol=1e-4, atol=1e-4)
    baselines = [fastpg.MlpBaseline(3, net_arch=[5], normalize_observations=True) for _ in range(2)]
    values = []
    for baseline, seen in zip(baselines, (observations, large), strict=True):
        baseline.fit(seen, np.arange(200), observations[:, 0])
        values.append(baseline.predict(seen, np.arange(200)))
    assert np.allclose(*values, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [1e20, 1e30, 3e38])
def test_a_fit_of_values_beyond_float32_keeps_what_was(rng, size):
    observations = (rng.uniform(-1.0, 1.0, (200, 3)) * size).astype(np.float32)
    baseline = fastpg.MlpBaseline(3, net_arch=[5], activation_fn="relu")
    before = baseline.state()
    with pytest.raises(OverflowError, match="fit that diverged"):
        baseline.fit(observations, np.arange(200), np.ones(200))
    assert all(np.array_equal(before[name], kept) for name, kept in baseline.state().items())
    if size == 3e38:
        with pytest.raises(ValueError, match="the values of the network are not finite"):
            baseline.predict(observations, np.arange(200))


def lake(size):
    """An environment in C++ with so large observations."""
    mdp = tabular.garnet(5, 3, 2, seed=0, horizon=10)
    features = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 3)) * size
    return tabular.make_vec(mdp, 4, features=features.astype(np.float32))


@pytest.mark.parametrize("baseline", ["mlp", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_rollouts_in_cpp(name, baseline):
    for size in SIZES:
        algo = ALGORITHMS[name]("mlp", lake(size), seed=0, baseline=baseline).learn(600)
        assert {record["train/status"] for record in algo.history} == {"accepted"}
    kwargs = {"activation_fn": "relu"}
    algo = ALGORITHMS[name]("mlp", lake(3e38), seed=0, baseline=baseline, policy_kwargs=kwargs)
    algo.policy.theta = before = np.ones_like(algo.policy.theta)
    with pytest.raises(ValueError, match="observations, parameters: their products are not finite"):
        algo.learn(600)
    with pytest.raises(ValueError, match="the products of features and parameters are not finite"):
        algo.predict(np.full(3, 3e38, np.float32))
    assert algo.history == []
    assert np.array_equal(algo.policy.theta, before)


@pytest.mark.parametrize("count", ["n_steps", "n_episodes", "evaluate"])
def test_a_failed_rollout_in_cpp_moves_nothing(count):
    env = lake(3e38)
    env.reset(seed=1)
    env.step(np.zeros(4, np.int64))
    policy = fastpg.MlpSoftmax(3, 3, net_arch=[4], activation_fn="relu")
    policy.theta = np.ones_like(policy.theta)
    before, moves = env.native.snapshot(), env.moves
    model = fastpg.PPO(policy, lake(3e38), seed=0)
    calls = {
        "n_steps": lambda: fastpg.collect(env, policy, n_steps=5, seed=2),
        "n_episodes": lambda: fastpg.collect(env, policy, n_episodes=5, seed=2),
        "evaluate": lambda: fastpg.evaluate_policy(model, env, 5),
    }
    with pytest.raises(ValueError, match="their products are not finite"):
        calls[count]()
    after = env.native.snapshot()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert env.moves == moves


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("reinforce", {"optimizer": "sgd", "learning_rate": 1e12}),
        ("npg", {"step_size": 1e12}),
        # One minibatch: no gradient follows the step.
        (
            "ppo",
            {"learning_rate": 1e12, "n_epochs": 1, "batch_size": 10**6, "baseline": "linear"},
        ),
    ],
)
def test_a_step_whose_outputs_overflow_is_not_taken(name, box, options):
    """Its parameters are finite, and within the bound of 1e15."""
    kwargs = {"net_arch": [8] * 6, "activation_fn": "elu", "ortho_init": False}
    algo = ALGORITHMS[name](
        "mlp", lambda: mlp_cases.Aim(box), n_envs=4, seed=0, policy_kwargs=kwargs, **options
    )
    before, largest, takes = algo.policy.theta, [], algo.policy._takes
    algo.policy._takes = lambda theta: largest.append(np.abs(theta).max()) or takes(theta)
    algo.learn(1024)
    assert {record["train/status"] for record in algo.history} == {"not_finite"}
    assert np.array_equal(algo.policy.theta, before)
    if name != "ppo":
        assert all(1e6 < size < 1e15 for size in largest)
    if name != "npg":
        assert algo.optimizer.count == 0
    for record in algo.history:
        assert record["train/kl"] == 0.0
        assert all(np.isfinite(v) for v in record.values() if isinstance(v, float))
