"""Native environments in Gymnasium's registry, under the namespace `fastpg`."""

from __future__ import annotations

from typing import Any

import gymnasium

from fastpg.envs.catalogue import NATIVE, NativeSpec
from fastpg.envs.vector import NativeVectorEnv


def register_native() -> None:
    """Register "fastpg/CartPole-v1" and the others with Gymnasium, unless they are already."""
    for spec in NATIVE.values():
        if spec.registered_id not in gymnasium.registry:
            register_in_gymnasium(spec)


def register_in_gymnasium(spec: NativeSpec) -> None:
    """Register one native environment with Gymnasium.

    Args:
        spec: its row of the table.
    """
    gymnasium.register(
        id=spec.registered_id,
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
