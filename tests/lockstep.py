"""Stepping native environments together with Gymnasium's SyncVectorEnv, compared bit for bit."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import fastpg
from oracles import ORACLES


def sync(env_id, num_envs, mode=AutoresetMode.NEXT_STEP, **options):
    return SyncVectorEnv([lambda: gymnasium.make(env_id, **options)] * num_envs,
                         autoreset_mode=mode)  # fmt: skip


def pair(env_id, num_envs, mode=AutoresetMode.NEXT_STEP, **options):
    native = fastpg.make_vec(env_id, num_envs, autoreset_mode=mode, **options)
    return native, sync(env_id, num_envs, mode, **options)


def draw_actions(env_id, rng, observations, dtype=np.float32):
    """Random actions; in some environments mostly along the velocity, which ends episodes."""
    return ORACLES[env_id].actions(rng, observations, dtype)


def assert_same_array(mine, other, what):
    assert mine.dtype == other.dtype, what
    assert mine.shape == other.shape, what
    assert np.array_equal(mine, other), what


def assert_same_infos(mine, other):
    assert mine.keys() == other.keys()
    for key, value in other.items():
        if isinstance(value, dict):
            assert_same_infos(mine[key], value)
        elif value.dtype == object:
            for one, two in zip(mine[key], value, strict=True):
                assert (one is None) == (two is None)
                if one is not None:
                    assert_same_array(one, two, key)
        else:
            assert_same_array(mine[key], value, key)


def assert_same_step(mine, other):
    names = ("observations", "rewards", "terminated", "truncated")
    for name, one, two in zip(names, mine, other, strict=False):
        assert_same_array(one, two, name)
    assert_same_infos(mine[4], other[4])


def assert_same_reset(mine, other):
    assert_same_array(mine[0], other[0], "observations")
    assert mine[1] == other[1] == {}


def step_both(native, gym, actions):
    """One step of both; under DISABLED the ended environments are then reset."""
    mine, other = native.step(actions), gym.step(actions)
    assert_same_step(mine, other)
    ended = mine[2] | mine[3]
    if native.metadata["autoreset_mode"] is AutoresetMode.DISABLED and ended.any():
        mine_reset = native.reset(options={"reset_mask": ended})
        other_reset = gym.reset(options={"reset_mask": ended})
        assert_same_reset(mine_reset, other_reset)
        return mine_reset[0], ended
    return mine[0], ended


def play_both(native, gym, env_id, steps, rng, dtype=np.float32, observations=None):
    """Step both from their current states; returns the last observations and the number of ends."""
    if observations is None:
        observations = np.zeros(native.observation_space.shape, np.float32)
    ends = 0
    for _ in range(steps):
        actions = draw_actions(env_id, rng, observations, dtype)
        observations, ended = step_both(native, gym, actions)
        ends += int(ended.sum())
    return observations, ends


def assert_lock_step(env_id, num_envs, steps, seed, mode=AutoresetMode.NEXT_STEP,
                     dtype=np.float32, **options):  # fmt: skip
    native, gym = pair(env_id, num_envs, mode, **options)
    mine, other = native.reset(seed=seed), gym.reset(seed=seed)
    assert_same_reset(mine, other)
    rng = np.random.default_rng(seed)
    _, ends = play_both(native, gym, env_id, steps, rng, dtype, mine[0])
    gym.close()
    return ends


def assert_unchanged(env, before):
    after = env.get_state()
    for name in ("states", "streams", "elapsed_steps", "episode_returns", "status"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
