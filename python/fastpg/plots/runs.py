"""A run as figures need it: its records in order, and columns of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.monitor import Episodes
from fastpg.plots.ordering import ITERATIONS, STEPS, Record, number
from fastpg.suggestions import one_of, unknown

SECONDS = "time/time_elapsed"
RETURN, LENGTH = "rollout/ep_rew_mean", "rollout/ep_len_mean"
# Horizontal axes, and their labels.
AXES = {
    "steps": "environment steps",
    "seconds": "seconds of training",
    "iterations": "iterations",
}
_RECENT = 100  # episodes, as in the records
_MOST_SMOOTH = 1_000_000


@dataclass(frozen=True)
class Run:
    """The records of a run, by `read_run`."""

    name: str  # of the file or folder
    records: list[Record]  # one an iteration, in order
    evaluations: list[Record] = dataclasses.field(default_factory=list)  # in order
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # empty if unknown
    skipped: int = 0  # lines that were no records

    @property
    def env_id(self) -> str | None:
        """The environment's id, if it is known."""
        found = self.config.get("env_id")
        return found if isinstance(found, str) else None

    def key(self, name: str) -> str:
        """The key of a column.

        Args:
            name: the key, or its part after the slash if no other key ends so.

        Returns:
            The key.

        Raises:
            ValueError: no record has this key; the message suggests the nearest one.
            TypeError: not a string.
        """
        known = {key for record in (*self.records, *self.evaluations) for key in record}
        ends = [key for key in known if key.rpartition("/")[2] == name]
        if isinstance(name, str) and name not in known and len(ends) == 1:
            return ends[0]
        if isinstance(name, str) and name not in known:
            raise ValueError(f"{self.name}: {unknown('key', name, sorted(known))}")
        return one_of("key", name, known)

    def column(self, name: str, x: str = "steps") -> tuple[Floats, Floats]:
        """A key over time, without the records that lack it.

        Args:
            name: as in `key`; keys of evaluations too.
            x: "steps", "seconds" or "iterations".

        Returns:
            (x, values), both finite, of one length.

        Raises:
            ValueError: an unknown key or axis, a key whose values are texts, or one without finite
                numbers.
        """
        key = self.key(name)
        of_evaluations = not any(key in record for record in self.records)
        records = self.evaluations if of_evaluations else self.records
        values = _numbers(records, key)
        at = self._between(records, x) if of_evaluations else self.times(x)
        kept = np.isfinite(values) & np.isfinite(at)
        if not kept.any():
            raise ValueError(
                f"{self.name}: expected finite numbers of {key!r} over {AXES[x]}, found none"
            )
        return at[kept], values[kept]

    def has(self, key: str) -> bool:
        """Whether a record has a finite number or a text of this key."""
        return any(
            isinstance(record.get(key), str) or math.isfinite(number(record.get(key)))
            for record in self.records
        )

    def times(self, x: str) -> Floats:
        """The positions of the records on the horizontal axis.

        Seconds are counted on where another call of `learn` started its clock again.

        Args:
            x: "steps", "seconds" or "iterations".

        Returns:
            (number of records,); NaN where a record has no time.
        """
        one_of("x", x, AXES)
        if x == "steps":
            return _numbers(self.records, STEPS)
        if x == "iterations":
            counted = _numbers(self.records, ITERATIONS)
            own = np.arange(1.0, len(self.records) + 1.0)
            return counted if np.isfinite(counted).all() else own
        seconds = _numbers(self.records, SECONDS)
        restarts = np.diff(seconds, prepend=0.0) < 0
        before = np.concatenate([[0.0], seconds[:-1]])
        counted_on: Floats = seconds + np.cumsum(np.where(restarts, before, 0.0))
        return counted_on

    def _between(self, records: list[Record], x: str) -> Floats:
        """Positions of evaluations, which know their steps alone."""
        steps = _numbers(records, STEPS)
        if x == "steps":
            return steps
        at: Floats = np.interp(steps, self.times("steps"), self.times(x))
        return at


def of_episodes(name: str, episodes: Episodes) -> Run:
    """A run whose records are the ends of episodes, with the means of the last 100.

    Args:
        name: of the file or folder.
        episodes: at least one.

    Returns:
        The run.

    Raises:
        ValueError: no episodes.
    """
    if not len(episodes.returns):
        raise ValueError(f"{name}: expected episodes, found none")
    columns = {
        STEPS: episodes.timesteps,
        SECONDS: episodes.seconds,
        RETURN: _recent_means(episodes.returns),
        LENGTH: _recent_means(episodes.lengths.astype(np.float64)),
    }
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    config = {} if episodes.env_id is None else {"env_id": episodes.env_id}
    return Run(name, records, config=config)


def _recent_means(values: Floats) -> Floats:
    return moving_mean(values, _RECENT)


def checked_smooth(smooth: Any) -> int:
    """The checked number of records in a moving mean.

    Args:
        smooth: an integer in [1, 1000000].

    Returns:
        The number.

    Raises:
        TypeError: not an integer.
        ValueError: out of range.
    """
    return arrays.integer("smooth", smooth, 1, _MOST_SMOOTH)


def moving_mean(values: Floats, n: int) -> Floats:
    """The mean of each value and the n - 1 before it, or of as many as there are.

    Args:
        values: (k,).
        n: at least 1.

    Returns:
        (k,).
    """
    size = min(n, len(values))
    if size <= 1:
        return values
    # No differences of running sums: one huge value would spoil all that follow.
    first = np.cumsum(values[: size - 1]) / np.arange(1, size)
    means: Floats = np.concatenate([first, sliding_window_view(values, size).mean(axis=1)])
    return means


def _numbers(records: Iterable[Record], key: str) -> Floats:
    return np.array([number(record.get(key)) for record in records], dtype=np.float64)
