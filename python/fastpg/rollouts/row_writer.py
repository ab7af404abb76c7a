"""Rows of a batch of Tuple or Dict observations, written part by part."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

_INTEGERS = frozenset((int, np.int64))
_ARRAYS = (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)


class RowWriter:
    """Copies observations of the plainest types of a space into rows of a batch.

    It knows a Tuple or Dict whose parts are Discrete, Box, MultiDiscrete or MultiBinary, and
    nothing of any other space.

    Args:
        space: of one observation.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        named: list[tuple[Any, spaces.Space[Any]]] = []
        if isinstance(space, spaces.Dict):
            named = list(space.spaces.items())
        elif isinstance(space, spaces.Tuple):
            named = list(enumerate(space.spaces))
        known = all(type(part) in (spaces.Discrete, *_ARRAYS) for _, part in named)
        self._kind = dict if isinstance(space, spaces.Dict) else tuple
        # Of a Discrete part no dtype and shape.
        self._parts = [
            (key, None) if type(part) is spaces.Discrete else (key, (part.dtype, part.shape))
            for key, part in named
            if known
        ]

    def __call__(self, room: Any, row: int, observation: Any) -> bool:
        """Copy an observation into a row.

        Args:
            room: the batch, made by Gymnasium's `create_empty_array`.
            row: index of the row.
            observation: what an environment returned.

        Returns:
            False for an observation of other types, or of another space; parts of it may have been
                copied.
        """
        if type(observation) is not self._kind or len(observation) != len(self._parts):
            return False
        for key, array in self._parts:
            if self._kind is dict and key not in observation:
                return False
            value: Any = observation[key]
            if array is None:
                if type(value) not in _INTEGERS:
                    return False
            elif type(value) is not np.ndarray or (value.dtype, value.shape) != array:
                return False
            room[key][row] = value
        return bool(self._parts)
