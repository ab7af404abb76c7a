"""The baseline b = 0, base class of the fitted baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.arrays import Float32s, Floats, Integers


class Baseline:
    """b = 0; base class of the fitted baselines (lecture L1).

    Args:
        observation_size: length d of an observation.
    """

    def __init__(self, observation_size: int) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)

    def predict(self, observations: Any, step_index: Any) -> Floats:
        """Values b(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.

        Returns:
            (n,); 0 for this class, and before the first fit.

        Raises:
            TypeError: observations that are not real numbers.
            ValueError: another shape, or values that are not finite.
        """
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        return np.zeros(len(batch))

    def values(self, observations: Float32s, step_index: Integers) -> Floats:
        """The same as `predict`, without checks, for arrays of a rollout.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: int64 (n,).

        Returns:
            (n,).
        """
        return self.predict(observations, step_index)

    def fit(self, observations: Any, step_index: Any, targets: Any) -> None:
        """Fit the baseline to targets; this class has nothing to fit.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.
            targets: (n,), finite.
        """

    def fit_rollout(self, observations: Float32s, step_index: Integers, targets: Floats) -> None:
        """The same as `fit`, for arrays of a rollout, which need no checks.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: int64 (n,).
            targets: float64 (n,).
        """
        self.fit(observations, step_index, targets)

    def _of_another_kind(self, method: str, checked: str) -> TypeError:
        """The error for arrays that a kernel does not take; `checked` is the method with checks."""
        return TypeError(
            f"{method}: expected arrays of a rollout, float32 (n, {self.observation_size}) as "
            f"observations, int64 (n,) as step_index and float64 (n,) as targets; {checked} takes "
            "other ones"
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays for `restore`.

        Returns:
            Arrays by name.
        """
        return {}

    def restore(self, stored: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from a stored `state`.

        Args:
            stored: arrays by name; others than those of `state` are ignored.

        Raises:
            KeyError: an array of `state` is missing.
            TypeError, ValueError: an array has the wrong dtype, shape or values.
        """
