"""Statistics of scores over runs, after Agarwal et al. 2021 (rliable).

Scores are arrays (runs,) of one task, or (runs, tasks). Random numbers come from `seed`, so that
equal calls give equal results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Bools, Floats

__all__ = [
    "Interval",
    "area_under_curve",
    "interval",
    "iqm",
    "mean",
    "median",
    "median_steps",
    "optimality_gap",
    "performance_profile",
    "probability_of_improvement",
    "steps_to_threshold",
]

Statistic = Callable[[Floats], Floats]  # of scores (..., runs, tasks): (...)

_NUMBERS_AT_ONCE = 2**22  # of resampled scores


@dataclass(frozen=True)
class Interval:
    """An estimate with a bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def mean(scores: Any) -> float:
    """Mean of all scores.

    Args:
        scores: (runs,) or (runs, tasks), finite.
    """
    return float(_mean(_checked(scores)))


def median(scores: Any) -> float:
    """Median of the tasks' means, as in rliable; of one task the median of the runs.

    Args:
        scores: (runs,) or (runs, tasks), finite.
    """
    return float(_median(_checked(scores)))


def iqm(scores: Any) -> float:
    """Interquartile mean: the mean without the lowest and the highest quarter of all scores.

    Of n scores, the largest whole number within n / 4 is left out on each side.

    Args:
        scores: (runs,) or (runs, tasks), finite.
    """
    return float(_iqm(_checked(scores)))


def optimality_gap(scores: Any, target: float) -> float:
    """Mean of what is missing to a target; scores beyond it count as the target.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        target: the score that is wanted.
    """
    wanted = arrays.number("target", target)
    return float(wanted - np.minimum(_checked(scores), wanted).mean())


def _mean(scores: Floats) -> Floats:
    result: Floats = scores.mean(axis=(-2, -1))
    return result


def _median(scores: Floats) -> Floats:
    of_tasks = scores[..., 0] if scores.shape[-1] == 1 else scores.mean(axis=-2)
    result: Floats = np.median(of_tasks, axis=-1)
    return result


def _iqm(scores: Floats) -> Floats:
    flat = scores.reshape(*scores.shape[:-2], -1)
    count = flat.shape[-1]
    cut = count // 4
    kept = np.partition(flat, [cut, count - cut - 1], axis=-1)[..., cut : count - cut]
    result: Floats = kept.mean(axis=-1)
    return result


STATISTICS: dict[str, Statistic] = {"iqm": _iqm, "mean": _mean, "median": _median}


def interval(
    scores: Any,
    statistic: str = "iqm",
    *,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    seed: int = 0,
) -> Interval:
    """An estimate with the percentile interval of a stratified bootstrap.

    Each resample draws runs with replacement, independently in each task.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        statistic: "iqm", "mean" or "median".
        confidence: in (0, 1).
        n_bootstraps: number of resamples.
        seed: of the random numbers.

    Returns:
        The estimate and its interval.

    Raises:
        TypeError, ValueError: scores of another shape or not finite, or a value out of range.
    """
    checked, of = _checked(scores), _statistic(statistic)
    found = _bootstrapped(checked, of, n_bootstraps, np.random.default_rng(arrays.seed(seed)))
    return _interval(float(of(checked)), found, confidence)


def probability_of_improvement(
    scores: Any,
    others: Any,
    *,
    confidence: float = 0.95,
    n_bootstraps: int = 2000,
    seed: int = 0,
) -> Interval:
    """Probability that a run is better than one of the others: P(X > Y) + P(X = Y) / 2.

    The mean over the tasks, as in rliable (Mann & Whitney 1947).

    Args:
        scores: (runs,) or (runs, tasks), finite.
        others: the same of another method, of any number of runs.
        confidence: in (0, 1).
        n_bootstraps: number of resamples, of both.
        seed: of the random numbers.

    Returns:
        The probability and its interval.

    Raises:
        TypeError, ValueError: as for `interval`, or different numbers of tasks.
    """
    x, y = _checked(scores), _checked(others)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"others: expected {x.shape[1]} tasks, got {y.shape[1]}")
    count = arrays.integer("n_bootstraps", n_bootstraps, 1, 10**7)
    rng = np.random.default_rng(arrays.seed(seed))
    better = [_better(x[:, k], y[:, k]) for k in range(x.shape[1])]
    found = np.zeros(count)
    for task in better:
        for b in range(count):
            rows = rng.integers(len(x), size=len(x))
            weights = np.bincount(rng.integers(len(y), size=len(y)), minlength=len(y))
            found[b] += (task[rows] @ weights).mean() / len(y)
    value = float(np.mean([task.mean() for task in better]))
    return _interval(value, found / len(better), confidence)


