"""Collecting from any environment equals native collecting, in every autoreset mode."""

import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import fastpg
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.stepping import SteppingCollector
from processes import python
from trainings import NAMES

THETA = np.array([[0.0, 0.9], [0.0, 1.5], [0.0, 9.0], [0.0, 6.0], [0.0, 0.3]])
ARRAYS = [
    "observations", "actions", "rewards", "terminated", "truncated", "valid", "step_index",
    "last_observations", "last_step_index", "sample_count", "step_count", "complete",
]  # fmt: skip


def policy():
    return fastpg.LinearSoftmax(4, 2, THETA)


def sync(num_envs, mode, **kwargs):
    return SyncVectorEnv(
        [lambda: gymnasium.make("CartPole-v1", **kwargs)] * num_envs, autoreset_mode=mode
    )


def assert_equal(one, two):
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    order = [np.lexsort((r.end_columns, r.end_rows)) for r in (one, two)]
    for name in ("end_rows", "end_columns", "final_observations", "episode_returns"):
        assert np.array_equal(getattr(one, name)[order[0]], getattr(two, name)[order[1]]), name


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("how", [{"n_steps": 250}, {"n_episodes": 11}])
def test_gymnasium_s_environment_gives_the_native_rollout(mode, how):
    clumsy = fastpg.LinearSoftmax(4, 2, 0.3 * THETA)
    env = sync(4, mode, max_episode_steps=80)
    native = fastpg.make_vec("CartPole-v1", 4, max_episode_steps=80)
    native = fastpg.collect(native, clumsy, seed=3, **how)
    stepped = fastpg.collect(env, clumsy, seed=3, **how)
    env.close()
    assert native.terminated.any()
    assert native.truncated.any()
    assert_equal(native, stepped)


def test_a_native_environment_stepped_from_python_gives_the_native_rollout():
    rollouts = []
    for kind in (make_collector, SteppingCollector):
        collector = kind(fastpg.make_vec("CartPole-v1", 4), policy(), 5)
        collector.reset(5)
        rollouts.append(collector.steps(600))
    assert_equal(*rollouts)


def test_a_budget_cuts_both_alike():
    rollouts = []
    for env in (fastpg.make_vec("CartPole-v1", 3), sync(3, AutoresetMode.SAME_STEP)):
        collector = make_collector(env, policy(), 2)
        collector.reset(2)
        rollouts.append(collector.episodes(7, max_samples=300))
    assert not rollouts[0].complete
    assert rollouts[0].sample_count == rollouts[1].sample_count <= 300
    assert np.array_equal(rollouts[0].valid, rollouts[1].valid)


def test_async_environments():
    env = AsyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2)
    try:
        stepped = fastpg.collect(env, policy(), n_steps=200, seed=1)
    finally:
        env.close()
    native = fastpg.collect(fastpg.make_vec("CartPole-v1", 2), policy(), n_steps=200, seed=1)
    assert_equal(native, stepped)


class Foreign(gymnasium.vector.VectorEnv):
    """A third-party NEXT_STEP environment, which cannot reset single copies."""

    def __init__(self, num_envs):
        self._env = sync(num_envs, AutoresetMode.NEXT_STEP, max_episode_steps=20)
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        for name in ("single_observation_space", "single_action_space", "observation_space"):
            setattr(self, name, getattr(self._env, name))

    def reset(self, *, seed=None, options=None):
        assert options is None
        return self._env.reset(seed=seed)

    def step(self, actions):
        return self._env.step(actions)


def test_dead_rows_never_count():
    rollout = fastpg.collect(Foreign(3), policy(), n_steps=100, seed=0)
    assert not rollout.valid.all()
    assert rollout.sample_count == rollout.valid.sum()
    assert (rollout.flat(rollout.rewards) == 1.0).all()
    for n in range(3):
        for t in np.flatnonzero(~rollout.valid[:, n]):
            assert rollout.ended[t - 1, n]
            assert rollout.step_index[t + 1, n] == 0 if t < 99 else True
    assert (rollout.episode_lengths <= 20).all()
    algo = fastpg.NPG("linear", Foreign(4), seed=0).learn(2000)
    assert algo.num_timesteps <= 2000


