"""If other code steps the environment of a learner, no transition joins two episodes."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorWrapper

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
    with pytest.raises(ValueError, match="expected shared_memory=True"):
        algo.learn(100, lambda record: env.reset() and None)
    env.close()
