"""Wrappers that come with an id are made by it, and not once more around what it makes."""

from typing import ClassVar

import gymnasium
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.vector import AsyncVectorEnv
from gymnasium.wrappers import (
    ClipReward,
    FlattenObservation,
    MaxAndSkipObservation,
    TimeAwareObservation,
    TimeLimit,
)

import fastpg
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.make_env import make_env


class Doubled(gymnasium.Wrapper):
    def step(self, action):
        observation, reward, *others = super().step(action)
        return observation, 2.0 * reward, *others


class Composed(gymnasium.Wrapper, gymnasium.utils.RecordConstructorArgs):
    """An environment that is a wrapper around another."""

    metadata: ClassVar = {"render_modes": []}

    def __init__(self, **options):
        gymnasium.utils.RecordConstructorArgs.__init__(self)
        super().__init__(CartPoleEnv(**options))


def flat(**options):
    return FlattenObservation(TimeLimit(CartPoleEnv(**options), 7))


def made_by_make(**options):
    return MaxAndSkipObservation(gymnasium.make("CartPole-v1", **options), 2)


SKIP, TIME = MaxAndSkipObservation.wrapper_spec(skip=2), TimeAwareObservation.wrapper_spec()
BARE = {"order_enforce": False, "disable_env_checker": True}
IDS = {
    "Skip-v0": {"additional_wrappers": (SKIP,)},
    "Timed-v0": {"additional_wrappers": (SKIP, TIME)},
    "Doubled-v0": {"additional_wrappers": (Doubled.wrapper_spec(),)},
    "Flat-v0": {"entry_point": flat},
    "Composed-v0": {"entry_point": Composed},
    "Made-v0": {"entry_point": made_by_make},
    "Begun-v0": {
        "entry_point": flat,
        "additional_wrappers": (FlattenObservation.wrapper_spec(), TIME),
    },
    "Bare-v0": {"additional_wrappers": (SKIP,), "max_episode_steps": None, **BARE},
    "BareFlat-v0": {"entry_point": flat, "max_episode_steps": None, **BARE},
}


def register():
    for name, options in IDS.items():
        gymnasium.register(name, **{"entry_point": CartPoleEnv, "max_episode_steps": 9} | options)


@pytest.fixture(autouse=True)
def registered():
    register()
    yield
    for name in IDS:
        gymnasium.registry.pop(name)


def timed_elsewhere():
    if "Timed-v0" not in gymnasium.registry:  # a process that is not a copy of this one
        register()
    return gymnasium.make("Timed-v0")


def made_again(env):
    return EnvRecipe.of(env).make(1).envs[0]


@pytest.mark.parametrize("name", [name for name in IDS if name != "BareFlat-v0"])
@pytest.mark.parametrize("wrap", [lambda env: env, lambda env: ClipReward(env, -1.0)])
def test_an_id_s_wrappers_are_made_once(name, wrap):
    env = make_env(lambda: wrap(gymnasium.make(name)), 2)
    assert str(made_again(env)) == str(env.envs[0])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: MaxAndSkipObservation(env, 2),
        lambda env: MaxAndSkipObservation(env, 3),
        lambda env: TimeLimit(env, 4),
    ],
)
def test_the_same_wrapper_around_a_registered_one_is_kept(wrap):
    env = make_env(lambda: wrap(gymnasium.make("Skip-v0")), 2)
    assert str(made_again(env)) == str(env.envs[0])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: TimeLimit(gymnasium.make("Skip-v0").unwrapped, 9), "MaxAndSkipObservation"),
        (lambda: MaxAndSkipObservation(gymnasium.make("Skip-v0").unwrapped, 3), "MaxAndSkip"),
        (lambda: TimeAwareObservation(gymnasium.make("Skip-v0").env), "MaxAndSkip"),
        (lambda: TimeLimit(gymnasium.make("Doubled-v0").env, 4), "not wrapped in Doubled"),
        (lambda: gymnasium.make("BareFlat-v0"), "unknown which of its wrappers its id makes"),
        (lambda: Doubled(gymnasium.make("Doubled-v0")), "it was wrapped in Doubled"),
    ],
)
def test_an_environment_without_the_wrappers_of_its_id_is_an_obstacle(make, why):
    assert why in EnvRecipe.of(make_env(make, 2)).obstacle


def test_processes_tell_the_wrappers_of_an_id():
    env = AsyncVectorEnv([timed_elsewhere] * 2)
    recipe = EnvRecipe.of(env)
    env.close()
    assert recipe == EnvRecipe.of(make_env("Timed-v0", 2))


def test_a_resumed_run_has_the_wrappers_of_its_id_once(tmp_path):
    algo = fastpg.NPG("linear", "Timed-v0", seed=0, n_envs=2).learn(200)
    path = algo.save_checkpoint(tmp_path / "x.npz")
    with pytest.warns(UserWarning, match="new episodes start"):
        resumed = fastpg.resume(path)
    assert str(resumed.env.envs[0]) == str(algo.env.envs[0])
    assert resumed.env_recipe == algo.env_recipe


@pytest.mark.parametrize("name", ["CartPole-v1", "Timed-v0", "Flat-v0"])
def test_files_of_before_hold_the_wrappers_of_the_id(name):
    env = make_env(lambda: ClipReward(gymnasium.make(name), -1.0), 1)
    spec = env.envs[0].spec
    state = EnvRecipe.of(env).state()
    del state["holds_those_of_id"]
    state["wrappers"] = [[each.entry_point, each.kwargs] for each in spec.additional_wrappers]
    assert str(EnvRecipe.restore(state).make(1).envs[0]) == str(env.envs[0])
