"""Values of options: their types, ranges and choices."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from fastpg import arrays
from fastpg.algorithms import schedules
from fastpg.algorithms.schedules import Schedule
from fastpg.suggestions import one_of

# Limits of every option: beyond them products and squares overflow or underflow.
_LEAST, _MOST = 1e-100, 1e100


def checked(name: str, value: Any, hint: Any, limits: Mapping[str, Any]) -> Any:
    """A value of an option, converted.

    Args:
        name: of the option, for errors.
        value: as it was given.
        hint: the option's type annotation.
        limits: "low", "high", "above" and "choices", as in `option`.

    Raises:
        TypeError: a value of another type.
        ValueError: a value out of range.
    """
    kind, may_be_none = _kind(hint)
    if value is None and may_be_none:
        return None
    if kind is Schedule:
        return _check_schedule(name, value, limits)
    if kind is bool:
        return arrays.boolean(name, value)
    if kind is str:
        return one_of(name, value, limits["choices"])
    if kind is int:
        return arrays.integer(name, value, limits["low"], limits["high"])
    return _check_range(name, arrays.number(name, value), limits)


def is_schedule(hint: Any) -> bool:
    """Whether values of this type may be schedules."""
    return _kind(hint)[0] is Schedule


@functools.cache
def _kind(hint: Any) -> tuple[Any, bool]:
    """The type of an annotation without None, and whether None is allowed."""
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    may_be_none = types.NoneType in members
    if hint in (Schedule, Schedule | None):
        return Schedule, may_be_none
    return next(member for member in members if member is not types.NoneType), may_be_none


def _check_schedule(name: str, value: Any, limits: Mapping[str, Any]) -> Schedule:
    schedule = schedules.checked(name, value)
    if not callable(schedule):
        _check_range(name, schedules.start(schedule), limits)
    return schedule


def _check_range(name: str, value: float, limits: Mapping[str, Any]) -> float:
    low, high, above = limits["low"], limits["high"], limits["above"]
    bad_low = low is not None and value < low
    bad_high = high is not None and value > high
    if bad_low or bad_high or (above is not None and value <= above):
        raise ValueError(f"{name}: expected a number {range_text(limits)}, got {value!r}")
    if value > _MOST:
        raise ValueError(f"{name}: expected a number of at most {_MOST:g}, got {value!r}")
    if above is not None and value < _LEAST:
        raise ValueError(f"{name}: expected a number of at least {_LEAST:g}, got {value!r}")
    return value


def range_text(limits: Mapping[str, Any]) -> str | None:
    """The range or the choices in words; None if any value of the type is allowed."""
    low, high, above = limits["low"], limits["high"], limits["above"]
    if limits["choices"]:
        return " or ".join(limits["choices"])
    if above is not None:
        return f"above {above:g}" + ("" if high is None else f", at most {high:g}")
    if low is None:
        return None
    return f"at least {low:g}" if high is None else f"in [{low:g}, {high:g}]"
