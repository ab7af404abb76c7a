"""The baseline b(h): the mean at each step of the episode."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.values.base import Baseline

_MOST_STEPS = 2**31 - 1  # largest step in an episode, the same as for time limits


class MeanBaseline(Baseline):
    """b(h): the mean of the targets at each step of the episode, independent of the state.

    Args:
        observation_size: length d of an observation.
        memory: decay of earlier samples, in [0, 1]: each fit multiplies their weight by it. 0
            forgets them, 1 keeps their full weight.

    Raises:
        TypeError: arguments of the wrong type.
        ValueError: arguments out of range.
    """

    def __init__(self, observation_size: int, *, memory: float = 0.0) -> None:
        super().__init__(observation_size)
        self.memory = arrays.unit_interval("memory", memory)
        self.weights = np.zeros(0)  # weighted number of samples at each step
        self.means = np.zeros(0)

    def predict(self, observations: Any, step_index: Any) -> Floats:
        """Values b(h) at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.

        Returns:
            (n,); 0 before the first fit. Steps beyond the last one in the data get its mean.

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape, values that are not finite, or a negative step.
        """
        zeros = super().predict(observations, step_index)
        steps = arrays.steps("step_index", step_index, len(zeros))
        if len(self.means) == 0:
            return zeros
        values: Floats = self.means[np.clip(steps, 0, len(self.means) - 1)]
        return values

    def fit(self, observations: Any, step_index: Any, targets: Any) -> None:
        """Fit to new targets, and to earlier ones with weights that decay by `memory`.

        Args:
            observations: (n, d); not used.
            step_index: steps in the episode, integers (n,), in [0, 2^31 - 1].
            targets: (n,), finite.

        Raises:
            TypeError: targets that are not real numbers, or steps that are not integers.
            ValueError: another shape, values out of range, or targets so large that their sums
                overflow; the baseline then stays as it was.
        """
        y = arrays.finite_floats("targets", targets, (None,))
        steps = arrays.steps("step_index", step_index, len(y))
        arrays.integer("step_index", steps.max(), 0, _MOST_STEPS)
        before = len(self.means) if self.memory > 0.0 else 0  # 0 forgets how many steps there were
        size = max(before, int(steps.max()) + 1)
        old = self.memory * np.pad(self.weights[:before], (0, size - before))
        means = np.pad(self.means[:before], (0, size - before))
        counts = np.bincount(steps, minlength=size)
        weights = old + counts
        with np.errstate(over="ignore", invalid="ignore"):
            sums = old * means + np.bincount(steps, weights=y, minlength=size)
        if not np.isfinite(sums).all():
            raise ValueError("targets: expected values whose sums are finite, got larger ones")
        self.means = np.where(weights > 0.0, sums / np.where(weights > 0.0, weights, 1.0), 0.0)
        self.weights = weights

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays for `restore`.

        Returns:
            Arrays by name.
        """
        return {"baseline_means": self.means, "baseline_weights": self.weights}

    def restore(self, stored: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from a stored `state`.

        Args:
            stored: arrays by name: "baseline_means" and "baseline_weights", (number of steps,)
                each; both (0,) if the baseline was never fitted.

        Raises:
            KeyError: one of them is missing.
            TypeError: an array that is not of real numbers.
            ValueError: another shape, values that are not finite, or a negative weight.
        """
        means, weights = stored["baseline_means"], stored["baseline_weights"]
        if means.shape == weights.shape == (0,):  # never fitted
            self.means, self.weights = np.zeros(0), np.zeros(0)
            return
        self.means = arrays.finite_floats("baseline_means", means, (None,))
        self.weights = arrays.non_negatives("baseline_weights", weights, self.means.shape)
