"""Value baselines b(s, h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.arrays import Floats


class LinearBaseline:
    """Ridge regression on features of the state s and the step in the episode h (lecture L1).

    Features: 1, s, all products s_i s_j, and t, t^2, t^3 with t = h / 100; the observation is
    clipped to [-10, 10]. The columns are standardised before the fit and the intercept is not
    penalised. Before the first fit the baseline is 0.

    Args:
        observation_size: length d of an observation.
        ridge: penalty on the standardised weights, relative to the mean squared error; above 0.
    """

    def __init__(self, observation_size: int, ridge: float = 1e-5) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        self.ridge = arrays.number("ridge", ridge)
        if self.ridge <= 0.0:
            raise ValueError(f"ridge: expected a number above 0, got {ridge!r}")
        self.weights: Floats | None = None

    def features(self, observations: Any, step_index: Any) -> Floats:
        """phi(s, h), (n, k), of observations (n, d) and steps in the episode (n,)."""
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        steps: npt.NDArray[np.int64] = np.ascontiguousarray(step_index, dtype=np.int64)
        return _core.value_features(batch, steps)

    def predict(self, observations: Any, step_index: Any) -> Floats:
        """Values (n,)."""
        if self.weights is None:
            return np.zeros(len(observations))
        return self.features(observations, step_index) @ self.weights

    def fit(self, observations: Any, step_index: Any, targets: Any) -> None:
        """Fit to targets (n,), in place of what was fitted before."""
        phi = self.features(observations, step_index)
        y = arrays.floats("targets", targets, (len(phi),))
        self.weights = _core.ridge_fit(phi, y, self.ridge)


def explained_variance(values: Floats, targets: Floats) -> float:
    """1 - Var(targets - values) / Var(targets); 0 where the targets do not vary."""
    variance = float(np.var(targets))
    return 1.0 - float(np.var(targets - values)) / variance if variance > 0.0 else 0.0
