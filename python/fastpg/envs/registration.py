"""Native environments in Gymnasium's registry, under the namespace `fastpg`."""

from __future__ import annotations

from typing import Any

import gymnasium

from fastpg.envs.catalogue import NAMESPACE, NATIVE
from fastpg.envs.vector import NativeVectorEnv


def register_native() -> None:
    """Register "fastpg/CartPole-v1" and the others with Gymnasium, unless they are already."""
    for spec in NATIVE.values():
        name = f"{NAMESPACE}/{spec.id}"
        if name not in gymnasium.registry:
            gymnasium.register(
                id=name,
                entry_point="fastpg.envs:NativeEnv",
                vector_entry_point="fastpg.envs.registration:make_registered",
                max_episode_steps=spec.max_episode_steps,
                reward_threshold=spec.reward_threshold,
                kwargs={"env_id": spec.id},
            )


def make_registered(num_envs: int, env_id: str, **options: Any) -> NativeVectorEnv:
    """The entry point for `gymnasium.make_vec`, which itself warns about old versions.

    Args:
        num_envs: number of copies.
        env_id: a Gymnasium id of a native environment.
        **options: keywords of `make_vec`.

    Returns:
        The environments.
    """
    return NativeVectorEnv(env_id, num_envs, **options)
