"""The baseline b(s, h) by ridge regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays, threads
from fastpg.arrays import Float32s, Floats, Integers
from fastpg.values.base import Baseline

LEAST_RIDGE = 1e-12  # less is lost in the rounding errors of the moments
_DIVERGED = (
    "A baseline that learns from its own values can grow without bound where batches are small: "
    "take more samples a batch (n_envs x n_steps), a larger ridge, or baseline='mean'"
)


class LinearBaseline(Baseline):
    """Ridge regression on features of the state s and the step in the episode h (lecture L1).

    Features: 1, s, all products s_i s_j (only squares beyond 32 numbers, none beyond 128), and
    with `time` t, t^2, t^3 where t = h / 100; the observation is clipped to [-10, 10]. The columns
    are standardised before the fit and the intercept is not penalised. Before the first fit the
    baseline is 0.

    Args:
        observation_size: length d of an observation.
        ridge: penalty on the standardised weights, relative to the mean squared error; at least
            1e-12. A smaller one would be lost in rounding errors.
        memory: in [0, 1], decay of earlier samples: each fit multiplies their weight by it. 0
            forgets them, 1 keeps their full weight.
        time: whether h is among the features.
        num_threads: threads that share large batches, in [1, 256]; None: FASTPG_NUM_THREADS, or 1.
            Results do not depend on it.
    """

    def __init__(
        self,
        observation_size: int,
        *,
        ridge: float = 1e-5,
        memory: float = 0.0,
        time: bool = True,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(observation_size)
        self.ridge = arrays.number("ridge", ridge)
        if self.ridge < LEAST_RIDGE:
            raise ValueError(f"ridge: expected a number of at least {LEAST_RIDGE:g}, got {ridge!r}")
        self.memory = arrays.unit_interval("memory", memory)
        self.time = arrays.boolean("time", time)
        self.num_threads = threads.num_threads(num_threads)
        origin = np.zeros((1, self.observation_size), dtype=np.float32)
        features = _core.value_features(origin, np.zeros(1, dtype=np.int64), self.time)
        self._regression = _core.RidgeRegression(features.shape[1])
        self.weights: Floats | None = None

    def features(self, observations: Any, step_index: Any) -> Floats:
        """Features phi(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.

        Returns:
            (n, k), the constant included.

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape, values that are not finite, or a negative step.
        """
        return _core.value_features(*self._samples(observations, step_index))

    def predict(self, observations: Any, step_index: Any) -> Floats:
        """Values b(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.

        Returns:
            (n,); 0 before the first fit.

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape, or a negative step.
        """
        batch, steps, _ = self._samples(observations, step_index)
        return self.values(batch, steps)

    def values(self, observations: Float32s, step_index: Integers) -> Floats:
        """The values b(s, h) of `predict`, without checks, for arrays of a rollout.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: steps in the episode, int64 (n,).

        Returns:
            float64 (n,).

        Raises:
            TypeError: arrays of another dtype, which `predict` takes.
        """
        if self.weights is None:
            return np.zeros(len(observations))
        try:
            return _core.value_predict(
                observations, step_index, self.time, self.weights, self.num_threads
            )
        except TypeError as error:
            raise self._of_another_kind("values", "predict") from error

    def fit(self, observations: Any, step_index: Any, targets: Any) -> None:
        """Fit to new targets, and to earlier ones with weights that decay by `memory`.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.
            targets: (n,), finite.

        Raises:
            TypeError: observations or targets that are not real numbers, or steps that are not
                integers.
            ValueError: another shape, values that are not finite, or targets so large that the fit
                overflows; nothing is changed.
        """
        batch, steps, _ = self._samples(observations, step_index)
        self.fit_rollout(batch, steps, arrays.as_float64("targets", targets))

    def fit_rollout(self, observations: Float32s, step_index: Integers, targets: Floats) -> None:
        """See `Baseline`."""
        try:
            fit = self._regression.fitted(
                observations,
                step_index,
                self.time,
                targets,
                self.memory,
                self.ridge,
                self.num_threads,
            )
        except TypeError as error:
            raise self._of_another_kind("fit_rollout", "fit") from error
        except ValueError as error:
            if np.isfinite(targets).all() and np.isfinite(observations).all():
                error.add_note(_DIVERGED)
            raise
        self._regression, self.weights = fit.regression, fit.weights

    def _samples(
        self, observations: Any, step_index: Any
    ) -> tuple[Float32s, npt.NDArray[np.int64], bool]:
        batch = arrays.unchecked_observations("observations", observations, self.observation_size)
        return batch, arrays.steps("step_index", step_index, len(batch)), self.time

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays from which `restore` continues."""
        regression = self._regression
        return {
            "baseline_mean": regression.mean,
            "baseline_comoment": regression.comoment,
            "baseline_weight": np.array(regression.weight),
        }

    def restore(self, stored: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from a stored `state`.

        Args:
            stored: "baseline_mean" (k,), "baseline_comoment" (k, k) and "baseline_weight" (), k as
                in `state`.

        Raises:
            KeyError: one of them is missing.
            TypeError: an array that is not of real numbers.
            ValueError: another shape, values that are not finite, or a negative weight.
        """
        size = len(self._regression.mean)
        self._regression.restore(
            arrays.finite_floats("baseline_mean", stored["baseline_mean"], (size,)),
            arrays.finite_floats("baseline_comoment", stored["baseline_comoment"], (size, size)),
            arrays.non_negatives("baseline_weight", stored["baseline_weight"], ()).item(),
        )
        seen = self._regression.weight > 0.0
        self.weights = self._regression.solve(self.ridge) if seen else None
