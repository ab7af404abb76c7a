"""Schedules: options whose value changes during learning.

Let r be the fraction of `learn` that remains: 1 at its start, 0 at its end (stable-baselines3's
progress_remaining). A schedule is one of:

- a number, which is constant;
- "lin_0.02": 0.02 r, which falls linearly to 0;
- "pow8_0.02": 0.02 r^8, or another power from 1 to 99; a higher power falls sooner;
- a function of r that returns a number of at least 0. A checkpoint stores the larger of its values
  at the start and at the end.

r is constant during an iteration. The command line takes all of these but a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastpg import arrays

Schedule = float | str | Callable[[float], float]

_FALLING = re.compile(r"(?:lin|pow(?P<power>[1-9]\d?))_(?P<start>.+)")


def at(schedule: Schedule, progress_remaining: float, name: str = "schedule") -> float:
    """The value of a schedule.

    Args:
        schedule: a checked schedule.
        progress_remaining: r in [0, 1]: 1 at the start of `learn`, 0 at its end.
        name: name of the option, for errors.

    Returns:
        The value.

    Raises:
        TypeError: a callable schedule returned no number.
        ValueError: a callable schedule returned a number that is not finite.
    """
    if callable(schedule):
        return arrays.number(f"{name} (schedule)", schedule(progress_remaining))
    if isinstance(schedule, str):
        falling = _parsed(schedule)
        assert falling is not None  # `checked` has parsed it before
        power, start = falling
        return start * progress_remaining**power
    return schedule


def checked(name: str, value: Any) -> Schedule:
    """Check a schedule.

    Args:
        name: name of the option, for errors.
        value: a number, a callable, or a string: a number, or a number after "lin_" or "pow8_".

    Returns:
        A float, the callable, or the string "lin_..." or "pow...".

    Raises:
        TypeError: neither a number, a string nor a callable.
        ValueError: a string of another form, or a number that is not finite.
    """
    if callable(value):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, str):
        return arrays.number(name, value)
    try:
        falling = _parsed(value)
        start = arrays.number(name, float(value) if falling is None else falling[1])
    except ValueError:
        raise ValueError(
            f"{name}: expected a number, 'lin_' or 'pow8_' and a number, or a callable, "
            f"got {value!r}"
        ) from None
    return start if falling is None else value


def start(schedule: Schedule) -> float:
    """The value at the start of `learn`, where r = 1.

    Args:
        schedule: a checked schedule.

    Returns:
        The value.
    """
    return at(schedule, 1.0)


@lru_cache
def _parsed(text: str) -> tuple[int, float] | None:
    """(power, value at the start) of a "lin_" or "pow" schedule; None for other text."""
    match = _FALLING.fullmatch(text)
    return None if match is None else (int(match["power"] or 1), float(match["start"]))
