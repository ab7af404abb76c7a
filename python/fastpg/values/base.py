"""The baseline b = 0, base of those that are fitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.arrays import Float32s, Floats, Integers


class Baseline:
    """b = 0; base of the baselines that are fitted (lecture L1).

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
        """The same as `predict`, for arrays of a rollout, which need no checks.

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

    def _keep(self) -> Callable[[], None]:
        """What brings back the fit as it is now."""
        own = dict(vars(self))
        return lambda: vars(self).update(own)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays from which `restore` continues."""
        return {}

    def restore(self, stored: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from a stored `state`.

        Args:
            stored: arrays by name, among them those of `state`.

        Raises:
            KeyError: an array of `state` is missing.
            TypeError, ValueError: an array of another kind or shape, or with wrong values.
        """
