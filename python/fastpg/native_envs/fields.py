"""The fields of a state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays

MOST_STATE = 1024  # numbers
MOST_INTEGER = 2**53  # whole numbers up to here are stored as doubles without loss
_KINDS = ("float64", "float32", "int64")


@dataclass(frozen=True)
class Field:
    """A field of the state.

    Attributes:
        name: its name.
        kind: "float64", "float32" or "int64".
        shape: of an array; () is one number.
        first: index of its first number among those of the state.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    first: int

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def names(self) -> list[str]:
        """A name for each number: board_0_1 is board[0, 1]."""
        return ["_".join(map(str, (self.name, *index))) for index in np.ndindex(self.shape)]


def fields_of(state: Any) -> tuple[Field, ...]:
    """The fields of a state, as the user gives them.

    Args:
        state: names of numbers; or a mapping of names to float, int, a dtype float64, float32 or
            int64, or (dtype, shape).

    Returns:
        The fields.

    Raises:
        TypeError: another type.
        ValueError: a name that is no identifier, another dtype, or more than 1,024 numbers.
    """
    if isinstance(state, str) or not isinstance(state, Mapping | Sequence):
        raise TypeError(f"state: expected a dict of fields or a list of names, got {state!r}")
    given = dict(state) if isinstance(state, Mapping) else dict.fromkeys(state, float)
    if len(given) != len(state):
        raise ValueError(f"state: expected each name once, got {state!r}")
    made: list[Field] = []
    for name, kind in given.items():
        first = made[-1].first + made[-1].size if made else 0
        made.append(_field(identifier("state", name), kind, first))
    size = sum(field.size for field in made)
    if not 1 <= size <= MOST_STATE:
        raise ValueError(f"state: expected 1 to {MOST_STATE} numbers, got {size}")
    return tuple(made)


def _field(name: str, given: Any, first: int) -> Field:
    kind, shape = given if isinstance(given, tuple) else (given, ())
    try:
        dtype = np.dtype(kind).name
    except TypeError:
        dtype = repr(kind)
    if dtype not in _KINDS:
        raise ValueError(
            f"state: {name}: expected {', '.join(_KINDS)} or (dtype, shape), got {dtype}"
        )
    sizes = shape if isinstance(shape, tuple) else (shape,)
    lengths = tuple(arrays.integer(f"state: {name}", n, 1, MOST_STATE) for n in sizes)
    return Field(name, dtype, lengths, first)


def identifier(where: str, name: Any) -> str:
    """A name, checked.

    Args:
        where: the argument, for the error.
        name: an identifier that does not begin with an underscore.

    Returns:
        The name.

    Raises:
        ValueError: anything else.
    """
    usable = isinstance(name, str) and name.isidentifier() and name.isascii()
    if not usable or name.startswith("_"):
        raise ValueError(f"{where}: expected names such as 'x' or 'speed', got {name!r}")
    return str(name)