def test_algorithms_learn_alike_from_gymnasium_s_environment():
    native = fastpg.NPG("linear", "CartPole-v1", n_envs=4, seed=0).learn(3000)
    stepped = fastpg.NPG("linear", sync(4, AutoresetMode.NEXT_STEP), seed=0).learn(3000)
    assert np.array_equal(native.policy.theta, stepped.policy.theta)


@pytest.mark.parametrize(
    "env", [gymnasium.make("CartPole-v1"), lambda: gymnasium.make("CartPole-v1")]
)
def test_an_env_and_a_callable(env):
    algo = fastpg.NPG("linear", env, seed=0).learn(600)
    assert algo.options.n_envs == (1 if isinstance(env, gymnasium.Env) else 4)
    assert algo.num_timesteps == 600 - 600 % algo.options.n_envs


def test_an_id_that_is_not_native():
    algo = fastpg.NPG("linear", "Acrobot-v1", n_envs=2, seed=0).learn(400)
    assert algo.policy.shape == (7, 3)
    with pytest.raises(ValueError, match="unknown environment 'Acrobat-v1'; did you mean 'Acrobot"):
        fastpg.NPG("linear", "Acrobat-v1")


class Masked(gymnasium.Env):
    """Three actions, one of which the mask in the info forbids; taking it is an error."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(3)

    def _mask(self):
        self.forbidden = int(self.np_random.integers(3))
        return {"action_mask": (np.arange(3) != self.forbidden).astype(np.int8)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), self._mask()

    def step(self, action):
        assert action != self.forbidden
        self.steps += 1
        obs = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return obs, float(action == 0), self.steps == 5, False, self._mask()


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", NAMES)
def test_masked_actions_are_never_taken(mode, name):
    env = SyncVectorEnv([Masked] * 3, autoreset_mode=mode)
    options = {"n_episodes": 6} if name == "reinforce" else {"n_steps": 40}
    algo = fastpg.train(name, env, total_timesteps=300, seed=0, **options)
    assert algo.policy.theta.any()
    rollout = fastpg.collect(env, algo.policy, n_steps=50, seed=1)
    masks = rollout.flat(rollout.action_masks)
    assert (masks.sum(axis=1) == 2).all()
    assert masks[np.arange(len(masks)), rollout.flat(rollout.actions)].all()


def test_predict_takes_masks():
    algo = fastpg.NPG("linear", Masked, seed=0)
    for _ in range(30):
        assert algo.predict([0.1, 0.2], action_masks=[False, True, False])[0] == 1
        assert algo.predict([0.1, 0.2], action_masks=np.array([0, 1, 0], np.int8))[0] == 1
    with pytest.raises(ValueError, match="at least one allowed action"):
        algo.predict([0.1, 0.2], action_masks=[False] * 3)
    with pytest.raises(ValueError, match="action_masks: expected 3 flags, got 2"):
        algo.predict([0.1, 0.2], action_masks=[True, False])
    with pytest.raises(ValueError, match="action_masks: expected one mask for each of the 4 obs"):
        algo.predict([[0.1, 0.2]] * 4, action_masks=[[True, False, True]] * 3)
    gaussian = fastpg.NPG("linear", "Pendulum-v1", seed=0)
    with pytest.raises(TypeError, match="LinearGaussian takes none"):
        gaussian.predict(np.zeros(3), action_masks=[True])


def test_predict_wants_a_mask_for_each_observation():
    algo = fastpg.NPG("linear", Masked, seed=0)
    several = np.zeros((5, 2), np.float32)
    with pytest.raises(ValueError, match="one mask for each of the 5 observations, got 1"):
        algo.predict(several, action_masks=[True, False, True])
    assert algo.predict(several, action_masks=[[True, False, True]] * 5)[0].shape == (5,)


def test_evaluation_of_masked_policies():
    algo = fastpg.NPG("linear", Masked, seed=0).learn(1000)
    mean, _ = fastpg.evaluate_policy(algo, Masked(), 20, seed=0)
    assert 0.0 <= mean <= 5.0


def test_spaces_that_no_policy_fits():
    class Odd(Masked):
        action_space = spaces.Text(3)

    with pytest.raises(
        ValueError, match="expected a Discrete, MultiDiscrete or Box action space, got Text"
    ):
        fastpg.NPG("linear", Odd)


def test_an_environment_that_gives_nonsense():
    class Bad(Masked):
        def step(self, action):
            obs, _, *rest = super().step(action)
            return obs, float("nan"), *rest

    with pytest.raises(ValueError, match="rewards: expected finite values"):
        fastpg.NPG("linear", Bad, seed=0).learn(100)


class Toy(gymnasium.Env):
    """Episodes of seven steps; float64 observations and integer rewards."""

    observation_space = spaces.Box(-1, 1, (3,), np.float64)
    action_space = spaces.Box(-0.1, 0.1, (2,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.uniform(-1, 1, 3), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.steps += 1
        if getattr(self, "broken", False):
            return self.np_random.uniform(-1, 1, 3), float("nan"), False, False, {}
        return self.np_random.uniform(-1, 1, 3), 1, self.steps == 7, False, {}


def test_any_budget_suits_whole_episodes():
    for total in range(112, 130):
        algo = fastpg.REINFORCE("linear", Toy, seed=0, n_envs=16, n_episodes=16).learn(total)
        assert total - 16 < algo.num_timesteps <= total


@pytest.mark.parametrize("single", [True, False])
def test_evaluating_on_the_environment_of_training(single):
    env = Toy() if single else SyncVectorEnv([Toy] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    algo = fastpg.PPO("linear", env, n_steps=10, seed=0).learn(20)
    lengths = []
    estimate = algo.estimate
    algo.estimate = lambda rollout: lengths.extend(rollout.episode_lengths) or estimate(rollout)
    fastpg.evaluate_policy(algo, env, 3)
    algo.learn(40, reset_num_timesteps=False)
    assert set(lengths) == {7}


def test_an_error_in_the_environment_starts_new_episodes():
    env = SyncVectorEnv([Toy] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    algo = fastpg.PPO("linear", env, n_steps=10, seed=0).learn(20)
    env.envs[0].broken = True
    with pytest.raises(ValueError, match="rewards"):
        algo.learn(60, reset_num_timesteps=False)
    env.envs[0].broken = False
    lengths = []
    algo.learn(60, lambda record: lengths.append(record["rollout/ep_len_mean"]))
    assert set(lengths) == {7.0}


def test_an_unbounded_policy_sends_bounded_actions():
    policy = fastpg.LinearGaussian(3, 2)
    fastpg.collect(SyncVectorEnv([Toy] * 2), policy, n_steps=20, seed=0)
    algo = fastpg.PPO(policy, Toy, seed=0)
    assert np.abs(algo.predict(np.ones((50, 3)))[0]).max() <= np.float32(0.1)
    with pytest.raises(ValueError, match="low <= high"):
        fastpg.LinearGaussian(3, 2, low=[1, 1], high=[-1, -1])


class SteppedMasks(Masked):
    """Gives masks after steps, but not after a reset."""

    def reset(self, *, seed=None, options=None):
        obs, _ = super().reset(seed=seed)
        self.forbidden = -1
        return obs, {}


class ResetMasks(Masked):
    """Gives a mask after a reset, for the first step; after steps all actions are allowed."""

    def __init__(self, length=5):
        self.length = length

    def step(self, action):
        obs, reward, *_ = super().step(action)
        self.forbidden = -1
        return obs, reward, self.steps == self.length, False, {}


class MethodMasks(Masked):
    """Gives masks by action_masks()."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0], {}

    def step(self, action):
        return *super().step(action)[:4], {}

    def action_masks(self):
        return np.arange(3) != self.forbidden


