"""Schedules: numbers that change while learning goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastpg import arrays

Schedule = float | str | Callable[[float], float]

_LINEAR = "lin_"


def at(schedule: Schedule, progress_remaining: float) -> float:
    """The value where progress_remaining falls from 1 at the start of `learn` to 0 at its end.

    A number is constant, "lin_0.02" falls in proportion, a callable is asked.
    """
    if callable(schedule):
        return arrays.number("schedule", schedule(progress_remaining))
    if isinstance(schedule, str):
        return progress_remaining * float(schedule.removeprefix(_LINEAR))
    return schedule


def checked(name: str, value: Any) -> Schedule:
    """A schedule; a string is a number or "lin_" and a number."""
    if callable(value):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, str):
        return arrays.number(name, value)
    try:
        start = arrays.number(name, float(value.removeprefix(_LINEAR)))
    except ValueError:
        raise ValueError(
            f"{name}: expected a number, 'lin_' and a number, or a callable, got {value!r}"
        ) from None
    return value if value.startswith(_LINEAR) else start


def start(schedule: Schedule) -> float:
    """The value at the start."""
    return at(schedule, 1.0)
