"""Statistics collected in one pass equal those of a trajectory that is kept."""

import os
import sys

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg import tabular
from fastpg.collection import make_collector
from fastpg.streamed import StatisticsCollector
from processes import python
from test_native_collection import policy_for

ENVS = ["Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"]
ROLLOUT = [
    "observations", "actions", "rewards", "terminated", "truncated", "valid", "step_index",
    "last_observations", "last_step_index", "end_rows", "end_columns", "final_observations",
    "episode_returns", "episode_lengths",
]  # fmt: skip


def make(env_id, num_envs=5, **options):
    return fastpg.make_vec(env_id, num_envs, **options)


def fitted_baseline(env, policy, **options):
    """A baseline that has seen other data."""
    baseline = fastpg.LinearBaseline(env.single_observation_space.shape[0], **options)
    rollout = fastpg.collect(env, policy, n_steps=40, seed=90)
    baseline.fit(
        rollout.flat(rollout.observations),
        rollout.flat(rollout.step_index),
        np.random.default_rng(0).normal(size=rollout.sample_count),
    )
    return baseline


def copy_of(baseline):
    other = fastpg.LinearBaseline(
        baseline.observation_size,
        ridge=baseline.ridge,
        memory=baseline.memory,
        time=baseline.time,
    )
    other.restore(baseline.state())
    return other


def by_two_passes(rollout, policy, baseline, gamma=0.99, gae_lambda=0.95):
    """The same from the trajectory, with the parts that stand alone; fits the baseline."""
    values, following = np.zeros((2, *rollout.rewards.shape))
    if baseline is not None:
        values, following = rollout.values(baseline)
    advantages, targets = fastpg.gae(
        rollout.rewards, values, following, rollout.terminated, rollout.ended, gamma, gae_lambda
    )
    a = rollout.flat(advantages)
    observations, steps = rollout.flat(rollout.observations), rollout.flat(rollout.step_index)
    actions = rollout.flat(rollout.actions)
    phi = policy.features(observations, steps)
    dist = policy.distribution(phi)
    if baseline is not None:
        baseline.fit(observations, steps, rollout.flat(targets))
    return {
        "gradient": policy.score_gradient(phi, dist, actions, a),
        "score_mean": policy.score_gradient(phi, dist, actions, np.ones_like(a)),
        "advantage_mean": a.mean(),
        "advantage_std": a.std(),
        "fisher": policy.fisher(phi, dist),
        "entropy": policy.entropy(dist).mean(),
        "standardized_gradient": policy.score_gradient(
            phi, dist, actions, (a - a.mean()) / (a.std() + 1e-8)
        ),
    }


def assert_close(statistics, expected):
    for name, value in expected.items():
        scale = np.abs(value).max()
        assert np.allclose(getattr(statistics, name), value, rtol=1e-10, atol=1e-12 * scale), name


def bits(statistics):
    return [
        np.asarray(getattr(statistics, name)).tobytes()
        for name in (
            "gradient", "score_mean", "advantage_mean", "advantage_std", "fisher", "entropy",
            "episode_returns", "episode_lengths",
        )
    ]  # fmt: skip


def same_state(one, other):
    a, b = one.get_state(), other.get_state()
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("states", "streams", "elapsed_steps", "episode_returns", "status")
    )


