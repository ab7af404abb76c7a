"""In every autoreset mode the learner gets the same real transitions."""

import functools

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

import fastpg
import reference
from fastpg.rollouts.second_resets import resets_twice
from fastpg.rollouts.stepping import SteppingCollector
from trainings import NAMES

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
STEPS = 80
N = 2


class Walk(gymnasium.Env):
    """A noisy walk that ends outside [-2, 2]; the observation includes the goal."""

    observation_space = spaces.Dict(
        {"goal": spaces.Discrete(2, start=-1), "at": spaces.Box(-4, 4, (1,), np.float64)}
    )
    action_space = spaces.Discrete(3, start=-1)

    def _observe(self):
        return {"goal": self.goal, "at": np.array([self.at])}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.goal = int(self.np_random.integers(-1, 1))
        self.at = self.np_random.uniform(-1, 1)
        return self._observe(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.at += 0.3 * action + self.np_random.normal(0.0, 0.5)
        return self._observe(), self.at * self.goal, abs(self.at) > 2.0, False, {}


def make():
    return gymnasium.wrappers.TimeLimit(Walk(), 9)


class Foreign(VectorEnv):
    """A third-party NEXT_STEP environment without reset_mask, with wrong numbers in reset rows."""

    def __init__(self, makers, *, names_its_mode=True):
        self._inner = SyncVectorEnv(makers, autoreset_mode=NEXT)
        self.num_envs = len(makers)
        self.metadata = {"autoreset_mode": NEXT} if names_its_mode else {}
        for name in ("observation_space", "action_space"):
            for prefix in ("", "single_"):
                setattr(self, prefix + name, getattr(self._inner, prefix + name))

    def reset(self, *, seed=None, options=None):
        assert options is None
        self._dead = np.zeros(self.num_envs, dtype=bool)
        return self._inner.reset(seed=seed)

    def step(self, actions):
        observations, rewards, terminated, truncated, info = self._inner.step(actions)
        rewards[self._dead] = 1e6
        truncated[self._dead] = True
        self._dead = (terminated | truncated) & ~self._dead
        return observations, rewards, terminated, truncated, info


def sync(mode):
    return lambda: SyncVectorEnv([make] * N, autoreset_mode=mode)


def asynchronous(mode, shared_memory):
    return lambda: AsyncVectorEnv([make] * N, autoreset_mode=mode, shared_memory=shared_memory)


KINDS = {f"sync-{mode.name}": sync(mode) for mode in (NEXT, DISABLED)}
KINDS |= {
    f"async-{mode.name}-{'shared' if shared else 'pipes'}": asynchronous(mode, shared)
    for mode in AutoresetMode
    for shared in (True, False)
}
KINDS |= {
    "foreign": lambda: Foreign([make] * N),
    "nameless": lambda: Foreign([make] * N, names_its_mode=False),
    "wrapped": lambda: gymnasium.wrappers.vector.ClipReward(sync(NEXT)(), -1e9, 1e9),
}
WITH_DEAD_ROWS = ("async-NEXT_STEP-pipes", "foreign", "nameless", "wrapped")


def policy():
    """A policy that mostly moves towards the goal."""
    theta = np.zeros((4, 3))
    theta[:, 2] = [1.5, -1.0, 1.5, 0.2]
    theta[:, 0] = [-1.5, 1.0, -1.5, -0.2]
    return fastpg.LinearSoftmax(3, 3, theta)


@pytest.fixture(scope="module", params=KINDS)
def started(request):
    """One environment for all tests, since its workers take long to start."""
    made = KINDS[request.param]()
    yield made
    made.close()


@pytest.fixture
def env(started, request):
    """A reset environment; one that resets twice cannot be used again after other steps."""
    if not resets_twice(started):
        started.reset(seed=0)
        yield started
        return
    fresh = KINDS[request.node.callspec.params["started"]]()
    yield fresh
    fresh.close()


def collected(env, how, count):
    collector = SteppingCollector(env, policy(), 5)
    collector.reset(5)
    return getattr(collector, how)(count, deterministic=True)


@functools.cache
def expected_of(how, count):
    return collected(sync(SAME)(), how, count)


@functools.cache
def expected_evaluation(algo):
    return fastpg.evaluate_policy(algo, sync(SAME)(), 10, return_episode_rewards=True, seed=2)


def lives(rollout, column):
    """The real rows of a column, and its episodes' returns, lengths and last observations."""
    rows = rollout.valid[:, column]
    names = ("observations", "actions", "rewards", "terminated", "truncated", "step_index")
    ends = np.flatnonzero(rollout.end_columns == column)
    return (
        [getattr(rollout, name)[rows, column] for name in names],
        [
            getattr(rollout, name)[ends]
            for name in ("final_observations", "episode_returns", "episode_lengths")
        ],
    )


def test_the_same_real_transitions(env, request):
    expected = expected_of("steps", STEPS)
    found = collected(env, "steps", STEPS)
    assert expected.terminated.any()
    assert expected.truncated.any()
    assert len(np.unique(expected.actions)) >= 2
    dead = (~found.valid).sum()
    assert (dead > 0) == (request.node.callspec.params["started"] in WITH_DEAD_ROWS)
    assert found.sample_count == found.valid.size - dead
    assert (found.rewards[~found.valid] == 0.0).all()
    for column in range(N):
        rows, ends = lives(expected, column)
        real, real_ends = lives(found, column)
        for name, one, other in zip("oartus", rows, real, strict=True):
            assert np.array_equal(one[: len(other)], other), name
        assert len(real_ends[1]) > 5
        for one, other in zip(ends, real_ends, strict=True):
            assert np.array_equal(one[: len(other)], other)


def test_the_same_whole_episodes(env):
    expected, found = expected_of("episodes", 11), collected(env, "episodes", 11)
    assert expected.sample_count == found.sample_count
    assert expected.valid.sum() == found.valid.sum()
    for column in range(11):
        for parts in zip(lives(expected, column), lives(found, column), strict=True):
            for one, other in zip(*parts, strict=True):
                assert np.array_equal(one, other)


@pytest.fixture(scope="module")
def algo():
    return fastpg.NPG(policy(), make, n_envs=2, seed=0)


@pytest.mark.usefixtures("short_pieces")
def test_the_same_evaluation(env, algo):
    found = fastpg.evaluate_policy(algo, env, 10, return_episode_rewards=True, seed=2, warn=False)
    for one, other in zip(expected_evaluation(algo), found, strict=True):
        assert np.array_equal(one, other)


class Waiting:
    """A model of another library."""

    def predict(self, observation, deterministic=False):
        return np.zeros(N, dtype=np.int64), None


def three_steps():
    return gymnasium.wrappers.TimeLimit(Walk(), 3)


@pytest.mark.parametrize("shared", [False, True])
def test_an_evaluation_that_begins_with_a_second_reset(shared, monkeypatch):
    """As the second does, where an episode ended at the last step of the first."""
    monkeypatch.setattr(Walk, "step", lambda self, action: (self._observe(), 1.0, False, False, {}))
    env = AsyncVectorEnv([three_steps] * N, autoreset_mode=NEXT, shared_memory=shared)
    for _ in range(2):
        found = fastpg.evaluate_policy(Waiting(), env, 3, return_episode_rewards=True, seed=2)
        assert np.array_equal(found, np.full((2, 3), 3))
    env.close()


@pytest.mark.parametrize("shared", [False, True])
def test_the_same_seed_gives_the_same_start_states_after_episodes_that_ended(shared):
    env = AsyncVectorEnv([three_steps] * N, autoreset_mode=NEXT, shared_memory=shared)
    collected = [fastpg.collect(env, policy(), n_steps=3, seed=9).observations for _ in range(3)]
    found = [
        fastpg.evaluate_policy(Waiting(), env, 3, return_episode_rewards=True, seed=2)
        for _ in range(3)
    ]
    env.close()
    for again in (1, 2):
        assert np.array_equal(collected[0], collected[again])
        assert np.array_equal(found[0], found[again])


@pytest.mark.parametrize("kind", ["foreign", "nameless"])
def test_advantages_are_those_of_the_real_rows_alone(kind):
    algo = fastpg.NPG(policy(), KINDS[kind](), n_steps=STEPS, seed=0).learn(2 * N * STEPS)
    rollout = algo._ready_collector().steps(STEPS)
    batch = algo.estimate(rollout)
    assert len(batch.advantages) == rollout.sample_count < rollout.valid.size
    values, next_values = rollout.values(algo.baseline)
    expected = np.zeros(rollout.valid.shape)
    for column in range(N):
        rows = rollout.valid[:, column]
        columns = (rollout.rewards, values, next_values, rollout.terminated, rollout.ended)
        real = [part[rows, column][:, None] for part in columns]
        options = algo.options
        expected[rows, column] = reference.gae_by_definition(
            *real, options.gamma, options.gae_lambda
        )[:, 0]
    assert np.abs(values).max() > 0.1
    assert np.allclose(batch.advantages, expected[rollout.valid], atol=1e-12)
    assert np.abs(batch.targets).max() < 100.0


@pytest.mark.parametrize("name", NAMES)
def test_counts_and_statistics_are_free_of_dead_rows(name):
    env = Foreign([make] * N)
    normalizing = fastpg.LinearSoftmax.for_env(env, normalize_observations=True)
    options = {"n_episodes": 10} if name == "reinforce" else {"n_steps": 50}
    algo = fastpg.algorithms.find(name)(normalizing, env, seed=0, **options)
    seen, returns = [], []
    estimate = algo.estimate

    def watched(rollout):
        batch = estimate(rollout)
        seen.append(len(batch.observations))
        returns.extend(rollout.episode_returns)
        assert np.abs(batch.targets).max() < 100.0
        return batch

    algo.estimate = watched
    algo.learn(600)
    record = algo.history[-1]
    assert normalizing.normalizer.count == sum(seen) == record["time/total_timesteps"]
    assert sum(seen) <= 600
    assert name == "reinforce" or sum(seen) > 600 - N  # rows that only reset cost nothing
    assert record["rollout/ep_len_mean"] <= 9.0
    assert record["rollout/ep_rew_mean"] == pytest.approx(np.mean(returns[-100:]))
    assert np.abs(returns).max() < 100.0


class Asked(gymnasium.Wrapper):
    """A method gives action masks: all actions but one, another one at every step."""

    def step(self, action):
        assert action + 1 != self._forbidden()
        return super().step(action)

    def _forbidden(self):
        return int(abs(self.unwrapped.at) * 1000) % 3

    def action_masks(self):
        return np.arange(3) != self._forbidden()


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("shared", [True, False])
def test_async_environments_are_asked_for_their_masks(mode, shared):
    makers = [lambda: Asked(make())] * 2
    env = AsyncVectorEnv(makers, autoreset_mode=mode, shared_memory=shared)
    try:
        rollout = fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=40, seed=0)
    finally:
        env.close()
    assert (rollout.flat(rollout.action_masks).sum(axis=1) == 2).all()


def test_a_mode_that_nobody_knows():
    env = Foreign([make])
    env.metadata = {"autoreset_mode": "Sometimes"}
    with pytest.raises(ValueError, match="Sometimes"):
        fastpg.collect(env, policy(), n_steps=1)


def test_same_step_without_last_observations():
    env = Foreign([make])
    env.metadata = {"autoreset_mode": SAME}
    with pytest.raises(ValueError, match="expected final_obs from a SAME_STEP"):
        fastpg.collect(env, policy(), n_steps=30, seed=0)


class Still(gymnasium.Env):
    """A minimal environment that only counts its steps."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


@pytest.mark.parametrize(("n_envs", "n_steps"), [(1, 2048), (3, 683), (5, 410)])
def test_about_2048_samples_over_the_environments_at_hand(n_envs, n_steps):
    env = SyncVectorEnv([Still] * n_envs, autoreset_mode=SAME)
    algo = fastpg.PPO("linear", env, n_steps=None, n_epochs=1, seed=0).learn(2 * n_envs * n_steps)
    assert [r["time/total_timesteps"] for r in algo.history] == [
        n_envs * n_steps * k for k in (1, 2)
    ]
