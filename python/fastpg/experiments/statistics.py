"""Statistics of scores over runs, after Agarwal et al. 2021 (rliable).

Scores are arrays (runs,) of one task, or (runs, tasks). Random numbers come from `seed`, so that
equal calls give equal results, on any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Bools, Floats
from fastpg.experiments.bootstrap import (
    curve_intervals,
    interval,
    probability_of_improvement,
    profile_intervals,
)
from fastpg.experiments.resampling import Interval, Intervals, resample_counts
from fastpg.experiments.scores import iqm, mean, median, optimality_gap, performance_profile

__all__ = [
    "Interval",
    "Intervals",
    "area_under_curve",
    "curve_intervals",
    "interval",
    "iqm",
    "mean",
    "median",
    "median_steps",
    "optimality_gap",
    "performance_profile",
    "probability_of_improvement",
    "profile_intervals",
    "resample_counts",
    "steps_to_threshold",
]


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


def _curves(steps: Any, returns: Any) -> tuple[Floats, Floats]:
    at = arrays.finite_floats("steps", steps, (None,))
    if (np.diff(at) <= 0.0).any():
        raise ValueError(f"steps: expected increasing ones, got {at.tolist()}")
    return at, arrays.finite_floats("returns", returns, (None, len(at)))
