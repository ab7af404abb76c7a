"""Statistics of scores over runs, without their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats


def mean(scores: Any) -> float:
    """Mean of all scores.

    Args:
        scores: (runs,) or (runs, tasks), finite.
    """
    return float(checked("scores", scores).mean())


def median(scores: Any) -> float:
    """Median of the tasks' means, as in rliable; of one task the median of the runs.

    Args:
        scores: (runs,) or (runs, tasks), finite.
    """
    table = checked("scores", scores)
    return float(np.median(table if table.shape[1] == 1 else table.mean(axis=0)))


def iqm(scores: Any) -> float:
    """Interquartile mean: the mean without the lowest and the highest quarter of all scores.

    Of n scores, the largest whole number within n / 4 is left out on each side.

    Args:
        scores: (runs,) or (runs, tasks), finite.
    """
    flat = checked("scores", scores).ravel()
    cut = len(flat) // 4
    kept = np.partition(flat, [cut, len(flat) - cut - 1])[cut : len(flat) - cut]
    return float(kept.mean())


def optimality_gap(scores: Any, target: float) -> float:
    """Mean of what is missing to a target; scores beyond it count as the target.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        target: the score that is wanted.
    """
    wanted = arrays.number("target", target)
    return float(wanted - np.minimum(checked("scores", scores), wanted).mean())


def performance_profile(scores: Any, thresholds: Any) -> Floats:
    """Fraction of runs whose score is above each threshold, the mean over the tasks.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        thresholds: (k,).

    Returns:
        (k,), in [0, 1].
    """
    table = checked("scores", scores)
    at = arrays.finite_floats("thresholds", thresholds, (None,))
    return np.array([(table > threshold).mean() for threshold in at])


def checked(name: str, scores: Any) -> Floats:
    """Scores as a table.

    Args:
        name: of the argument, for errors.
        scores: (runs,) or (runs, tasks), finite.

    Returns:
        (runs, tasks).

    Raises:
        TypeError, ValueError: another shape, none, or not finite.
    """
    array = arrays.numbers(name, scores)
    shaped = array[:, None] if array.ndim == 1 else array
    return arrays.finite_floats(name, shaped, (None, None))
