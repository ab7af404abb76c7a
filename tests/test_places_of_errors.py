"""An error about what an environment gave says which environment it was, and in which step."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import fastpg
from fastpg.rollouts.collect import make_collector

BAD_STEP, BAD_ENV, COUNT = 4, 2, 3


class Bad(gymnasium.Env):
    """Episodes of `length` steps; from the seed on one environment gives something wrong."""

    observation_space = spaces.Box(-9, 9, (2,))
    action_space = spaces.Discrete(2)

    def __init__(self, what="", length=9, episode=0):
        self.what, self.length, self.episode = what, length, episode
        self.count = -1
        self.bad = False

    def observe(self, bad):
        return np.array([self.t, np.nan if bad else 0.0], np.float32)

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.bad = seed % COUNT == BAD_ENV
        self.t = 0
        self.count += 1
        return self.observe(self.now("reset", 0)), {}

    def now(self, what, step):
        return self.bad and what == self.what and self.t == step and self.count >= self.episode

    def step(self, action):
        self.t += 1
        if self.now("raise", BAD_STEP):
            raise ZeroDivisionError("mine")
        if self.now("none", BAD_STEP):
            return None
        reward = -np.inf if self.now("reward", BAD_STEP) else 1.0
        observation = self.observe(self.now("observation", BAD_STEP))
        if self.now("integer", BAD_STEP):
            observation = np.zeros(3, np.float32)
        return observation, reward, self.t == self.length, False, {}


STEP = f"environment {BAD_ENV} in step {BAD_STEP} of its episode"
RESET = f"environment {BAD_ENV} in its reset"
# Which mistake, in which episode (of `length` steps), and what the error says.
CASES = {
    "reward": ({"what": "reward"}, rf"rewards: expected finite .*, got -inf, from {STEP}"),
    "reward, later": ({"what": "reward", "length": 5, "episode": 2}, f"got -inf, from {STEP}"),
    "observation": ({"what": "observation"}, rf"observation: .*nan at index \(2, 1\), from {STEP}"),
    "last observation": ({"what": "observation", "length": 4}, f"expected finite .*, from {STEP}"),
    "reset": ({"what": "reset"}, f"observation: expected finite .*, from {RESET}"),
    "a later reset": ({"what": "reset", "length": 5, "episode": 1}, f"finite .*, from {RESET}"),
}


def vectors(**given):
    def makers():
        return [lambda: Bad(**given)] * COUNT

    yield "copies", lambda: Bad(**given)
    for mode in AutoresetMode:
        yield mode.value, SyncVectorEnv(makers(), autoreset_mode=mode)
        wrapped = gymnasium.wrappers.vector.RecordEpisodeStatistics(
            SyncVectorEnv(makers(), autoreset_mode=mode)
        )
        yield f"wrapped, {mode.value}", wrapped


@pytest.mark.parametrize("case", CASES)
def test_numbers_that_are_not_finite(case):
    given, words = CASES[case]
    for name, env in vectors(**given):
        options = {"n_envs": COUNT} if name == "copies" else {}
        algo = fastpg.NPG("linear", env, seed=0, n_steps=64, **options)
        with pytest.raises(ValueError, match=words):
            algo.learn(64 * COUNT)
        assert algo.num_timesteps == 0, name


def test_in_other_processes():
    env = AsyncVectorEnv([lambda: Bad("reward")] * COUNT)
    try:
        with pytest.raises(ValueError, match=f"got -inf, from {STEP}"):
            fastpg.NPG("linear", env, seed=0, n_steps=64).learn(64 * COUNT)
    finally:
        env.close()


def test_values_outside_a_discrete_space():
    class Choices(Bad):
        observation_space = spaces.Discrete(5)

        def observe(self, bad):
            return 7 if bad else 1

    algo = fastpg.NPG("linear", lambda: Choices("observation"), seed=0, n_envs=COUNT, n_steps=64)
    with pytest.raises(ValueError, match=f"expected values of its space, got 7, from {STEP}"):
        algo.learn(64 * COUNT)


def test_rewards_that_no_float_holds():
    class Huge(Bad):
        def step(self, action):
            given = super().step(action)
            return given[0], -(10**400) if given[1] < 0.0 else 1, *given[2:]

    for env in (lambda: Huge("reward"), SyncVectorEnv([lambda: Huge("reward")] * COUNT)):
        options = {"n_envs": COUNT} if callable(env) else {}
        algo = fastpg.NPG("linear", env, seed=0, n_steps=64, **options)
        with pytest.raises(ValueError, match=f"finite values .*, got -inf, from {STEP}"):
            algo.learn(64 * COUNT)


@pytest.mark.parametrize("power", [400, 5000])
@pytest.mark.parametrize("part", [False, True])
def test_integers_that_no_array_holds(power, part):
    class Choices(Bad):
        observation_space = spaces.Tuple([spaces.Discrete(5)]) if part else spaces.Discrete(5)

        def observe(self, bad):
            value = 10**power if bad else 1
            return (value,) if part else value

    algo = fastpg.NPG("linear", lambda: Choices("observation"), seed=0, n_envs=COUNT, n_steps=64)
    with pytest.raises(
        ValueError, match=r"observation.*: expected values of its space, got"
    ) as caught:
        algo.learn(64 * COUNT)
    assert caught.value.__notes__ == [f"From {STEP}"]


@pytest.mark.parametrize(
    ("what", "kind"), [("raise", ZeroDivisionError), ("none", ValueError), ("integer", ValueError)]
)
def test_other_errors_have_a_note(what, kind):
    algo = fastpg.NPG("linear", lambda: Bad(what), seed=0, n_envs=COUNT, n_steps=64)
    with pytest.raises(kind) as caught:
        algo.learn(64 * COUNT)
    assert caught.value.__notes__ == [f"From {STEP}"]
    collector = make_collector(algo.env, algo.policy, 0)
    with pytest.raises(kind) as caught:
        collector.episodes(COUNT)
    assert caught.value.__notes__ == [f"From {STEP}"]


def test_an_error_of_no_environment_has_no_note():
    """Even after one that had a note."""
    algo = fastpg.NPG("linear", lambda: Bad("raise"), seed=0, n_envs=COUNT, n_steps=64)
    with pytest.raises(ZeroDivisionError):
        algo.learn(64 * COUNT)
    with pytest.raises(ValueError, match="seed: expected 3 seeds") as caught:
        algo.env.reset(seed=[1])
    assert algo.env.failed is None
    assert not hasattr(caught.value, "__notes__")