class Wrapped(gymnasium.Wrapper):
    """The method on a wrapper."""

    def __init__(self):
        super().__init__(Masked())

    def action_masks(self):
        return np.arange(3) != self.env.forbidden


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("kind", [SteppedMasks, ResetMasks, MethodMasks, Wrapped])
def test_masks_from_wherever_they_come(mode, kind):
    makers = [lambda n=n: ResetMasks(n) for n in (5, 6, 7)] if kind is ResetMasks else [kind] * 3
    env = SyncVectorEnv(makers, autoreset_mode=mode)
    rollout = fastpg.collect(env, fastpg.LinearSoftmax(2, 3), n_steps=60, seed=0)
    masks = rollout.flat(rollout.action_masks)
    assert masks[np.arange(len(masks)), rollout.flat(rollout.actions)].all()
    assert not masks.all()


class Told(gymnasium.Env):
    """Two choices, and a mask of any form, in the info or by the method."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.MultiDiscrete([2, 3])

    def __init__(self, mask, by_method=False):
        self.mask, self.by_method = mask, by_method
        if by_method:
            self.action_masks = lambda: mask

    def _told(self):
        return np.zeros(2, np.float32), {} if self.by_method else {"action_mask": self.mask}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._told()

    def step(self, action):
        assert action[0] == 0
        assert action[1] > 0
        observation, info = self._told()
        return observation, 1.0, False, bool(self.np_random.random() < 0.3), info


@pytest.mark.parametrize("by_method", [False, True])
@pytest.mark.parametrize(
    "mask",
    [
        np.array([1, 0, 0, 1, 1], np.int8),
        [True, False, False, True, True],
        np.array([[1, 0, 0, 1, 1]], np.float32),
        (np.array([1, 0], np.int8), np.array([0, 1, 1], np.int8)),  # as MultiDiscrete.sample's
    ],
)
def test_masks_in_every_form(mask, by_method):
    env = SyncVectorEnv([lambda: Told(mask, by_method)] * 2)
    rollout = fastpg.collect(env, fastpg.LinearSoftmax(2, [2, 3]), n_steps=60, seed=0)
    assert (rollout.flat(rollout.action_masks) == [True, False, False, True, True]).all()
    algo = fastpg.NPG("linear", Told(mask), seed=0)
    assert algo.predict(np.zeros(2), action_masks=mask)[0][0] == 0


@pytest.mark.parametrize("by_method", [False, True])
@pytest.mark.parametrize(
    ("mask", "text"),
    [
        ([1], "expected 5 flags, got 1"),
        (1, "expected 5 flags, got 1"),
        ("masks", "expected 5 flags, got 1"),
        (None, "expected 5 flags, got 1"),
        ((np.ones(3, bool), np.ones(3, bool)), "expected 5 flags, got 6"),
        ([1, 0, 0, 0.5, 1], "expected flags, 0 or 1"),
        ([np.nan] * 5, "expected flags, 0 or 1"),
        ([*"abcde"], "expected flags, 0 or 1"),
        ((), "expected 5 flags, got 0"),
    ],
)
def test_masks_that_are_none(mask, text, by_method):
    env = SyncVectorEnv([lambda: Told(mask, by_method)] * 2)
    with pytest.raises(ValueError, match=f"action_mask.*{text}"):
        fastpg.collect(env, fastpg.LinearSoftmax(2, [2, 3]), n_steps=6, seed=0)


def test_masks_of_rows_that_do_not_count():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(SyncVectorEnv([Masked] * 2))
    rollout = fastpg.collect(env, fastpg.LinearSoftmax(2, 3), n_steps=40, seed=0)
    assert not rollout.valid.all()
    assert rollout.action_masks[~rollout.valid].all()


def test_discrete_and_one_choice_are_not_the_same():
    with pytest.raises(ValueError, match="single"):
        fastpg.PPO(fastpg.LinearSoftmax(4, [2]), "CartPole-v1")


def test_predict_sees_the_time_it_is_told():
    policy = fastpg.LinearSoftmax(4, 2, features=fastpg.Identity(4, time=True))
    theta = np.zeros((6, 2))
    theta[4, 1], theta[5, 0] = 1.0, 2.0
    policy.theta = theta
    algo = fastpg.NPG(policy, "CartPole-v1", seed=0)
    assert algo.predict(np.zeros(4), True)[0] == 0
    assert algo.predict(np.zeros(4), True, step_index=300)[0] == 1
    actions, _ = algo.predict(np.zeros((2, 4)), True, step_index=[0, 300])
    assert actions.tolist() == [0, 1]


OUT_OF_MEMORY = """
import resource
import numpy as np
import fastpg
from fastpg.rollouts.collect import make_collector

env = fastpg.make_vec("CartPole-v1", 8)
policy = fastpg.LinearSoftmax.for_env(env)
collector = make_collector(env, policy, 0)
collector.reset(0)
before = env.get_state()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 2**26
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    collector.episodes(300_000)
except MemoryError:
    after = env.get_state()
    assert np.array_equal(after.states, before.states)
    assert np.array_equal(after.streams, before.streams)
    print("unchanged")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory of Linux")
def test_episodes_that_do_not_fit_the_memory_leave_the_environment():
    done = python(OUT_OF_MEMORY)
    assert done.stdout.strip() == "unchanged", done.stderr
