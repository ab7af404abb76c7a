"""Making native environments by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from fastpg import threads
from fastpg.callers import warn
from fastpg.envs.catalogue import native_spec, newer_id
from fastpg.envs.episodes import mode_of
from fastpg.envs.user_env import UserEnvironment
from fastpg.envs.vector import NativeVectorEnv


def make_vec(
    id: str | UserEnvironment,
    num_envs: int = 1,
    *,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    exact: bool = True,
    max_episode_steps: int | None = None,
    num_threads: int | None = None,
    copy: bool = True,
    render_mode: str | None = None,
    **env_options: Any,
) -> NativeVectorEnv:
    """Make `num_envs` copies of a native environment, stepped together in C++.

    It makes native environments alone. Algorithms, `train` and `evaluate_policy` also take any
    other id, a `gymnasium.Env`, a callable that makes one, and vector environments.

    Args:
        id: a Gymnasium id: "Acrobot-v1", "CartPole-v0", "CartPole-v1", "MountainCar-v0",
            "MountainCarContinuous-v0" or "Pendulum-v1"; or an environment of your own from
            `numba_env`, `build_env`, `load_env` or `register_env`, or its id.
        num_envs: number of copies, from 1 to 2^24.
        autoreset_mode: when an environment is reset after an episode, as in Gymnasium: NEXT_STEP,
            SAME_STEP or DISABLED.
        exact: True gives the numbers of `gymnasium.vector.SyncVectorEnv` bit for bit. False is
            faster: vectorised sine and cosine, at most 1 ulp from the true values, and one
            reciprocal instead of repeated divisions by the same number.
        max_episode_steps: time limit in steps; None: the id's registered limit; -1: no limit.
        num_threads: threads for `step` and for `fastpg.collect` by steps, from 1 to 256; one thread
            for every 512 copies is used at most. None: the environment variable FASTPG_NUM_THREADS,
            or 1. Results do not depend on it.
        copy: False: every `step` overwrites and returns the same arrays.
        render_mode: "rgb_array" makes `render` draw; needs `pip install '.[render]'`.
        **env_options: options of the environment, listed on its page in docs/environments. They are
            attributes of Gymnasium's class; `set_attr` changes them later. The spaces follow from
            the values given here.

    Returns:
        The environments.

    Raises:
        ValueError: unknown id or mode, an option or a size out of range, or an environment whose id
            another one has taken since.
        TypeError: unknown option, or an argument of the wrong type.
    """
    env_id = id.require_current().id if isinstance(id, UserEnvironment) else id
    native_spec(env_id)
    newer = newer_id(env_id)
    if newer is not None:
        warn(f"{env_id} is out of date, as in Gymnasium: consider {newer}", DeprecationWarning)
    options = env_options | {
        "autoreset_mode": mode_of(autoreset_mode).value,
        "exact": exact,
        "max_episode_steps": max_episode_steps,
        "num_threads": threads.num_threads(num_threads),
        "copy": copy,
        "render_mode": render_mode,
    }
    env = NativeVectorEnv(env_id, num_envs, **options)
    env.spec = _spec(env, options)
    return env


def _spec(env: NativeVectorEnv, options: Mapping[str, Any]) -> EnvSpec:
    """Gymnasium's spec of an environment, with which `gymnasium.make_vec` makes it again."""
    registered = gymnasium.spec(native_spec(str(env.env_id)).registered_id)
    return EnvSpec(
        id=registered.id,
        entry_point=registered.entry_point,
        vector_entry_point=registered.vector_entry_point,
        reward_threshold=registered.reward_threshold,
        max_episode_steps=env.max_episode_steps,
        kwargs={**registered.kwargs, **options, "num_envs": env.num_envs},
    )
