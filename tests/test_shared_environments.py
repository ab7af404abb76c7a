"""If other code steps the environment of a learner, no transition joins two episodes."""

import copy
import pickle
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper

import fastpg


class Numbered(gymnasium.Env):
    """Observation: the number of the episode and the step in it; every episode has 7 steps."""

    observation_space = spaces.Box(-1e6, 1e6, (2,))
    action_space = spaces.Discrete(2)
    count = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        Numbered.count += 1
        self.number, self.t = Numbered.count, 0
        return np.array([self.number, 0], np.float32), {}

    def step(self, action):
        self.t += 1
        return np.array([self.number, self.t], np.float32), 1.0, self.t >= 7, False, {}


def torn(rollout):
    """Rows that `step_index` assigns to one episode, but the environment does not."""
    obs, step, valid = rollout.observations, rollout.step_index, rollout.valid
    follows = (step[1:] > 0) & valid[1:] & valid[:-1]
    return int((follows & (obs[1:] != obs[:-1] + np.array([0, 1])).any(axis=2)).sum())


def vector(mode):
    return lambda: SyncVectorEnv([Numbered] * 2, autoreset_mode=mode)


ENVS = {
    "env": Numbered,
    "limited": lambda: gymnasium.wrappers.TimeLimit(Numbered(), 50),
    "same step": vector(AutoresetMode.SAME_STEP),
    "next step": vector(AutoresetMode.NEXT_STEP),
    "disabled": vector(AutoresetMode.DISABLED),
    "wrapped": lambda: VectorWrapper(vector(AutoresetMode.NEXT_STEP)()),
}


def by_hand(env):
    inner = env.unwrapped
    inner = inner.envs[0] if hasattr(inner, "envs") else inner
    inner.reset()
    for _ in range(3):
        inner.step(0)


DISTURBANCES = {
    "evaluate": lambda algo, env: fastpg.evaluate_policy(algo, env, 2),
    "evaluate the learner's": lambda algo, env: fastpg.evaluate_policy(algo, algo.env, 2),
    "evaluate unwrapped": lambda algo, env: fastpg.evaluate_policy(algo, env.unwrapped, 2),
    "evaluate another model": lambda algo, env: fastpg.evaluate_policy(Zeros(), env, 2),
    "collect": lambda algo, env: fastpg.collect(algo.env, algo.policy, n_steps=3),
    "collect through a wrapper": lambda algo, env: fastpg.collect(
        VectorWrapper(algo.env), algo.policy, n_episodes=1
    ),
    "another learner": lambda algo, env: fastpg.NPG("linear", env, n_steps=3).learn(20),
    "reset": lambda algo, env: env.reset(),
    "by hand": lambda algo, env: by_hand(env),
}


class Zeros:
    def predict(self, observation, deterministic=False):
        return np.zeros(len(observation), dtype=int), None


def learner(name, env):
    options = {"n_episodes": 2} if name == "reinforce" else {"n_steps": 10}
    algo = fastpg.algorithms.find(name)("linear", env, seed=0, **options)
    algo.torn = 0
    estimate = algo.estimate

    def watched(rollout):
        algo.torn += torn(rollout)
        return estimate(rollout)

    algo.estimate = watched
    return algo


USUAL = [("env", how) for how in DISTURBANCES] + [(kind, "evaluate") for kind in ENVS]


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (kind, how) if (kind, how) in USUAL else pytest.param(kind, how, marks=pytest.mark.slow)
        for kind in ENVS
        for how in DISTURBANCES
    ],
)
def test_from_a_callback_and_between_two_learns(kind, how):
    env = ENVS[kind]()
    algo = learner("npg", env)
    algo.learn(100, lambda record: DISTURBANCES[how](algo, env) and None)
    DISTURBANCES[how](algo, env)
    algo.learn(100, reset_num_timesteps=False)
    assert algo.torn == 0
    assert algo.history[-1]["rollout/ep_len_mean"] == 7.0


@pytest.mark.parametrize("name", fastpg.algorithms.ALGORITHMS)
def test_every_algorithm(name):
    env = Numbered()
    algo = learner(name, env)
    algo.learn(100, lambda record: fastpg.evaluate_policy(algo, env, 2) and None)
    assert algo.torn == 0
    assert algo.history[-1]["rollout/ep_len_mean"] == 7.0


def test_undisturbed_learning_goes_on_in_its_episodes():
    algo = learner("npg", Numbered())
    steps = []
    estimate = algo.estimate
    algo.estimate = lambda rollout: (steps.extend(rollout.step_index[:, 0]), estimate(rollout))[1]
    algo.learn(20)
    algo.learn(20, reset_num_timesteps=False)
    assert steps == [t % 7 for t in range(40)]