@pytest.mark.parametrize("env_id", ENVS)
@pytest.mark.parametrize("features", ["identity", "time", "polynomial", "fourier"])
@pytest.mark.parametrize("num_envs", [1, 5, 21])
def test_equals_two_passes(env_id, features, num_envs):
    """With ends of episodes by both kinds within the window, and running over its end."""
    env, other = (make(env_id, num_envs, max_episode_steps=17) for _ in range(2))
    policy = policy_for(env, features)
    baseline = fitted_baseline(other, policy, memory=0.5)
    two = copy_of(baseline)
    statistics = fastpg.collect_statistics(
        env, policy, n_steps=100, baseline=baseline, seed=3, fit_baseline=True
    )
    rollout = fastpg.collect(other, policy, n_steps=100, seed=3)
    assert rollout.ended.any()
    assert num_envs < 21 or rollout.truncated.any()
    assert_close(statistics, by_two_passes(rollout, policy, two))
    assert np.array_equal(statistics.episode_returns, rollout.episode_returns)
    assert np.array_equal(statistics.episode_lengths, rollout.episode_lengths)
    assert statistics.sample_count == rollout.sample_count
    assert statistics.rollout is None
    assert same_state(env, other)
    for name, value in two.state().items():
        scale = np.abs(value).max()
        assert np.allclose(baseline.state()[name], value, rtol=1e-9, atol=1e-11 * scale), name
    # The fit amplifies rounding errors by the condition of the features.
    observations, steps = rollout.flat(rollout.observations), rollout.flat(rollout.step_index)
    predicted = two.predict(observations, steps)
    assert np.allclose(
        baseline.predict(observations, steps),
        predicted,
        rtol=0,
        atol=1e-7 * np.abs(predicted).max(),
    )


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_many_blocks_of_lanes(env_id):
    """Several blocks in several chunks, the last of them short."""
    env, other = (make(env_id, 203, max_episode_steps=90) for _ in range(2))
    policy = policy_for(env)
    baseline = fitted_baseline(other, policy, time=False)
    two = copy_of(baseline)
    statistics = fastpg.collect_statistics(
        env, policy, n_steps=700, baseline=baseline, seed=1, fit_baseline=True, gamma=0.9,
        gae_lambda=0.5,
    )  # fmt: skip
    rollout = fastpg.collect(other, policy, n_steps=700, seed=1)
    assert_close(statistics, by_two_passes(rollout, policy, two, 0.9, 0.5))
    assert np.array_equal(statistics.episode_returns, rollout.episode_returns)
    assert np.allclose(baseline.weights, two.weights, rtol=1e-6, atol=1e-8)
    assert same_state(env, other)


@pytest.mark.parametrize("env_id", ENVS)
def test_without_a_baseline_values_are_zero(env_id):
    env = make(env_id)
    policy = policy_for(env)
    statistics = fastpg.collect_statistics(env, policy, n_steps=60, seed=2)
    rollout = fastpg.collect(env, policy, n_steps=60, seed=2)
    assert_close(statistics, by_two_passes(rollout, policy, None))
    unfitted = fastpg.LinearBaseline(env.single_observation_space.shape[0])
    same = fastpg.collect_statistics(env, policy, n_steps=60, seed=2, baseline=unfitted)
    assert bits(same) == bits(statistics)
    assert unfitted.weights is None


def test_normalised_observations():
    env = make("CartPole-v1", 7)
    policy = fastpg.LinearSoftmax.for_env(env, normalize_observations=True)
    policy.theta = np.random.default_rng(1).normal(size=policy.shape)
    rollout = fastpg.collect(env, policy, n_steps=50, seed=0)
    policy.observe(rollout.flat(rollout.observations))
    statistics = fastpg.collect_statistics(env, policy, n_steps=50, seed=1)
    rollout = fastpg.collect(env, policy, n_steps=50, seed=1)
    assert_close(statistics, by_two_passes(rollout, policy, None))


def test_a_finite_mdp():
    mdp = tabular.garnet(6, 3, 2, horizon=8, seed=0)
    env, other = (tabular.make_vec(mdp, 6) for _ in range(2))
    policy = fastpg.LinearSoftmax.for_env(env)
    policy.theta = np.random.default_rng(0).normal(size=policy.shape)
    baseline = fastpg.LinearBaseline(6)
    statistics = fastpg.collect_statistics(
        env, policy, n_steps=50, baseline=baseline, seed=0, fit_baseline=True
    )
    two = fastpg.LinearBaseline(6)
    rollout = fastpg.collect(other, policy, n_steps=50, seed=0)
    assert rollout.terminated.any()
    assert_close(statistics, by_two_passes(rollout, policy, two))
    assert same_state(env, other)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("keep", [False, True])
def test_the_same_bits_for_any_number_of_threads(env_id, keep):
    results, states = [], []
    for threads in (1, 2, 3, 8):
        env = make(env_id, 100, num_threads=threads, max_episode_steps=150)
        policy = policy_for(env)
        baseline = fitted_baseline(env, policy)
        statistics = fastpg.collect_statistics(
            env, policy, n_steps=400, baseline=baseline, seed=5, fit_baseline=True, keep=keep
        )
        results.append([*bits(statistics), baseline.weights.tobytes()])
        states.append(env)
    assert all(result == results[0] for result in results)
    assert all(same_state(states[0], env) for env in states)


