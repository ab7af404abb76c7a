"""The table of native environments by id."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import gymnasium

from fastpg.envs.classic_control import (
    Acrobot,
    CartPole,
    MountainCar,
    MountainCarContinuous,
    Pendulum,
)
from fastpg.envs.environment import Environment
from fastpg.suggestions import one_of

NAMESPACE = "fastpg"  # of the ids in Gymnasium's registry


@dataclass(frozen=True)
class NativeSpec:
    """A row of the table of ids."""

    id: str
    environment: Environment
    max_episode_steps: int | None
    reward_threshold: float | None
    module: str | None = None  # whose import registers it; None: fastpg's own

    @property
    def registered_id(self) -> str:
        """Its id in Gymnasium's registry."""
        return self.id if self.environment.from_user else f"{NAMESPACE}/{self.id}"


# A new environment is a C++ kernel, a class of `classic_control` and one line here.
NATIVE: dict[str, NativeSpec] = {
    spec.id: spec
    for spec in (
        NativeSpec("Acrobot-v1", Acrobot(), 500, -100.0),
        NativeSpec("CartPole-v0", CartPole(), 200, 195.0),
        NativeSpec("CartPole-v1", CartPole(), 500, 475.0),
        NativeSpec("MountainCar-v0", MountainCar(), 200, -110.0),
        NativeSpec("MountainCarContinuous-v0", MountainCarContinuous(), 999, 90.0),
        NativeSpec("Pendulum-v1", Pendulum(), 200, None),
    )
}


def native_spec(env_id: str) -> NativeSpec:
    """The native environment of an id.

    Args:
        env_id: a Gymnasium id, one of the keys of `NATIVE`.

    Returns:
        The class of the environment with its registered time limit and reward threshold.

    Raises:
        ValueError: an unknown id; the message suggests the nearest one.
        TypeError: not a string.
    """
    if not isinstance(env_id, str):
        raise TypeError(
            f"id: expected a string such as 'CartPole-v1', got {env_id!r}; algorithms take an "
            "environment, or a callable that makes one, itself"
        )
    if env_id not in NATIVE and env_id in gymnasium.registry:
        raise ValueError(
            f"id: expected a native environment ({', '.join(NATIVE)}), got {env_id!r}: algorithms "
            "take the id itself, and gymnasium.make_vec makes it"
        )
    return NATIVE[one_of("environment", env_id, NATIVE)]


def is_only_native(env_id: str) -> bool:
    """Whether an environment is in C++ alone, and has no original in Gymnasium.

    Args:
        env_id: an id without a module.

    Returns:
        False for an id that is not native at all.
    """
    spec = NATIVE.get(env_id)
    return spec is not None and (spec.environment.from_user or env_id not in gymnasium.registry)


def newer_id(env_id: str) -> str | None:
    """The id of the same environment with the highest version.

    Args:
        env_id: one of the keys of `NATIVE`.

    Returns:
        The id, or None if `env_id` is already the newest.
    """
    name = _without_version(env_id)
    newest = max(
        (other for other in NATIVE if _without_version(other) == name),
        key=lambda other: int(other[len(name) + len("-v") :] or -1),
    )
    return None if newest == env_id else newest


@functools.cache
def _without_version(env_id: str) -> str:
    """An id without its "-v0", if it has one."""
    name, _, version = env_id.rpartition("-v")
    return name if name and version.isdecimal() else env_id
