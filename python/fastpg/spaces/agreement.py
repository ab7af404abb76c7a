"""Whether values mean the same in two spaces."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from fastpg.spaces.flat import Space


def require_same(what: str, own: Space, other: Space, *, bounds: bool = False) -> None:
    """Raise ValueError unless values mean the same in both spaces.

    These must agree: the kind; parts, their keys and their order; shape; number of choices and
    `start`; for a Box whether it holds integers and, with `bounds`, its bounds. The width of the
    dtype may differ.

    Args:
        what: name of the spaces, for errors.
        own: space of the policy.
        other: space of the environment.
        bounds: whether the bounds of a Box must agree.

    Raises:
        ValueError: the spaces differ; the message names the difference.
    """
    if own != other and (wrong := _difference(own, other, bounds)):
        raise ValueError(f"env: expected the policy's {what} {own}, got {other} ({wrong})")


def _difference(own: Space, other: Space, bounds: bool) -> str | None:
    """The first difference, in words; None if there is none."""
    kind = type(own).__name__
    if not isinstance(other, type(own)):
        return f"{type(other).__name__} for {kind}"
    if isinstance(own, spaces.Dict | spaces.Tuple):
        return _different_part(_named_parts(own), _named_parts(other), bounds)
    if own.shape != other.shape:
        return f"shape {other.shape} for {own.shape}"
    for name in ("n", "nvec", "start"):
        mine, theirs = getattr(own, name, None), getattr(other, name, None)
        if not np.array_equal(mine, theirs):  # type: ignore[arg-type]
            return f"{name} {theirs} for {mine}"
    if isinstance(own, spaces.Box) and isinstance(other, spaces.Box):
        return _different_box(own, other, bounds)
    return None


def _named_parts(space: Space) -> dict[Any, Space]:
    parts = space.spaces  # type: ignore[attr-defined]
    return dict(parts) if isinstance(space, spaces.Dict) else dict(enumerate(parts))


def _different_part(own: dict[Any, Space], other: dict[Any, Space], bounds: bool) -> str | None:
    if list(own) != list(other):
        return f"parts {list(other)} for {list(own)}"
    for key, part in own.items():
        if wrong := _difference(part, other[key], bounds):
            return f"{key!r}: {wrong}"
    return None


def _different_box(own: spaces.Box, other: spaces.Box, bounds: bool) -> str | None:
    if (own.dtype.kind == "f") != (other.dtype.kind == "f"):
        return f"dtype {other.dtype} for {own.dtype}"
    for name in ("low", "high") if bounds else ():
        mine, theirs = getattr(own, name), getattr(other, name)
        if not np.array_equal(mine, theirs):
            return f"{name} {theirs} for {mine}"
    return None