@pytest.mark.parametrize("env_id", ENVS)
@pytest.mark.parametrize("num_envs", [3, 70])
def test_what_is_kept_is_what_collect_gives(env_id, num_envs):
    env = make(env_id, num_envs, max_episode_steps=45)
    policy = policy_for(env)
    statistics = fastpg.collect_statistics(env, policy, n_steps=150, seed=8, keep=True)
    rollout = fastpg.collect(env, policy, n_steps=150, seed=8)
    for name in ROLLOUT:
        assert np.array_equal(getattr(statistics.rollout, name), getattr(rollout, name)), name
    for name in ("sample_count", "step_count", "complete"):
        assert getattr(statistics.rollout, name) == getattr(rollout, name)
    dropped = fastpg.collect_statistics(env, policy, n_steps=150, seed=8)
    assert bits(dropped) == bits(statistics)


def test_batches_go_on_where_the_last_ended():
    env, other = make("CartPole-v1", 4), make("CartPole-v1", 4)
    policy = policy_for(env)
    env.reset(seed=6)
    other.reset(seed=6)
    streamed, stored = StatisticsCollector(env, policy, seed=7), make_collector(other, policy, 7)
    for n_steps in (1, 30, 51):
        kept = streamed.steps(n_steps, keep=True).rollout
        rollout = stored.steps(n_steps)
        assert np.array_equal(kept.observations, rollout.observations)
        assert np.array_equal(kept.actions, rollout.actions)
        assert np.array_equal(kept.step_index, rollout.step_index)
    assert same_state(env, other)


def test_ended_lanes_begin_anew():
    """A lane left at the end of its episode is reset first, as by collect."""
    envs = [make("CartPole-v1", 3, autoreset_mode="Disabled", max_episode_steps=2) for _ in "ab"]
    policy = policy_for(envs[0])
    for env in envs:
        env.reset(seed=0)
        env.step(np.zeros(3, np.int64))
        env.step(np.zeros(3, np.int64))
    kept = StatisticsCollector(envs[0], policy).steps(5, keep=True).rollout
    rollout = make_collector(envs[1], policy, 0).steps(5)
    assert np.array_equal(kept.observations, rollout.observations)
    assert same_state(*envs)


def test_constant_advantages_have_no_standardized_gradient():
    env = make("CartPole-v1", 9)
    statistics = fastpg.collect_statistics(env, policy_for(env), n_steps=40, gamma=0.0, seed=0)
    assert statistics.advantage_mean == 1.0
    assert statistics.advantage_std == 0.0
    assert np.array_equal(statistics.standardized_gradient, np.zeros((5, 2)))


def test_a_natural_step_from_statistics():
    """F d = g as `natural_gradient` solves it."""
    env = make("CartPole-v1", 16)
    policy = policy_for(env)
    s = fastpg.collect_statistics(env, policy, n_steps=64, seed=0, keep=True)
    phi = policy.features(s.rollout.flat(s.rollout.observations))
    natural = fastpg.natural_gradient(
        policy, phi, policy.distribution(phi), s.gradient, solver="cholesky", cg_damping=1e-4
    )
    damping = 1e-4 * np.trace(s.fisher) / len(s.fisher)
    direction = np.linalg.solve(s.fisher + damping * np.eye(10), s.gradient.ravel())
    assert np.allclose(direction, natural.direction.ravel(), rtol=1e-6)


