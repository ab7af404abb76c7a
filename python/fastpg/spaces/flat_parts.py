"""Flat observations of one space, in a few calls for all parts of a Tuple or Dict."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim

from fastpg import arrays
from fastpg.arrays import Float32s
from fastpg.spaces.flat import Space, flatten

_INT64 = np.dtype(np.int64)
_MOST_CODES = 512  # rows of a table of one-hot codes: 1 MiB
_FEW = 64  # numbers that are compared sooner in Python than in NumPy


class _Leaf(NamedTuple):
    """A part without parts: where it stands in the batch, and its flat columns."""

    path: tuple[Any, ...]
    space: Space
    begin: int
    end: int


class Flattener:
    """`flatten` for one space, prepared once: the same numbers and errors, sooner.

    The parts of a Tuple or Dict are looked through when it is made. A batch that is not as a vector
    environment returns it, or that holds something else than numbers of the space, goes to
    `flatten`.

    Args:
        space: of one observation.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._leaves: list[_Leaf] = []
        if isinstance(space, spaces.Dict | spaces.Tuple):
            found = list(_leaves(space, ()))
            ends = list(accumulate(int(flatdim(leaf)) for _, leaf in found))
            begins = [0, *ends[:-1]]
            self._leaves = [
                _Leaf(path, leaf, begin, end)
                for (path, leaf), begin, end in zip(found, begins, ends, strict=True)
            ]
        codes = [leaf for leaf in self._leaves if type(leaf.space) is spaces.Discrete]
        self._codes = [leaf.path for leaf in codes]
        self._starts = _column(int(leaf.space.start) for leaf in codes)  # type: ignore[attr-defined]
        self._counts = _column(int(leaf.space.n) for leaf in codes)  # type: ignore[attr-defined]
        self._begins = _column(leaf.begin for leaf in codes)
        self._table = _table(space)
        self._others = [leaf for leaf in self._leaves if type(leaf.space) is not spaces.Discrete]

    def __call__(self, observations: Any) -> Float32s:
        """Flatten n observations.

        Args:
            observations: as a vector environment returns them: one array; for a Dict or Tuple space
                a dict or tuple of arrays.

        Returns:
            Float32 (n, d).

        Raises:
            ValueError, TypeError: as `flatten`.
        """
        if self._table is not None and type(observations) is np.ndarray:
            rows = self._of_table(observations)
            if rows is not None:
                return rows
        if self._leaves and type(observations) is (
            tuple if isinstance(self._space, spaces.Tuple) else dict
        ):
            try:
                ready = self._ready(observations)
            except (KeyError, IndexError, TypeError):  # other parts: `flatten` tells which
                ready = None
            if ready is not None:
                return ready
        return flatten(self._space, observations)

    def _of_table(self, values: npt.NDArray[Any]) -> Float32s | None:
        """The rows of a table of one-hot codes; None for what may not be of the space."""
        if values.dtype != _INT64 or values.ndim != 1 or not 0 < len(values) <= _FEW:
            return None
        choices = values - self._space.start if self._space.start else values  # type: ignore[attr-defined]
        listed = choices.tolist()
        assert self._table is not None
        if min(listed) < 0 or max(listed) >= len(self._table):
            return None
        return self._table.take(choices, axis=0)

    def _ready(self, observations: Any) -> Float32s | None:
        count = len(_at(observations, self._leaves[0].path))
        if not count:
            return None
        out: Float32s = np.zeros((count, self._leaves[-1].end), dtype=np.float32)
        if self._codes and not self._write_codes(observations, out):
            return None
        for leaf in self._others:
            values = _at(observations, leaf.path)
            if not _is_batch(leaf.space, values, count):
                return None
            with np.errstate(over="ignore"):
                out[:, leaf.begin : leaf.end] = values.reshape(count, -1)
        return out if not self._others or arrays.all_finite(out) else None

    def _write_codes(self, observations: Any, out: Float32s) -> bool:
        """The one-hot codes of all Discrete parts; False if there is anything else."""
        given = [_at(observations, path) for path in self._codes]
        shape = (len(out),)
        for values in given:
            if type(values) is not np.ndarray or values.dtype != _INT64 or values.shape != shape:
                return False
        choices = np.array(given)
        choices -= self._starts
        if (choices.view(np.uint64) >= self._counts.view(np.uint64)).any():  # negative are large
            return False
        choices += self._begins
        out[np.arange(len(out)), choices] = 1.0
        return True


def _leaves(space: Space, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Space]]:
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for k, part in enumerate(space.spaces):
            yield from _leaves(part, (*path, k))
    else:
        yield path, space


def _table(space: Space) -> Float32s | None:
    """The one-hot codes of a small Discrete."""
    if type(space) is not spaces.Discrete or space.n > _MOST_CODES:
        return None
    return np.eye(int(space.n), dtype=np.float32)


def _column(numbers: Iterator[int]) -> npt.NDArray[np.int64]:
    return np.array([[number] for number in numbers], dtype=np.int64).reshape(-1, 1)


def _at(values: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def _is_batch(space: Space, values: Any, count: int) -> bool:
    """Whether it is an array of a Box, of numbers that one rounding makes float32."""
    return (
        type(space) is spaces.Box
        and type(values) is np.ndarray
        and values.dtype == space.dtype
        and (values.dtype.kind == "f" or (values.dtype.kind in "iu" and values.itemsize <= 4))
        and values.shape == (count, *space.shape)
    )
