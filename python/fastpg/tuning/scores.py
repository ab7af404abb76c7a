"""What trials maximise: a number for each seed, and a statistic of these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastpg.arrays import Floats
from fastpg.experiments.statistics import (
    Interval,
    area_under_curve,
    interval,
    iqm,
    mean,
    median,
)
from fastpg.suggestions import one_of

OBJECTIVES = ("final", "auc")
STATISTICS = {"iqm": iqm, "mean": mean, "median": median}


class Objective:
    """The score of a training, and that of a trial.

    Args:
        kind: "final" is the mean return of the policy at a point, at last the final one; "auc" the
            mean return over the training up to a point, by trapezoids between the evaluations.
        statistic: of the scores of the seeds: "mean", "median" or "iqm".
        points: steps after which policies are evaluated.
    """

    def __init__(self, kind: str, statistic: str, points: Sequence[int]) -> None:
        self.kind = one_of("objective", kind, OBJECTIVES)
        self.statistic = one_of("statistic", statistic, STATISTICS)
        self.points = np.asarray(points, dtype=np.float64)
        if self.kind == "auc" and len(points) < 2:
            raise ValueError("n_evaluations: expected at least 2 with objective='auc', got 1")

    def scores(self, returns: Floats) -> Floats:
        """The score of each training so far.

        Args:
            returns: (seeds, k), of the first k points of evaluation.

        Returns:
            (seeds,), in units of the return.
        """
        if self.kind == "final" or returns.shape[1] == 1 or not len(returns):
            return np.asarray(returns[:, -1])
        return area_under_curve(self.points[: returns.shape[1]], returns)

    def value(self, returns: Floats) -> float:
        """The score of a trial so far: the statistic over its seeds.

        Args:
            returns: (seeds, k), of the first k points of evaluation.
        """
        return STATISTICS[self.statistic](self.scores(returns))

    def interval(self, returns: Floats) -> Interval:
        """The score of a trial with its 95 % bootstrap interval over the seeds.

        Args:
            returns: (seeds, k), of the first k points of evaluation.
        """
        return self.over_seeds(self.scores(returns))

    def over_seeds(self, scores: Floats) -> Interval:
        """The statistic over seeds with its 95 % bootstrap interval.

        Args:
            scores: (seeds,).
        """
        return interval(scores, self.statistic)

    def __str__(self) -> str:
        """Score and statistic in words."""
        return (
            f"{'return' if self.kind == 'final' else 'return over the training'}, {self.statistic}"
        )
