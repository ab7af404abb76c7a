"""Probe problems with known answers, for every algorithm and both kinds of action space."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import fastpg
from fastpg.algorithms import ALGORITHMS

pytestmark = pytest.mark.usefixtures("short_pieces")

NAMES = list(ALGORITHMS)
KINDS = ["discrete", "continuous"]


class Probe(gymnasium.Env):
    """The observation is +1 or -1. Subclasses define the length of an episode and its rewards."""

    length = 1
    observation_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, kind):
        discrete = kind == "discrete"
        self.action_space = spaces.Discrete(2) if discrete else spaces.Box(-1, 1, (1,), np.float32)

    def _observe(self):
        self.sign = 1.0 if self.np_random.random() < 0.5 else -1.0
        return np.array([self.sign], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action):
        self.steps += 1
        a = 2.0 * action - 1.0 if np.ndim(action) == 0 else float(action[0])
        reward = self.pay(a)
        return self._observe(), reward, self.steps >= self.length, False, {}


class Constant(Probe):
    """The reward is always 1: the value is 1, and there is nothing to learn."""

    def pay(self, action):
        return 1.0


class Observed(Probe):
    """The reward is the observation, so the value is the observation."""

    def pay(self, action):
        return self.sign


class Delayed(Probe):
    """Two steps, reward 1 at the end: the value of the first is gamma."""

    length = 2

    def reset(self, *, seed=None, options=None):
        obs, info = super().reset(seed=seed)
        self.sign = obs[0] = -1.0
        return obs, info

    def step(self, action):
        _, _, ended, truncated, info = super().step(action)
        return np.array([1.0], np.float32), float(ended), ended, truncated, info

    def pay(self, action):
        return 0.0


class Acted(Probe):
    """Reward is the action, within [-1, 1]: the best return is 1."""

    def pay(self, action):
        return action


class Both(Probe):
    """The reward is the action times the observation: the best return is 1 from both."""

    def pay(self, action):
        return action * self.sign


def trained(name, problem, kind, steps, **options):
    if name == "reinforce":
        options = {"learning_rate": 0.1, **options}
    else:
        options = {"n_steps": 6, "gamma": 0.9, **options}
    algo = ALGORITHMS[name]("linear", lambda: problem(kind), n_envs=8, seed=0, **options)
    return algo.learn(steps)


def value(algo, observation, h=0):
    return algo.baseline.predict(np.array([[observation]], np.float32), [h])[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_constant_reward_is_the_value_and_moves_nothing_far(name, kind):
    algo = trained(name, Constant, kind, 1000, ridge=1e-6)
    assert value(algo, 1.0) == pytest.approx(1.0, abs=1e-3)
    assert algo.history[-1]["rollout/ep_rew_mean"] == 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_value_follows_the_observation(name, kind):
    algo = trained(name, Observed, kind, 1000, ridge=1e-6)
    for sign in (-1.0, 1.0):
        assert value(algo, sign) == pytest.approx(sign, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_delayed_reward_is_discounted(name, kind):
    algo = trained(name, Delayed, kind, 1000, ridge=1e-6, gamma=0.5)
    assert value(algo, 1.0, 1) == pytest.approx(1.0, abs=1e-3)
    assert value(algo, -1.0, 0) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("problem", [Acted, Both])
def test_the_best_action_is_learned(name, kind, problem):
    algo = trained(name, problem, kind, 3000)
    mean, _ = fastpg.evaluate_policy(algo, problem(kind), 20, seed=1)
    assert mean > 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_the_penalised_objective_learns_too(kind):
    algo = trained("ppo", Both, kind, 3000, objective="kl_penalty")
    mean, _ = fastpg.evaluate_policy(algo, Both(kind), 50, seed=1)
    assert mean > 0.97


class Pair(gymnasium.Env):
    """Two choices; the reward is the number of correct ones."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.MultiDiscrete([3, 2])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action):
        return (
            np.ones(1, np.float32),
            float(action[0] == 2) + float(action[1] == 0),
            True,
            False,
            {},
        )


@pytest.mark.parametrize("name", NAMES)
def test_several_choices_at_once(name):
    algo = ALGORITHMS[name]("linear", Pair, n_envs=8, seed=0).learn(1600)
    assert algo.predict([1.0], deterministic=True)[0].tolist() == [2, 0]
