"""Bootstrap intervals of statistics of scores, stratified by task."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.arrays import Floats
from fastpg.experiments import scores as points
from fastpg.experiments.resampling import Counts, Draws, Ends, Interval, Intervals, draws_of
from fastpg.experiments.scores import checked

STATISTICS = ("iqm", "mean", "median", "optimality_gap")


def interval(
    scores: Any,
    statistic: str = "iqm",
    *,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    seed: int = 0,
    target: float | None = None,
    num_threads: int | None = None,
) -> Interval:
    """An estimate with the percentile interval of a stratified bootstrap.

    Each resample draws runs with replacement, independently in each task; `resample_counts` has the
    draws.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        statistic: "iqm", "mean", "median" or "optimality_gap".
        confidence: in (0, 1).
        n_bootstraps: number of resamples.
        seed: of the random numbers.
        target: of the optimality gap, the score that is wanted.
        num_threads: in [1, 256]; the result does not depend on it. None: `FASTPG_NUM_THREADS`, or
            1.

    Returns:
        The estimate and its interval.

    Raises:
        TypeError, ValueError: scores of another shape or not finite, or a value out of range.
    """
    table = checked("scores", scores)
    ends = Ends(confidence)
    draws = draws_of(n_bootstraps, seed, num_threads)
    value, found = _resampled(table, _known(statistic), target, draws)
    return Interval(value, *map(float, ends.of(found)))


def curve_intervals(
    returns: Any,
    statistic: str = "iqm",
    *,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    seed: int = 0,
    target: float | None = None,
    num_threads: int | None = None,
) -> Intervals:
    """A statistic at each point of a training, with intervals: a sample-efficiency curve.

    All points share their draws: a resample draws whole curves.

    Args:
        returns: (runs, points), or (runs, tasks, points), finite.
        statistic: as for `interval`, as the other arguments.
        confidence: in (0, 1), of each interval.
        n_bootstraps: number of resamples.
        seed: of the random numbers.
        target: of the optimality gap.
        num_threads: in [1, 256].

    Returns:
        Arrays (points,).

    Raises:
        TypeError, ValueError: as for `interval`.
    """
    array = arrays.numbers("returns", returns)
    shaped = array[:, None, :] if array.ndim == 2 else array
    curves = arrays.finite_floats("returns", shaped, (None, None, None))
    ends, kind = Ends(confidence), _known(statistic)
    draws = draws_of(n_bootstraps, seed, num_threads)
    found = [_resampled(at, kind, target, draws) for at in np.moveaxis(curves, 2, 0)]
    low, high = np.transpose([ends.of(each) for _, each in found])
    return Intervals(np.array([value for value, _ in found]), low, high)


def profile_intervals(
    scores: Any,
    thresholds: Any,
    *,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    seed: int = 0,
    num_threads: int | None = None,
) -> Intervals:
    """`performance_profile` with intervals.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        thresholds: (k,).
        confidence: in (0, 1), of each interval.
        n_bootstraps: number of resamples.
        seed: of the random numbers.
        num_threads: in [1, 256].

    Returns:
        Arrays (k,) of fractions.

    Raises:
        TypeError, ValueError: as for `interval`.
    """
    table = checked("scores", scores)
    at = arrays.finite_floats("thresholds", thresholds, (None,))
    ends = Ends(confidence)
    draws = draws_of(n_bootstraps, seed, num_threads)
    order = table.argsort(axis=0)
    below = [np.searchsorted(column, at, side="right") for column in np.sort(table, axis=0).T]
    found = np.concatenate([_profiles(some, order, below) for some in draws.parts(table.shape)])
    low, high = ends.of(found)
    return Intervals(points.performance_profile(table, at), low, high)


def _profiles(counts: Counts, order: Any, below: list[Any]) -> Floats:
    """Fractions above the thresholds, (resamples, k), of counts (resamples, tasks, runs)."""
    _, tasks, runs = counts.shape
    above = 0
    for k in range(tasks):
        above = above + runs - _passed(counts[:, k, order[:, k]])[:, below[k]]
    return np.asarray(above / (tasks * runs), dtype=np.float64)


def probability_of_improvement(
    scores: Any,
    others: Any,
    *,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    seed: int = 0,
    num_threads: int | None = None,
) -> Interval:
    """Probability that a run is better than one of the others: P(X > Y) + P(X = Y) / 2.

    The mean over the tasks, as in rliable (Mann & Whitney 1947).

    Args:
        scores: (runs,) or (runs, tasks), finite.
        others: the same of another method, of any number of runs.
        confidence: in (0, 1).
        n_bootstraps: number of resamples, of both.
        seed: of the draws of `scores`; those of `others` have seed + 1.
        num_threads: in [1, 256].

    Returns:
        The probability and its interval.

    Raises:
        TypeError, ValueError: as for `interval`, or different numbers of tasks.
    """
    x, y = checked("scores", scores), checked("others", others)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"others: expected {x.shape[1]} tasks, got {y.shape[1]}")
    ends = Ends(confidence)
    draws = draws_of(n_bootstraps, seed, num_threads)
    pairs = _Pairs(x, y)
    most = max(x.shape, y.shape)
    both = zip(draws.parts(x.shape, most), draws.next().parts(y.shape, most), strict=True)
    found = np.concatenate([pairs.improvement(*some) for some in both])
    ones = (np.ones((1, *table.T.shape), np.int32) for table in (x, y))
    return Interval(float(pairs.improvement(*ones)[0]), *map(float, ends.of(found)))


class _Pairs:
    """Runs of one method beside those of another, (runs, tasks) both."""

    def __init__(self, x: Floats, y: Floats) -> None:
        self.order = y.argsort(axis=0)
        columns = list(zip(x.T, np.sort(y, axis=0).T, strict=True))
        self.lower = [np.searchsorted(other, one, side="left") for one, other in columns]
        self.equal = [np.searchsorted(other, one, side="right") for one, other in columns]

    def improvement(self, of_x: Counts, of_y: Counts) -> Floats:
        """Probabilities (resamples,) of counts (resamples, tasks, runs)."""
        doubled = np.zeros(len(of_x), dtype=np.int64)
        for k in range(of_x.shape[1]):
            passed = _passed(of_y[:, k, self.order[:, k]])
            wins = passed[:, self.lower[k]] + passed[:, self.equal[k]]
            doubled += np.einsum("bi,bi->b", of_x[:, k], wins)
        return np.asarray(doubled / (2.0 * of_x[0].size * of_y.shape[2]), dtype=np.float64)


def _passed(counts: Counts) -> npt.NDArray[np.int64]:
    """Counts before each place and before the end, (resamples, runs + 1)."""
    passed = np.zeros((len(counts), counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(counts, axis=1, out=passed[:, 1:])
    return passed


def _known(statistic: str) -> str:
    if statistic not in STATISTICS:
        raise ValueError(f"statistic: expected one of {', '.join(STATISTICS)}, got {statistic!r}")
    return statistic


def _resampled(
    table: Floats, statistic: str, target: float | None, draws: Draws
) -> tuple[float, Floats]:
    """A statistic of scores (runs, tasks), and that of resamples, (n_bootstraps,)."""
    if statistic == "optimality_gap":
        if target is None:
            raise TypeError("target: expected a number for the optimality gap, got None")
        wanted = arrays.number("target", target)
        _, found = _resampled(np.minimum(table, wanted), "mean", None, draws)
        return points.optimality_gap(table, wanted), wanted - found
    if target is not None:
        raise TypeError(f"target: has a meaning for the optimality gap alone, not for {statistic}")
    found = _core.bootstrap(
        np.ascontiguousarray(table.T),
        _core.ScoreStatistic[statistic],
        draws.seed,
        draws.n_bootstraps,
        draws.num_threads,
    )
    return float(getattr(points, statistic)(table)), found
