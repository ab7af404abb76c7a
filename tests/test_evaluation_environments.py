"""Evaluations without an environment of their own: in that of the training, made anew."""

import itertools

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg import callbacks


class Plain(gymnasium.Env):
    """Not registered with Gymnasium."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._left = 5
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self._left -= 1
        return np.zeros(2, np.float32), float(action), self._left == 0, False, {}


def test_an_environment_that_is_not_registered_is_made_by_its_callable():
    algo = fastpg.NPG("linear", Plain, seed=0, n_envs=2, n_steps=20)
    evaluation = callbacks.EvalCallback(eval_freq=40, n_eval_episodes=3)
    algo.learn(80, evaluation)
    assert [r["eval/mean_ep_length"] for r in evaluation.evaluations] == [5.0, 5.0]
    given = fastpg.NPG("linear", Plain(), seed=0, n_steps=20)
    with pytest.raises(ValueError, match="eval_env: expected an environment, since"):
        given.learn(80, eval_freq=40)


def short_cartpole():
    """The registered environment, changed afterwards: every episode is one step."""
    env = gymnasium.make("CartPole-v1")
    env.unwrapped.theta_threshold_radians = 0.0
    return env


@pytest.mark.parametrize(
    "given",
    [
        short_cartpole,
        [short_cartpole] * 2,
        lambda: gymnasium.vector.SyncVectorEnv([short_cartpole] * 2),
        lambda: gymnasium.vector.AsyncVectorEnv([short_cartpole] * 2),
    ],
)
def test_what_a_callable_does_to_its_environment_is_evaluated_too(given):
    vector = given() if callable(given) and given is not short_cartpole else given
    algo = fastpg.NPG("linear", vector, seed=0, n_steps=100)
    evaluation = callbacks.EvalCallback(eval_freq=200, n_eval_episodes=5)
    algo.learn(400, evaluation)
    algo.env.close()
    assert {r["eval/mean_ep_length"] for r in evaluation.evaluations} == {1.0}


def test_callables_that_cannot_be_called_again():
    pool = [gymnasium.make("CartPole-v1") for _ in range(2)]
    algo = fastpg.NPG("linear", [lambda: pool.pop()] * 2, seed=0, n_steps=200)
    with pytest.raises(ValueError, match="its callable raises IndexError: pop from empty list"):
        algo.learn(800, eval_freq=400)
    three = [gymnasium.make("CartPole-v1") for _ in range(3)]
    turns = itertools.cycle(three)
    algo = fastpg.NPG("linear", [lambda: next(turns)] * 2, seed=0, n_steps=200)
    evaluation = callbacks.EvalCallback(eval_freq=400, n_eval_episodes=3)
    algo.learn(800, evaluation)  # in environments made by the registered id
    assert len(evaluation.evaluations) == 2


def test_many_trainings_are_evaluated_in_what_the_callable_makes():
    found = fastpg.train_many(
        "npg", short_cartpole, seeds=2, total_timesteps=200, n_jobs=1, tuned=False
    )
    assert (found.returns == 1.0).all()
