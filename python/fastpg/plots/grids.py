"""The plane of observations over which a policy is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.envs import NATIVE
from fastpg.policies.base import Policy

_WIDEST = 1e6  # a bound beyond this is none that a picture could show
_DEVIATIONS = 3.0  # of the running normalisation, where there are no bounds
_MARGIN = 0.05  # beyond the observations that were visited, as a fraction of their range

Range = tuple[float, float]


@dataclass(frozen=True)
class Plane:
    """Two numbers of the observation that vary; the others are fixed."""

    axes: tuple[int, int]
    ranges: tuple[Range, Range]
    fixed: Floats  # one observation, (d,); its numbers `axes` do not count

    def observations(self, resolution: int) -> Floats:
        """The observations of a grid.

        Args:
            resolution: numbers along each axis.

        Returns:
            (resolution * resolution, d): the first axis varies fastest.
        """
        x, y = (np.linspace(low, high, resolution) for low, high in self.ranges)
        grid = np.tile(self.fixed, (resolution * resolution, 1))
        grid[:, self.axes[0]] = np.tile(x, resolution)
        grid[:, self.axes[1]] = np.repeat(y, resolution)
        return grid


def make_plane(
    policy: Policy,
    space: Any,
    axes: tuple[Any, Any],
    ranges: Any,
    others: Any,
    visited: Floats | None,
) -> Plane:
    """Check the arguments of `policy_map` and complete them.

    Args:
        policy: the policy.
        space: space of one observation, or None.
        axes: indices of the two numbers that vary.
        ranges: as in `policy_map`.
        others: as in `policy_map`.
        visited: observations (n, d), or None.

    Returns:
        The plane.

    Raises:
        TypeError, ValueError: an argument of another kind or range, or ranges that are neither
            given nor known.
    """
    size = policy.observation_size
    if space is not None and not isinstance(space, spaces.Box):
        raise ValueError(f"policy_map: expected a Box of observations, got {space}")
    if size < 2:
        raise ValueError("policy_map: expected observations of at least 2 numbers, got 1")
    x, y = (arrays.integer(name, axis, 0, size - 1) for name, axis in zip("xy", axes, strict=True))
    if x == y:
        raise ValueError(f"x, y: expected two different numbers of the observation, got {x} twice")
    bounds = _bounds(policy, space)
    given = _given_ranges(ranges)
    found = [_range(axis, given[k], bounds[axis], visited) for k, axis in enumerate((x, y))]
    return Plane((x, y), (found[0], found[1]), _fixed(others, size, bounds, visited))


def _given_ranges(ranges: Any) -> list[Range | None]:
    if ranges is None:
        return [None, None]
    if not isinstance(ranges, Sequence) or len(ranges) != 2:
        raise ValueError(f"ranges: expected two pairs (low, high), got {ranges!r}")
    return [None if pair is None else _pair(pair) for pair in ranges]


def _pair(pair: Any) -> Range:
    low, high = arrays.finite_floats("ranges", pair, (2,)).tolist()
    if low >= high:
        raise ValueError(f"ranges: expected low < high, got {low:g} and {high:g}")
    return low, high


def _range(axis: int, given: Range | None, bounds: Range, visited: Floats | None) -> Range:
    """The given range, else that of the visited observations, else the bounds."""
    if given is not None:
        return given
    if visited is not None:
        low, high = float(visited[:, axis].min()), float(visited[:, axis].max())
        room = _MARGIN * (high - low) or 0.5
        return low - room, high + room
    if not np.isfinite(bounds).all():
        raise ValueError(
            f"ranges: expected a pair for observation[{axis}], which has no bounds and for which "
            "no visited observations are given"
        )
    return bounds


def _bounds(policy: Policy, space: Any) -> list[Range]:
    """Of each number: the bounds of the space, else those of the normalisation, else infinite."""
    size = policy.observation_size
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    if space is not None:
        low, high = space.low.astype(np.float64).ravel(), space.high.astype(np.float64).ravel()
    normal = policy.normalizer
    if normal is not None and normal.count:
        spread = _DEVIATIONS / normal.inverse_std
        known = (np.abs(low) <= _WIDEST) & (np.abs(high) <= _WIDEST)
        low = np.where(known, low, normal.mean - spread)
        high = np.where(known, high, normal.mean + spread)
    wide = (np.abs(low) > _WIDEST) | (np.abs(high) > _WIDEST)
    low, high = np.where(wide, -np.inf, low), np.where(wide, np.inf, high)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _fixed(others: Any, size: int, bounds: list[Range], visited: Floats | None) -> Floats:
    """The fixed numbers: those given, else medians of the visited ones, else 0 or the nearest."""
    fixed = np.array([min(max(0.0, low), high) for low, high in bounds])
    if visited is not None:
        fixed = np.median(visited, axis=0)
    if others is None:
        return fixed
    if not isinstance(others, Mapping):
        return arrays.finite_floats("others", others, (size,)).copy()
    for axis, value in others.items():
        fixed[arrays.integer("others", axis, 0, size - 1)] = arrays.number("others", value)
    return fixed


def observation_names(model: Any, size: int, names: Sequence[str] | None) -> list[str]:
    """Names of the numbers of an observation.

    Args:
        model: an algorithm or a policy.
        size: numbers in an observation.
        names: given by the user, or None.

    Returns:
        The names: those given, else those of the environment's page, else "observation[0]" etc.

    Raises:
        ValueError: another number of names.
    """
    if names is not None:
        if len(names) != size:
            raise ValueError(f"names: expected {size}, one for each number, got {len(names)}")
        return [str(name) for name in names]
    spec = NATIVE.get(getattr(model, "env_id", None) or "")
    known = [] if spec is None else list(spec.environment.observation_names())
    return known if len(known) == size else [f"observation[{k}]" for k in range(size)]


def action_names(model: Any, count: int) -> list[str]:
    """Names of discrete actions.

    Args:
        model: an algorithm or a policy.
        count: number of actions.

    Returns:
        "0: " and the words of the environment's page, or "action 0" etc.
    """
    spec = NATIVE.get(getattr(model, "env_id", None) or "")
    known = () if spec is None else spec.environment.action_names()
    if len(known) != count:
        return [f"action {k}" for k in range(count)]
    return [f"{k}: {name.replace('`', '')}" for k, name in enumerate(known)]
