"""Parameters, and the numbers of a reset."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.native_envs.fields import MOST_INTEGER, identifier

MOST_QUANTITIES = 1024


@dataclass(frozen=True)
class Quantity:
    """A parameter, or a number that a reset takes.

    Attributes:
        name: its name.
        value: the default.
        low: lowest allowed value.
        high: highest allowed value.
        whole: whether whole numbers alone are allowed.
        meaning: with its unit; "" if none is given.
    """

    name: str
    value: float
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    meaning: str = ""

    def checked(self, value: Any) -> float | int:
        """A value as the user's functions get it.

        Args:
            value: a number.

        Raises:
            TypeError: no number.
            ValueError: out of range, or a fraction where whole numbers alone are allowed.
        """
        number = arrays.number(self.name, value)
        if not self.low <= number <= self.high:
            raise ValueError(
                f"{self.name}: expected a number from {self.low} to {self.high}, got {value!r}"
            )
        if self.whole and number != int(number):
            raise ValueError(f"{self.name}: expected a whole number, got {value!r}")
        return int(number) if self.whole else number


def quantities_of(where: str, given: Any) -> tuple[Quantity, ...]:
    """Parameters or numbers of a reset, as the user gives them.

    Args:
        where: the argument, for errors.
        given: None, or a mapping of names to a default, (default, low, high) or (default, low,
            high, meaning); None as low or high is no bound. A default that is an int allows whole
            numbers alone.

    Returns:
        One for each.

    Raises:
        TypeError: another type.
        ValueError: a name that is no identifier, a default out of range, or more than 1,024.
    """
    if not isinstance(given or {}, Mapping):
        raise TypeError(f"{where}: expected a dict of names and numbers, got {given!r}")
    if len(given or {}) > MOST_QUANTITIES:
        raise ValueError(f"{where}: expected at most {MOST_QUANTITIES}, got {len(given)}")
    return tuple(_quantity(where, name, one) for name, one in (given or {}).items())


def _quantity(where: str, name: Any, given: Any) -> Quantity:
    label = f"{where}: {identifier(where, name)}"
    parts = given if isinstance(given, tuple) else (given,)
    if len(parts) not in (1, 3, 4):
        raise TypeError(f"{label}: expected a number or (number, low, high), got {given!r}")
    value, (low, high, *meaning) = parts[0], parts[1:] or (-math.inf, math.inf)
    if isinstance(value, bool):
        raise TypeError(f"{label}: expected a number, got {value!r}: write 0 or 1")
    default, whole = arrays.number(label, value), isinstance(value, int | np.integer)
    most = float(MOST_INTEGER) if whole else math.inf
    bounds = max(_bound(label, low, -most), -most), min(_bound(label, high, most), most)
    if not bounds[0] <= default <= bounds[1]:
        raise ValueError(f"{label}: expected a default from {low} to {high}, got {value!r}")
    return Quantity(name, default, *bounds, whole, "".join(map(str, meaning)))


def _bound(label: str, given: Any, none: float) -> float:
    """A bound, which may be infinite; None is none."""
    if given is None or (isinstance(given, float | np.floating) and np.isinf(given)):
        return none if given is None else float(given)
    return arrays.number(f"{label} (bound)", given)


def numbers_class(name: str, quantities: tuple[Quantity, ...]) -> Any:
    """The class of the tuples in which undecorated functions get them.

    Args:
        name: of the class.
        quantities: what they hold.
    """
    return namedtuple(name, [one.name for one in quantities])