MEMORY = """
import fastpg

# KiB of this program alone: ru_maxrss begins with the peak of the program that started it.
def peak():
    with open("/proc/self/status") as status:
        return int(status.read().partition("VmHWM:")[2].split()[0])

env = fastpg.make_vec("CartPole-v1", 512)
policy = fastpg.LinearSoftmax.for_env(env)
baseline = fastpg.LinearBaseline(4)
def collect(n_steps):
    fastpg.collect_statistics(env, policy, n_steps=n_steps, baseline=baseline, fit_baseline=True,
                              seed=0)
collect(64)
before = peak()
collect(1024)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc of Linux")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="keeps what is freed")
def test_memory_does_not_grow_with_the_trajectory():
    """512 x 1,024 samples are 20 MB of rollout, and as much of values and advantages."""
    run = python(MEMORY)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 6 * 1024


def cartpole():
    env = make("CartPole-v1", 3)
    env.reset(seed=4)
    return env


ENV = cartpole()
POLICY = fastpg.LinearSoftmax.for_env(ENV)
TOO_LARGE = fastpg.LinearBaseline(4, time=False)
TOO_LARGE.weights = np.full(15, 1e308)
HUGE = fastpg.LinearBaseline(4, time=False)
HUGE.weights = np.array([1e200] + [0.0] * 14)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"n_steps": 0}, ValueError, "n_steps: expected an integer"),
        ({"n_steps": 2.5}, TypeError, "n_steps: expected an integer"),
        ({"n_steps": 2**60}, ValueError, "2\\^48 samples"),
        ({"gamma": 1.5}, ValueError, "gamma: expected a"),
        ({"gae_lambda": np.nan}, ValueError, "gae_lambda: expected a"),
        ({"n_steps": 2**61}, ValueError, r"at most 2\^48 samples"),
        ({"seed": -1}, ValueError, "seed"),
        ({"keep": 1}, TypeError, "keep: expected"),
        ({"fit_baseline": "yes"}, TypeError, "fit_baseline: expected"),
        ({"fit_baseline": True}, ValueError, "fit_baseline: expected a baseline to fit"),
        ({"baseline": fastpg.MeanBaseline(4)}, TypeError, "expected a LinearBaseline or None"),
        ({"baseline": fastpg.LinearBaseline(3)}, ValueError, "baseline: expected one of"),
        ({"policy": fastpg.LinearSoftmax(4, 3)}, ValueError, "action"),
        ({"policy": fastpg.LinearSoftmax(3, 2)}, ValueError, "observation_size"),
        ({"policy": fastpg.LinearSoftmax(4, 2, features=fastpg.RandomFourier(4, 8192))},
         ValueError, "at most 16384 parameters"),
        ({"baseline": TOO_LARGE}, ValueError, "advantages: expected finite values"),
        ({"baseline": HUGE}, ValueError, "advantages: expected finite values"),
    ],
)  # fmt: skip
def test_bad_input_changes_nothing(arguments, error, text):
    before, seeds = ENV.get_state(), ENV.get_attr("np_random_seed")
    given = {"policy": POLICY, "n_steps": 10, "seed": 1} | arguments
    baseline = given.get("baseline")
    weights = getattr(baseline, "weights", None)
    kept = None if weights is None else weights.copy()
    with pytest.raises(error, match=text):
        fastpg.collect_statistics(ENV, given.pop("policy"), **given)
    after = ENV.get_state()
    for name in ("states", "streams", "elapsed_steps", "episode_returns", "status"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    assert ENV.get_attr("np_random_seed") == seeds
    if kept is not None:
        assert np.array_equal(baseline.weights, kept)


def test_a_fit_that_fails_changes_nothing():
    env = cartpole()
    baseline = fastpg.LinearBaseline(4)
    state = baseline.state()
    baseline.fit_moments = None  # any error of the fit
    before = env.get_state()
    with pytest.raises(TypeError):
        fastpg.collect_statistics(
            env, POLICY, n_steps=10, baseline=baseline, fit_baseline=True, seed=9
        )
    assert np.array_equal(env.get_state().states, before.states)
    assert np.array_equal(env.get_state().streams, before.streams)
    for name, value in baseline.state().items():
        assert np.array_equal(value, state[name])


def test_other_environments_are_refused_with_advice():
    gym = gymnasium.make_vec("CartPole-v1", 2, vectorization_mode="sync")
    with pytest.raises(TypeError, match=r"expected a native environment.*fastpg\.collect"):
        fastpg.collect_statistics(gym, POLICY, n_steps=3)
    gym.close()


def test_an_environment_that_was_never_reset_stays_so():
    env = make("CartPole-v1", 2)
    with pytest.raises(ValueError, match="n_steps"):
        fastpg.collect_statistics(env, POLICY, n_steps=0, seed=0)
    assert not env.get_state().status.any()
    with pytest.raises(RuntimeError, match="reset"):
        StatisticsCollector(env, POLICY).steps(3)


def test_moments_of_batches_are_those_of_all_samples(rng):
    observations, steps = rng.normal(size=(60, 3)).astype(np.float32), np.arange(60)
    targets = rng.normal(size=60)
    whole, part, merged = (fastpg.LinearBaseline(3, memory=1.0) for _ in range(3))
    whole.fit(observations, steps, targets)
    for rows in (slice(0, 25), slice(25, 60)):
        part = fastpg.LinearBaseline(3)
        part.fit(observations[rows], steps[rows], targets[rows])
        state = part.state()
        merged.fit_moments(
            state["baseline_mean"], state["baseline_comoment"], float(state["baseline_weight"])
        )
    for name, value in whole.state().items():
        assert np.allclose(merged.state()[name], value, rtol=1e-12, atol=1e-12)
    assert np.allclose(merged.weights, whole.weights, rtol=1e-9)
