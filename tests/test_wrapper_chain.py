"""An environment that is made again has the wrappers of the training, in the same order."""

import json

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import (
    ClipReward,
    MaxAndSkipObservation,
    OrderEnforcing,
    PassiveEnvChecker,
    TimeAwareObservation,
    TimeLimit,
)

import fastpg
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.make_env import make_env


def cartpole(**options):
    return gymnasium.make("CartPole-v1", **options)


def recipe_of(env):
    """The recipe of a vector environment, through JSON."""
    return EnvRecipe.restore(json.loads(json.dumps(EnvRecipe.of(env).state())))


def played(env):
    """Observations and ends of a while, without a policy."""
    env.reset(seed=3)
    env.action_space.seed(4)
    for _ in range(30):
        observations, rewards, terminated, truncated, _ = env.step(env.action_space.sample())
        yield observations.copy(), rewards, terminated, truncated
        if (ended := terminated | truncated).any():
            env.reset(options={"reset_mask": ended})


LIMITED = [
    (lambda: TimeLimit(cartpole(), 6), "CartPole-v1(max_episode_steps=6)"),
    (lambda: TimeLimit(cartpole(max_episode_steps=6), 1000), "CartPole-v1(max_episode_steps=6)"),
    (lambda: TimeLimit(TimeLimit(cartpole(max_episode_steps=-1), 5), 8),
     "CartPole-v1(max_episode_steps=5)"),
    (lambda: TimeLimit(cartpole().unwrapped, 6), "CartPole-v1(max_episode_steps=6)"),
    (lambda: TimeLimit(MaxAndSkipObservation(cartpole(), 2), 3),
     "CartPole-v1(MaxAndSkipObservation, TimeLimit)"),
    (lambda: MaxAndSkipObservation(TimeLimit(cartpole(), 6), 2),
     "CartPole-v1(max_episode_steps=6, MaxAndSkipObservation)"),
    (lambda: TimeLimit(TimeAwareObservation(cartpole()), 6),
     "CartPole-v1(TimeAwareObservation, TimeLimit)"),
    (lambda: TimeAwareObservation(cartpole(sutton_barto_reward=True)),
     "CartPole-v1(sutton_barto_reward=True, TimeAwareObservation)"),
    (lambda: OrderEnforcing(ClipReward(cartpole(), 0.0, 0.5)), "CartPole-v1(ClipReward)"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "name"), LIMITED)
def test_wrappers_and_limits_keep_their_order(make, name):
    env = make_env(make, 2)
    recipe = recipe_of(env)
    assert str(recipe) == name
    for one, two in zip(played(env), played(recipe.make(2)), strict=True):
        assert all(map(np.array_equal, one, two))


@pytest.mark.parametrize("k", [1, 3, 4, 5])
def test_processes_tell_their_wrappers(k):
    make = LIMITED[k][0]
    env = AsyncVectorEnv([make] * 2)
    recipe = recipe_of(env)
    env.close()
    assert recipe == recipe_of(make_env(make, 2))


class Bonus:
    def step(self, action):
        observation, reward, *others = super().step(action)
        return observation, reward + 1.0, *others


class Longer(Bonus, TimeLimit):
    pass


class Ordered(Bonus, OrderEnforcing):
    pass


class Checked(Bonus, PassiveEnvChecker):
    pass


NAMESAKE = type("TimeLimit", (Bonus, TimeLimit), {})


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Longer(cartpole(), 30), "Longer"),
        (lambda: TimeLimit(Longer(cartpole(), 30), 20), "Longer"),
        (lambda: Ordered(cartpole()), "Ordered"),
        (lambda: Checked(cartpole()), "Checked"),
        (lambda: NAMESAKE(cartpole(), 30), f"{__name__}.TimeLimit"),
    ],
)
def test_a_class_derived_from_a_wrapper_of_make_is_an_obstacle(make, name):
    assert recipe_of(make_env(make, 2)).obstacle == f"it was wrapped in {name}"


def test_a_derived_class_in_other_processes_is_an_obstacle():
    env = AsyncVectorEnv([lambda: Longer(cartpole(), 30)] * 2)
    recipe = recipe_of(env)
    env.close()
    assert recipe.obstacle == "it was wrapped in Longer"


def test_environments_whose_limits_differ_inside_are_not_alike():
    makers = [lambda k=k: TimeLimit(cartpole(max_episode_steps=k), 1000) for k in (6, 7)]
    assert recipe_of(SyncVectorEnv(makers)).obstacle == "its environments were not all made alike"


class Board(gymnasium.Env):
    """Its text is known after a reset only."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.board = "x"
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 1.0, True, False, {}

    def __str__(self):
        return self.board


def board():
    gymnasium.registry.pop("Board-v0", None)
    gymnasium.register("Board-v0", Board)
    return gymnasium.make("Board-v0", disable_env_checker=True)


def with_a_function():
    return gymnasium.wrappers.TransformReward(board(), lambda reward: 2 * reward)


@pytest.mark.parametrize("make", [board, with_a_function])
def test_processes_are_not_asked_for_what_could_end_them(make):
    env = AsyncVectorEnv([make] * 2)
    algo = fastpg.NPG("linear", env, seed=0, n_steps=8).learn(16)
    assert algo.env_recipe.id == "Board-v0"
    assert (algo.env_recipe.obstacle is None) == (make is board)
    env.close()


def test_a_policy_is_evaluated_under_the_smaller_limit(tmp_path):
    algo = fastpg.NPG("linear", TimeLimit(cartpole(max_episode_steps=9), 1000), seed=0)
    loaded = fastpg.load(algo.save(tmp_path / "x"))
    env = loaded.env_recipe.make(2)
    lengths = fastpg.evaluate_policy(loaded, env, 4, seed=0, return_episode_rewards=True)[1]
    assert max(lengths) == 9
