"""Action masks of environments in Python, of every kind of array, stacked and checked."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorWrapper

import fastpg
from fastpg import arrays
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.make_env import make_env
from fastpg.rollouts.masks import Masks


class Masked(gymnasium.Env):
    """Gives the mask that it is told to give next; None gives none."""

    observation_space = spaces.Discrete(3)
    action_space = spaces.Discrete(3)

    def __init__(self):
        self.mask = None

    def _info(self):
        return {} if self.mask is None else {"action_mask": self.mask, "other": object()}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, self._info()

    def step(self, action):
        return 1, 0.0, False, False, self._info()


class MaskedAtTimes(gymnasium.Env):
    """Only the first action of each choice is allowed in steps of `times`, where it gives masks."""

    observation_space = spaces.Discrete(3)

    def __init__(self, action_space, times):
        self.action_space = action_space
        self.times = times
        discrete = isinstance(action_space, spaces.Discrete)
        choices = [action_space.n] if discrete else action_space.nvec
        self.mask = np.concatenate([np.arange(count) == 0 for count in choices])
        self.illegal = 0

    def _info(self):
        return {"action_mask": self.mask} if self.elapsed in self.times else {}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.elapsed, self.length = 0, self.np_random.integers(2, 9)
        return 0, self._info()

    def step(self, action):
        self.illegal += self.elapsed in self.times and bool(np.any(action))
        self.elapsed += 1
        return 1, 0.0, bool(self.elapsed >= self.length), False, self._info()


class Short(gymnasium.Env):
    """Episodes of three steps."""

    observation_space = spaces.Discrete(3)
    action_space = spaces.Discrete(3)

    def _info(self):
        return {}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.elapsed = 0
        return 0, self._info()

    def step(self, action):
        self.elapsed += 1
        return 1, 0.0, self.elapsed == 3, False, self._info()


class InInfo(Short):
    def _info(self):
        return {"action_mask": np.array([1, 0, 1], np.int8)}


class ByMethod(Short):
    def action_masks(self):
        return [False, True, self.elapsed > 0]


class Both(InInfo, ByMethod):
    pass


ROWS = ([1, 0, 1], [0, 1, 0])
KINDS = {
    "int8": lambda row: np.array(row, np.int8),
    "uint8": lambda row: np.array(row, np.uint8),
    "bool": lambda row: np.array(row, bool),
    "int64": np.array,
    "float32": lambda row: np.array(row, np.float32),
    "list": list,
    "tuple of arrays": lambda row: (np.array(row[:2]), np.array(row[2:])),
    "matrix": lambda row: np.array([row], np.int8),
}


def copies(first, second):
    env = EnvCopies([Masked, Masked])
    env.envs[0].mask, env.envs[1].mask = first, second
    return env, Masks(env, 3)


def test_infos_in_a_list_are_an_error_and_no_missing_masks():
    def made():
        env = Masked()
        env.mask = np.array([1, 0, 1])
        return env

    vector = SyncVectorEnv([made, made])
    wrapped = gymnasium.wrappers.vector.DictInfoToList(vector)
    algo = fastpg.NPG("linear", wrapped, n_steps=4, seed=0)
    with pytest.raises(TypeError, match=r"info: expected a dict, .*without DictInfoToList"):
        algo.learn(8)
    assert fastpg.NPG("linear", vector, n_steps=4, seed=0).learn(8).num_timesteps == 8


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_masks_of_all_kinds(one, other):
    env, masks = copies(KINDS[one](ROWS[0]), KINDS[other](ROWS[1]))
    _, info = env.reset(seed=0)
    assert masks.of(info).tolist() == np.array(ROWS, bool).tolist()
    env.envs[0].mask = KINDS[one](ROWS[1])
    *_, info = env.step(np.zeros(2, np.int64))
    found = masks.of(info)
    assert found.dtype == np.bool_
    assert found.tolist() == np.array([ROWS[1], ROWS[1]], bool).tolist()
    found[:] = True  # a copy: nobody else's masks change
    assert masks.of(info).tolist() == np.array([ROWS[1], ROWS[1]], bool).tolist()


@pytest.mark.parametrize("given", [(0, None), (None, 1)])
def test_one_without_a_mask_may_do_anything(given):
    env, masks = copies(*(None if k is None else np.array(ROWS[k], np.int8) for k in given))
    _, info = env.reset(seed=0)
    expected = [[True] * 3 if k is None else list(map(bool, ROWS[k])) for k in given]
    assert masks.of(info).tolist() == expected


def test_a_reset_of_some_gives_their_masks():
    env, masks = copies(*(np.array(row, np.int8) for row in ROWS))
    env.reset(seed=0)
    *_, info = env.step(np.zeros(2, np.int64))
    env.envs[1].mask = np.array([0, 0, 1], np.int8)
    reset = np.array([False, True])
    _, reset_info = env.reset(options={"reset_mask": reset})
    merged = masks.of(masks.merged(info, reset_info, reset))
    assert merged.tolist() == [[True, False, True], [False, False, True]]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("both", [True, False])
def test_wrong_masks(dtype, both):
    good = np.array([1, 1, 0], dtype)
    for bad, text in (
        (np.array([0, 2, 1], dtype), "expected flags, 0 or 1"),
        (np.array([0, 1], dtype), "expected 3 flags, got 2"),
        (np.array([0, 1, 1, 0], dtype), "expected 3 flags, got 4"),
    ):
        env, masks = copies(bad if both else good, bad)
        _, info = env.reset(seed=0)
        with pytest.raises(ValueError, match=text):
            masks.of(info)


def test_a_batch_of_bytes_is_read_as_it_is():
    rows = np.array([[1, 0], [1, 1]], np.uint8)
    assert arrays.action_masks("masks", rows, 2).tolist() == rows.astype(bool).tolist()
    for bad in (np.array([[1, 255]], np.uint8), np.array([[-1, 0]], np.int8)):
        with pytest.raises(ValueError, match="masks: expected flags, 0 or 1"):
            arrays.action_masks("masks", bad, 2)


@pytest.mark.parametrize("kind", ["callables", *AutoresetMode])
@pytest.mark.parametrize("action_space", [spaces.Discrete(2), spaces.MultiDiscrete([2, 3])])
@pytest.mark.parametrize("times", [(0,), (0, 3), (2,)])
def test_a_waiting_environment_keeps_its_mask(kind, action_space, times):
    made = []

    def make():
        made.append(MaskedAtTimes(action_space, times))
        return made[-1]

    env = [make] * 3
    if kind != "callables":
        env = SyncVectorEnv(env, autoreset_mode=kind)
    algo = fastpg.REINFORCE("linear", env, n_episodes=5, baseline_batch=2, seed=0).learn(600)
    assert algo.num_episodes > 80
    assert [one.illegal for one in made] == [0] * len(made)


VECTORS = {
    "callables": lambda kinds, mode: make_env(kinds, len(kinds)),
    "sync": lambda kinds, mode: SyncVectorEnv(kinds, autoreset_mode=mode),
    "wrapped": lambda kinds, mode: VectorWrapper(SyncVectorEnv(kinds, autoreset_mode=mode)),
    "async": lambda kinds, mode: AsyncVectorEnv(kinds, autoreset_mode=mode),
}


def collected(env):
    try:
        return fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=8, seed=0)
    finally:
        env.close()


@pytest.mark.parametrize("vector", ["callables", "sync", "wrapped"])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_each_environment_gives_masks_in_its_own_way(vector, mode):
    rollout = collected(VECTORS[vector]([InInfo, ByMethod, Short, Both], mode))
    masks = rollout.action_masks[rollout.valid[:, 0]]
    starts = rollout.step_index[rollout.valid[:, 0], 1] == 0
    assert masks.all(axis=0).tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 1], [1, 0, 1]]
    assert np.array_equal(masks[:, 1, 2], ~starts)
    assert not masks[:, 1, 0].any()
    assert not masks[:, [0, 3], 1].any()


@pytest.mark.parametrize("kinds", [[InInfo, Both], [InInfo, Short, InInfo], [ByMethod, Both]])
def test_processes_with_masks_that_can_be_had(kinds):
    one = collected(VECTORS["async"](kinds, AutoresetMode.DISABLED))
    other = collected(VECTORS["callables"](kinds, None))
    assert np.array_equal(one.action_masks, other.action_masks)
    assert not one.action_masks.all()


@pytest.mark.parametrize("kinds", [[ByMethod, Short], [ByMethod, InInfo]])
def test_processes_that_cannot_be_asked_alone_are_an_error(kinds):
    expected = r"action_masks\(\): expected the method in all environments .*, got it in 1 of 2"
    with pytest.raises(ValueError, match=expected):
        collected(VECTORS["async"](kinds, AutoresetMode.NEXT_STEP))
