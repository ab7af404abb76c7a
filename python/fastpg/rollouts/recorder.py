"""Rows of a rollout as they come, in arrays that grow, and the ends of episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg.arrays import Float32s

Arrays = dict[str, npt.NDArray[Any]]

_FIRST = 1024  # rows in the first arrays, at most


class Recorder:
    """Rows of a rollout in order, and the ends of episodes.

    Args:
        rows: number of rows that there will be; None: not known.

    Attributes:
        count: number of complete rows.
    """

    def __init__(self, rows: int | None = None) -> None:
        self.count = 0
        self._room = _FIRST if rows is None else min(rows, _FIRST)
        self._arrays: Arrays = {}
        self._others: dict[str, Any] = {}
        self._ends: list[tuple[int, int, Float32s, float, int, float]] = []

    def put(
        self, name: str, values: npt.NDArray[Any], *, dtype: Any = None, others: Any = None
    ) -> None:
        """Write into the current row.

        Args:
            name: of the array.
            values: (N, ...), of one shape in all rows.
            dtype: of the array; None: that of the values.
            others: what rows without this array hold; None: every row has it.
        """
        if self.count == self._room:
            self._grow()
        array = self._arrays.get(name)
        if array is None:
            self._others[name] = others
            array = self._made(name, values.shape, values.dtype if dtype is None else dtype)
        array[self.count] = values

    def next_row(self) -> None:
        """The current row is complete."""
        self.count += 1

    def arrays(self) -> Arrays:
        """What was put, (count, N, ...) each."""
        full = self.count == self._room
        return {
            name: array if full else array[: self.count].copy()
            for name, array in self._arrays.items()
        }

    def end(
        self, row: int, column: int, final: Float32s, total: float, length: int, raw: float
    ) -> None:
        """An episode has ended.

        Args:
            row: of its last step.
            column: of its last step.
            final: its last observation, (d,).
            total: its return.
            length: its number of steps.
            raw: its return in rewards before reward wrappers; NaN if that is not known.
        """
        self._ends.append((row, column, final, total, length, raw))

    def ends(self, observation_size: int) -> Arrays:
        """The ends as arrays, by the names of `Rollout`."""
        parts = zip(*self._ends, strict=True) if self._ends else ((),) * 6
        rows, columns, finals, returns, lengths, raw = parts
        return {
            "end_rows": np.array(rows, dtype=np.int64),
            "end_columns": np.array(columns, dtype=np.int64),
            "final_observations": np.array(finals, dtype=np.float32).reshape(-1, observation_size),
            "episode_returns": np.array(returns, dtype=np.float64),
            "episode_lengths": np.array(lengths, dtype=np.int64),
            "raw_returns": np.array(raw, dtype=np.float64),
        }

    def _made(self, name: str, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = np.empty((self._room, *shape), dtype)
        if self._others[name] is not None:
            array[:] = self._others[name]
        self._arrays[name] = array
        return array

    def _grow(self) -> None:
        self._room *= 2
        for name, old in list(self._arrays.items()):
            self._made(name, old.shape[1:], old.dtype)[: len(old)] = old
