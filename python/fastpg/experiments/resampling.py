"""The draws of a bootstrap, stratified by task, and intervals from what they give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays, threads
from fastpg.arrays import Floats

Counts = npt.NDArray[np.int32]

_MOST_BOOTSTRAPS = 10**7
_COUNTS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Interval:
    """An estimate with a bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True, eq=False)
class Intervals:
    """Estimates with bootstrap intervals, arrays of one shape."""

    value: Floats
    low: Floats
    high: Floats


def resample_counts(
    runs: int,
    tasks: int = 1,
    *,
    n_bootstraps: int = 2000,
    seed: int = 0,
    first: int = 0,
    num_threads: int | None = None,
) -> Counts:
    """How often each resample of a bootstrap draws each run: the draws of all intervals here.

    Each resample draws as many runs as there are, uniformly and with replacement, independently in
    each task. The numbers depend on seed, resample, task and `runs` alone.

    Args:
        runs: at least 1.
        tasks: at least 1.
        n_bootstraps: number of resamples.
        seed: of the random numbers.
        first: number of the first resample.
        num_threads: in [1, 256].

    Returns:
        int32 (n_bootstraps, tasks, runs); the last axis sums to `runs`.

    Raises:
        TypeError, ValueError: a value out of range.
        MemoryError: the result is too large.
    """
    shape = arrays.integer("runs", runs, 1, 2**31 - 1), arrays.integer("tasks", tasks, 1, 2**31 - 1)
    begin = arrays.integer("first", first, 0, 2**63 - 1)
    return draws_of(n_bootstraps, seed, num_threads).some(shape, begin)


@dataclass(frozen=True)
class Draws:
    """Resamples: their number, their seed, and the threads that make them."""

    n_bootstraps: int
    seed: int
    num_threads: int

    def next(self) -> Draws:
        """Draws that are independent of these."""
        return Draws(self.n_bootstraps, (self.seed + 1) % 2**64, self.num_threads)

    def some(self, shape: tuple[int, ...], first: int, count: int | None = None) -> Counts:
        """Counts (count, tasks, runs) of scores of shape (runs, tasks)."""
        runs, tasks = shape
        number = self.n_bootstraps if count is None else count
        return _core.resample_counts(tasks, runs, self.seed, first, number, self.num_threads)

    def parts(
        self, shape: tuple[int, ...], most: tuple[int, ...] | None = None
    ) -> Iterator[Counts]:
        """The counts of all resamples; `most`: the shape that sets the sizes of the parts."""
        at_once = max(1, _COUNTS_AT_ONCE // int(np.prod(most or shape)))
        for first in range(0, self.n_bootstraps, at_once):
            yield self.some(shape, first, min(at_once, self.n_bootstraps - first))


def draws_of(n_bootstraps: int, seed: int, num_threads: int | None) -> Draws:
    """Checked arguments of a bootstrap.

    Args:
        n_bootstraps: number of resamples, in [1, 10^7].
        seed: in [0, 2^64).
        num_threads: in [1, 256], or None.

    Raises:
        TypeError, ValueError: one of them is wrong.
    """
    return Draws(
        arrays.integer("n_bootstraps", n_bootstraps, 1, _MOST_BOOTSTRAPS),
        arrays.seed(seed),
        threads.num_threads(num_threads),
    )


class Ends:
    """The percentiles at which an interval begins and ends.

    Args:
        confidence: in (0, 1).

    Raises:
        TypeError, ValueError: it is not.
    """

    def __init__(self, confidence: float) -> None:
        level = arrays.number("confidence", confidence)
        if not 0.0 < level < 1.0:
            raise ValueError(f"confidence: expected a number in (0, 1), got {confidence!r}")
        self.levels = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]

    def of(self, found: Floats) -> Floats:
        """Of resamples, the first axis: (2, …)."""
        return np.asarray(np.quantile(found, self.levels, axis=0), dtype=np.float64)
