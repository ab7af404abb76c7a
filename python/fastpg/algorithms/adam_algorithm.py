"""Algorithms that ascend by Adam."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from fastpg import arrays
from fastpg.algorithms.base import Algorithm
from fastpg.functional.solvers import Adam
from fastpg.policies.base import Undo
from fastpg.training import checkpoints


class AdamAlgorithm(Algorithm):
    """An algorithm that ascends by Adam, whose moments are saved with it."""

    def make_optimizer(self) -> None:
        """Adam, its moments zero."""
        self.adam = Adam(self.policy.theta.size)

    def _keep(self) -> Undo:
        """What takes back all that is learned from now on, by Adam too."""
        others, adam = super()._keep(), self.adam.__copy__()

        def undo() -> None:
            others()
            self.adam = adam

        return undo

    def state(self) -> checkpoints.State:
        """Arrays and JSON values, with Adam's moments."""
        stored, meta = super().state()
        moments = {"adam_mean": self.adam.mean, "adam_square": self.adam.square}
        return stored | moments, meta | {"adam_count": self.adam.count}

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore Adam with its saved moments.

        Args:
            stored: "adam_mean" and "adam_square", (theta.size,) each; the second at least 0.
            meta: "adam_count", the number of steps taken, at least 0.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry of another kind or shape, or with wrong values.
        """
        size = self.policy.theta.size
        self.adam.restore(
            arrays.finite_floats("adam_mean", stored["adam_mean"], (size,)),
            arrays.non_negatives("adam_square", stored["adam_square"], (size,)),
            arrays.integer("adam_count", meta["adam_count"], 0, 2**62),
        )