def performance_profile(scores: Any, thresholds: Any) -> Floats:
    """Fraction of runs whose score is above each threshold, the mean over the tasks.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        thresholds: (k,).

    Returns:
        (k,), in [0, 1].
    """
    checked = _checked(scores)
    at = arrays.finite_floats("thresholds", thresholds, (None,))
    return np.array([(checked > threshold).mean() for threshold in at])


def area_under_curve(steps: Any, returns: Any) -> Floats:
    """Mean return over the training, of the line through the evaluations (trapezoids).

    Args:
        steps: (points,), increasing.
        returns: (runs, points), finite.

    Returns:
        (runs,), in units of the return.

    Raises:
        ValueError: other shapes, steps that do not increase, or fewer than two points.
    """
    at, curves = _curves(steps, returns)
    if len(at) < 2:
        raise ValueError("steps: expected at least two points, got one")
    areas = (np.diff(at) * (curves[:, 1:] + curves[:, :-1]) / 2.0).sum(axis=1)
    result: Floats = areas / (at[-1] - at[0])
    return result


def steps_to_threshold(steps: Any, returns: Any, threshold: float) -> tuple[Floats, Bools]:
    """Steps of the first evaluation at or above a threshold.

    Args:
        steps: (points,), increasing.
        returns: (runs, points), finite.
        threshold: a return.

    Returns:
        Steps (runs,), and whether the run reached the threshold; one that did not has the last
            step, at which it is censored.
    """
    at, curves = _curves(steps, returns)
    reached = curves >= arrays.number("threshold", threshold)
    ever: Bools = np.logical_or.reduce(reached, axis=1)
    first = np.where(ever, reached.argmax(axis=1), len(at) - 1)
    return at[first], ever


def median_steps(steps: Any, reached: Any) -> float:
    """Median of censored steps, after Kaplan & Meier 1958; infinity if half do not get there.

    Args:
        steps: (runs,), as of `steps_to_threshold`.
        reached: bool (runs,); False where the run was censored.
    """
    times = arrays.finite_floats("steps", steps, (None,))
    ends = arrays.flags("reached", reached, times.shape)
    surviving = 1.0
    for time in np.unique(times[ends]):
        surviving *= 1.0 - float((times[ends] == time).sum()) / float((times >= time).sum())
        if surviving <= 0.5 + 1e-12:
            return float(time)
    return float("inf")


def _checked(scores: Any) -> Floats:
    array = np.asarray(scores)
    shaped = array[:, None] if array.ndim == 1 else array
    return arrays.finite_floats("scores", shaped, (None, None))


def _curves(steps: Any, returns: Any) -> tuple[Floats, Floats]:
    at = arrays.finite_floats("steps", steps, (None,))
    if (np.diff(at) <= 0.0).any():
        raise ValueError(f"steps: expected increasing ones, got {at.tolist()}")
    return at, arrays.finite_floats("returns", returns, (None, len(at)))


def _statistic(name: str) -> Statistic:
    if name not in STATISTICS:
        raise ValueError(f"statistic: expected one of {', '.join(STATISTICS)}, got {name!r}")
    return STATISTICS[name]


def _bootstrapped(
    scores: Floats, of: Statistic, n_bootstraps: int, rng: np.random.Generator
) -> Floats:
    """The statistic of resamples, (n_bootstraps,)."""
    count = arrays.integer("n_bootstraps", n_bootstraps, 1, 10**7)
    runs, tasks = scores.shape
    at_once = max(1, _NUMBERS_AT_ONCE // scores.size)
    found = np.empty(count)
    for first in range(0, count, at_once):
        some = min(at_once, count - first)
        rows = rng.integers(runs, size=(some, runs, tasks))
        found[first : first + some] = of(scores[rows, np.arange(tasks)])
    return found


def _better(x: Floats, y: Floats) -> Floats:
    """1 where x > y, 1/2 where they are equal, (runs of x, runs of y)."""
    larger = x[:, None] > y[None, :]
    return np.asarray(larger + 0.5 * (x[:, None] == y[None, :]), dtype=np.float64)


def _interval(value: float, found: Floats, confidence: float) -> Interval:
    level = arrays.number("confidence", confidence)
    if not 0.0 < level < 1.0:
        raise ValueError(f"confidence: expected a number in (0, 1), got {confidence!r}")
    low, high = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(value, float(low), float(high))
