"""Algorithms that ascend by a first-order optimizer."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, deprecated
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.batch import Batch
from fastpg.arrays import Floats
from fastpg.optimizers import make_optimizer, restore_moments, stored_moments
from fastpg.training import checkpoints


class FirstOrderAlgorithm(Algorithm):
    """An algorithm with an optimizer, which is saved with it.

    The optimizer is replaced at every update, never changed in place.
    """

    optimizer: _core.Optimizer

    def make_optimizer(self) -> None:
        """The optimizer of the option `optimizer`, before its first step."""
        self.optimizer = make_optimizer(self._optimizer_name, self.policy.theta.size)

    @property
    def adam(self) -> _core.Optimizer:
        """The name of `optimizer` in version 0.1.0; it warns."""
        deprecated.warn("algo.adam", "algo.optimizer")
        return self.optimizer

    @property
    def _optimizer_name(self) -> str:
        """The optimizer's name: adam, rmsprop or sgd."""
        raise NotImplementedError

    def _step(
        self, batch: Batch, dist: Floats, gradient: Floats, learning_rate: float
    ) -> tuple[str, _core.UpdateStatistics]:
        """Ascend; "not_finite", and nothing changed, where the step is not."""
        optimizer, before = copy(self.optimizer), self.policy.theta
        try:
            moved = optimizer.ascend(before, gradient, learning_rate)
        except ValueError:
            moved = np.full(self.policy.shape, np.nan)
        status, step = self.try_step(batch, moved, dist, batch.advantages)
        if status != "accepted":
            return status, step
        self.optimizer = optimizer
        # Momentum may move theta without a gradient.
        moves = bool(gradient.any()) or not np.array_equal(before, self.policy.theta)
        return status if moves else "zero_gradient", step

    def state(self) -> checkpoints.State:
        """Arrays and JSON values, with the optimizer's count and moments."""
        stored, meta = super().state()
        stored |= stored_moments(self.optimizer)
        return stored, meta | {"adam_count": self.optimizer.count}

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore the optimizer.

        Args:
            stored: for Adam "adam_mean" and "adam_square", for RMSprop "rmsprop_square",
                (theta.size,) each; squares are at least 0.
            meta: "adam_count", the number of steps taken, at least 0.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry of another kind or shape, or with wrong values.
        """
        super().restore_optimizer(stored, meta)
        restore_moments(self.optimizer, stored, meta["adam_count"])
