"""Value baselines b(s, h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.arrays import Floats


class LinearBaseline:
    """Ridge regression on features of the state s and the step in the episode h (lecture L1).

    Features: 1, s, all products s_i s_j, and with `time` t, t^2, t^3 where t = h / 100; the
    observation is clipped to [-10, 10]. The columns are standardised before the fit and the
    intercept is not penalised. Before the first fit the baseline is 0.

    Args:
        observation_size: length d of an observation.
        ridge: penalty on the standardised weights, relative to the mean squared error; above 0.
        memory: in [0, 1], the weight that each fit leaves to the data of earlier ones; 0 forgets
            them.
        time: whether h is among the features.
    """

    def __init__(
        self,
        observation_size: int,
        *,
        ridge: float = 1e-5,
        memory: float = 0.0,
        time: bool = True,
    ) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        self.ridge = arrays.number("ridge", ridge)
        if self.ridge <= 0.0:
            raise ValueError(f"ridge: expected a number above 0, got {ridge!r}")
        self.memory = arrays.unit_interval("memory", memory)
        self.time = arrays.boolean("time", time)
        origin = np.zeros((1, self.observation_size))
        self._regression = _core.RidgeRegression(self.features(origin, [0]).shape[1])
        self.weights: Floats | None = None

    def features(self, observations: Any, step_index: Any) -> Floats:
        """phi(s, h), (n, k), of observations (n, d) and steps in the episode (n,)."""
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        steps: npt.NDArray[np.int64] = np.ascontiguousarray(step_index, dtype=np.int64)
        return _core.value_features(batch, steps, self.time)

    def predict(self, observations: Any, step_index: Any) -> Floats:
        """Values (n,)."""
        if self.weights is None:
            return np.zeros(len(observations))
        return self.features(observations, step_index) @ self.weights

    def fit(self, observations: Any, step_index: Any, targets: Any) -> None:
        """Fit to targets (n,) and to what `memory` leaves of earlier fits."""
        phi = self.features(observations, step_index)
        self._regression.add(phi, arrays.floats("targets", targets, (len(phi),)), self.memory)
        self.weights = self._regression.solve(self.ridge)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays from which `restore` continues."""
        regression = self._regression
        return {
            "baseline_mean": regression.mean,
            "baseline_comoment": regression.comoment,
            "baseline_weight": np.array(regression.weight),
        }

    def restore(self, stored: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from what `state` gave."""
        size = len(self._regression.mean)
        self._regression.restore(
            arrays.floats("baseline_mean", stored["baseline_mean"], (size,)),
            arrays.floats("baseline_comoment", stored["baseline_comoment"], (size, size)),
            arrays.number("baseline_weight", float(stored["baseline_weight"])),
        )
        seen = self._regression.weight > 0.0
        self.weights = self._regression.solve(self.ridge) if seen else None


def explained_variance(values: Floats, targets: Floats) -> float:
    """1 - Var(targets - values) / Var(targets); 0 where the targets do not vary."""
    variance = float(np.var(targets))
    return 1.0 - float(np.var(targets - values)) / variance if variance > 0.0 else 0.0
