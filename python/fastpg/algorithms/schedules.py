"""Schedules: numbers that change while learning goes on.

An option that takes one is, with r falling from 1 at the start of `learn` to 0 at its end
(stable-baselines3's progress_remaining):

- a number, the same all the time;
- "lin_0.02": 0.02 r, which falls to 0 in proportion;
- "pow8_0.02": 0.02 r^8, or another power from 1 to 99; the higher, the sooner it is small;
- a function of r that gives a number of at least 0. A checkpoint holds the larger of its first and
  last values.

r is the same during an iteration. On the command line all but a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastpg import arrays

Schedule = float | str | Callable[[float], float]

_FALLING = re.compile(r"(?:lin|pow(?P<power>[1-9]\d?))_(?P<start>.+)")


def at(schedule: Schedule, progress_remaining: float) -> float:
    """The value where progress_remaining falls from 1 at the start of `learn` to 0 at its end.

    A number is constant, "lin_0.02" falls in proportion, "pow8_0.02" with the eighth power of
    progress_remaining, a callable is asked.
    """
    if callable(schedule):
        return arrays.number("schedule", schedule(progress_remaining))
    if isinstance(schedule, str):
        falling = _parsed(schedule)
        assert falling is not None  # as `checked`
        power, start = falling
        return start * progress_remaining**power
    return schedule


def checked(name: str, value: Any) -> Schedule:
    """A schedule; a string is a number, or a number after "lin_" or "pow" and a power and "_"."""
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
    """The value at the start."""
    return at(schedule, 1.0)


def _parsed(text: str) -> tuple[int, float] | None:
    """Power and start of a falling schedule; None for other text."""
    match = _FALLING.fullmatch(text)
    return None if match is None else (int(match["power"] or 1), float(match["start"]))
