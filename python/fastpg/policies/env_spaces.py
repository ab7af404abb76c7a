"""The spaces of one environment, of a vector environment too."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from fastpg.spaces.flat import flat_size


def single_space(env: Any, what: str) -> spaces.Space[Any]:
    """The observation or action space of one environment."""
    for name in (f"single_{what}_space", f"{what}_space"):
        space = getattr(env, name, None)
        if isinstance(space, spaces.Space):
            return space
    raise TypeError(f"env: expected an environment with an {what}_space, got {env!r}")


def observation_size(env: Any) -> int:
    """Length of a flat observation, as in `flat_size`."""
    return flat_size(single_space(env, "observation"))