@pytest.mark.parametrize("how", ["evaluate", "collect", "state", "step"])
def test_native_environments(how):
    env = fastpg.make_vec("CartPole-v1", 3)
    algo = fastpg.NPG("linear", env, seed=0, n_steps=20)
    disturb = {
        "evaluate": lambda: fastpg.evaluate_policy(algo, env, 3),
        "collect": lambda: fastpg.collect(env, algo.policy, n_steps=3),
        "state": lambda: env.set_state(np.zeros((3, 4))),
        "step": lambda: env.step(np.zeros(3, dtype=int)),
    }[how]
    starts = []
    estimate = algo.estimate

    def watched(rollout):
        starts.append((rollout.step_index[0] == 0).all())
        return estimate(rollout)

    algo.estimate = watched
    algo.learn(240)
    assert starts == [True, False, False, False]
    starts.clear()
    algo.learn(240, lambda record: disturb() and None)
    assert starts == [False, True, True, True]


def test_what_was_done_meanwhile_does_not_change_what_is_learned():
    def learned(seed):
        algo = fastpg.NPG("linear", Numbered(), seed=0, n_steps=10)
        env = algo.env.envs[0]
        algo.learn(60, lambda record: fastpg.evaluate_policy(algo, env, 2, seed=seed) and None)
        return algo.policy.theta

    Numbered.count = 0
    one = learned(1)
    Numbered.count = 0
    assert np.array_equal(one, learned(2))


def test_environments_that_were_learned_in_are_pickled_and_copied():
    env = Numbered()
    fastpg.NPG("linear", env, seed=0, n_steps=10).learn(40)
    for other in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        other.reset()
        before = env.t
        other.step(0)
        assert (other.t, env.t) == (1, before)
        algo = fastpg.NPG("linear", other, seed=0, n_steps=10)
        batches, estimate = [], algo.estimate
        algo.estimate = lambda rollout, estimate=estimate, batches=batches: (
            batches.append(rollout) or estimate(rollout)
        )
        algo.learn(40, lambda record, other=other: by_hand(other))
        assert [torn(rollout) for rollout in batches] == [0] * 4
        assert all(rollout.step_index[0] == 0 for rollout in batches)


def asynchronous():
    return AsyncVectorEnv([Numbered] * 2, shared_memory=False)


def test_workers_that_reset_twice():
    """Without shared memory, `reset` does not clear the end flag of Gymnasium's workers."""
    env = asynchronous()
    algo = learner("npg", env)
    algo.learn(100, lambda record: fastpg.evaluate_policy(algo, env, 2) and None)
    rollout = fastpg.collect(env, algo.policy, n_episodes=4)
    env.close()
    assert algo.torn == torn(rollout) == 0
    assert algo.history[-1]["rollout/ep_len_mean"] == 7.0
    assert set(rollout.episode_lengths) == {7}


def test_workers_that_reset_twice_and_were_stepped_by_others():
    env = asynchronous()
    algo = learner("npg", env)
    algo.learn(100, lambda record: env.reset() and env.step(np.zeros(2, int)) and None)
    env.close()
    assert algo.torn == 0
    assert algo.history[-1]["rollout/ep_len_mean"] == 7.0


class NotANumber(Numbered):
    """Returns NaN once, as a reward in its fifteenth step."""

    left = 15

    def step(self, action):
        self.left -= 1
        observation, reward, *rest = super().step(action)
        return observation, (np.nan if self.left == 0 else reward), *rest


def test_workers_that_reset_twice_after_an_error():
    env = AsyncVectorEnv([NotANumber] * 2, shared_memory=False)
    algo = learner("npg", env)
    with pytest.raises(ValueError, match="rewards: expected finite values"):
        algo.learn(100)
    algo.learn(100)
    env.close()
    assert algo.torn == 0
    assert algo.history[-1]["rollout/ep_len_mean"] == 7.0


class Simulators(VectorEnv):
    """Two environments in objects that only hold numbers; every episode has 10 steps."""

    num_envs = 2
    single_observation_space = spaces.Box(-1e6, 1e6, (1,))
    single_action_space = spaces.Discrete(2)
    observation_space = spaces.Box(-1e6, 1e6, (2, 1))
    action_space = spaces.MultiDiscrete([2, 2])
    t = 0

    def __init__(self):
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.envs = [SimpleNamespace(x=0.0), SimpleNamespace(x=0.0)]

    def reset(self, *, seed=None, options=None):
        self.t = 0
        return np.zeros((2, 1), np.float32), {}

    def step(self, actions):
        none = np.zeros(2, bool)
        if self.t == 10:
            return self.reset()[0], np.zeros(2), none, none, {}
        self.t += 1
        observations = np.full((2, 1), self.t, np.float32)
        return observations, np.ones(2), none, np.full(2, self.t == 10), {}


def test_objects_named_envs_that_are_no_environments():
    env = Simulators()
    algo = fastpg.PPO("linear", env, n_steps=13, seed=0)

    def others(record):
        env.reset()
        for _ in range(5):
            env.step([0, 0])

    algo.learn(26 * 5, others)
    assert [record["rollout/ep_len_mean"] for record in algo.history] == [10.0] * 5
