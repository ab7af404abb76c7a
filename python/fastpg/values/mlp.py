"""The baseline b(s, h) by a multilayer perceptron: the value network, or critic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays, threads
from fastpg.arrays import Float32s, Floats, Integers
from fastpg.optimizers import make_optimizer, restore_moments, stored_moments
from fastpg.policies.mlp import ACTIVATIONS, NET_ARCH, layer_sizes
from fastpg.suggestions import one_of
from fastpg.values.base import Baseline

MOST_CRITIC_UPDATES = 10_000
# Layers of a value network draw from other random numbers than those of a policy of the same seed.
_FIRST_INDEX = 2**31


class ValueTask(NamedTuple):
    """What a fit starts from: inputs and targets, parameters, and a copy of the optimizer."""

    batch: _core.ValueBatch
    theta: Floats
    optimizer: _core.Optimizer


def initial_values(sizes: Sequence[int], seed: int) -> Floats:
    """Parameters of a new value network: orthogonal W times sqrt(2), 1 in the last layer, biases 0.

    Args:
        sizes: of the input, the hidden layers and the output.
        seed: of the random numbers, in [0, 2^64).

    Returns:
        (P,), layer by layer W (fan_in, fan_out) in C order, then the bias (fan_out).
    """
    parts = []
    for index, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        gain = 1.0 if index == len(sizes) - 2 else math.sqrt(2.0)
        weights = _core.orthogonal(fan_in, fan_out, gain, seed, _FIRST_INDEX + index)
        parts += [weights.ravel(), np.zeros(fan_out)]
    return np.concatenate(parts)


class MlpBaseline(Baseline):
    """A multilayer perceptron, fitted by minibatches to mean (b - y)^2.

    Its inputs are the observation and, with `time`, t = h / 100. Weights start orthogonal (Saxe et
    al. 2014) with gain sqrt(2), 1 in the last layer, and biases 0, as in stable-baselines3.
    Parameters and sums are float64, the arithmetic of the network float32. Every fit continues from
    the parameters and the optimizer of the one before it.

    Args:
        observation_size: length d of an observation.
        net_arch: widths of the hidden layers, integers in [1, 2^24]; none of them: an affine map.
        activation_fn: between the layers: "tanh", "relu", "elu" or "silu".
        learning_rate: step size of the optimizer, above 0.
        n_critic_updates: passes over the samples in a fit, in [1, 10,000].
        batch_size: samples of a minibatch, at least 1; sizes differ by at most one.
        clip_range_vf: bound of the change of a value in a fit, above 0, in units of the values:
            beyond it the clipped value is compared with the target, as in stable-baselines3. None:
            no bound.
        max_grad_norm: upper bound of a gradient's norm, above 0; None: no bound.
        normalize_observations: subtract the mean of all observations of earlier fits, divide by
            their standard deviation and clip to [-10, 10].
        time: whether h is among the inputs.
        optimizer: "adam", "rmsprop" or "sgd", as in `make_optimizer`.
        seed: of the initial weights and of the order of the samples, in [0, 2^64).
        theta: parameters (P,) to start with; None: those described above.
        num_threads: threads that share large batches, in [1, 256]; None: FASTPG_NUM_THREADS, or 1.
            Results do not depend on it.

    Attributes:
        theta: parameters (P,), layer by layer W (fan_in, fan_out) in C order, then the bias.
        status: of the last fit: "accepted", or "not_finite" where it changed nothing, since a
            gradient, a parameter or a value was not finite.

    Raises:
        TypeError: arguments of the wrong type.
        ValueError: arguments out of range.
    """

    _counted = False  # older pickles lack it

    def __init__(
        self,
        observation_size: int,
        *,
        net_arch: Sequence[int] = NET_ARCH,
        activation_fn: str = "tanh",
        learning_rate: float = 1e-3,
        n_critic_updates: int = 10,
        batch_size: int = 128,
        clip_range_vf: float | None = None,
        max_grad_norm: float | None = None,
        normalize_observations: bool = False,
        time: bool = False,
        optimizer: str = "adam",
        seed: int = 0,
        theta: Any = None,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(observation_size)
        self.net_arch = tuple(layer_sizes("net_arch", net_arch))
        self.activation_fn = one_of("activation_fn", activation_fn, ACTIVATIONS)
        self.learning_rate = arrays.positive("learning_rate", learning_rate)
        self.n_critic_updates = arrays.integer(
            "n_critic_updates", n_critic_updates, 1, MOST_CRITIC_UPDATES
        )
        self.batch_size = arrays.integer("batch_size", batch_size, 1, 2**62)
        self.clip_range_vf = arrays.positive_or_none("clip_range_vf", clip_range_vf)
        self.max_grad_norm = arrays.positive_or_none("max_grad_norm", max_grad_norm)
        self.normalize_observations = arrays.boolean(
            "normalize_observations", normalize_observations
        )
        self.time = arrays.boolean("time", time)
        self.seed = arrays.seed(seed)
        self.num_threads = threads.num_threads(num_threads)
        self._inputs = _core.FeatureMap.inputs(self.observation_size, self.time)
        self._moments = _core.RunningMoments(self.observation_size)
        activation = _core.Activation[self.activation_fn]
        self._network = _core.Mlp(self._inputs.size, list(self.net_arch), 1, activation)
        self._counted = False  # whether the observations of the next fit are in `_moments`
        self.status = "accepted"
        self.theta = self._start(theta)
        self._optimizer = make_optimizer(optimizer, self._network.parameters)

    def _start(self, theta: Any) -> Floats:
        if theta is None:
            return initial_values([self._inputs.size, *self.net_arch, 1], self.seed)
        given = arrays.finite_floats("baseline_theta", theta, (self._network.parameters,))
        return given.copy()

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: the map of inputs is made again."""
        return {name: value for name, value in vars(self).items() if name != "_inputs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The counterpart of `__getstate__`."""
        vars(self).update(state)
        self._inputs = self._normalized()

    @property
    def n_updates(self) -> int:
        """Number of minibatches of all fits."""
        return self._optimizer.count

    def predict(self, observations: Any, step_index: Any) -> Floats:
        """Values b(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.

        Returns:
            (n,); those of the initial weights before the first fit.

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape, values that are not finite, a negative step, or observations
                so large that a value is not finite.
        """
        batch = arrays.unchecked_observations("observations", observations, self.observation_size)
        return self.values(batch, arrays.steps("step_index", step_index, len(batch)))

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
        return self._batch(observations, step_index, None).values(self.theta)

    def fit(self, observations: Any, step_index: Any, targets: Any) -> None:
        """Fit to new targets, from the present parameters on.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0.
            targets: (n,), finite.

        Raises:
            TypeError: observations or targets that are not real numbers, or steps that are not
                integers.
            ValueError: another shape, or values that are not finite; nothing is changed.
            OverflowError: the fit diverged: a gradient, a parameter or a value was not finite.
                Parameters and optimizer are not changed.
        """
        batch = arrays.unchecked_observations("observations", observations, self.observation_size)
        steps = arrays.steps("step_index", step_index, len(batch))
        self.fit_rollout(batch, steps, arrays.as_float64("targets", targets))
        if self.status == "not_finite":
            raise OverflowError(
                "targets, learning_rate: expected numbers with which the fit stays finite, got a "
                f"fit that diverged with learning_rate {self.learning_rate:g}"
            )

    def fit_rollout(self, observations: Float32s, step_index: Integers, targets: Floats) -> None:
        """See `Baseline`; a fit that diverges sets `status` and changes nothing."""
        task = self.task(observations, step_index, targets)
        settings = _core.ValueFitSettings(
            learning_rate=self.learning_rate,
            max_grad_norm=self.max_grad_norm,
            clip_range_vf=self.clip_range_vf,
            n_epochs=self.n_critic_updates,
            batch_size=self.batch_size,
        )
        found = task.batch.fit(task.theta, task.optimizer, self.seed, self.n_updates, settings)
        self.take(task, found.theta, found.finite)
        self.observe_after(observations)

    def task(self, observations: Float32s, step_index: Integers, targets: Floats) -> ValueTask:
        """What a fit starts from, for one that is not this class's own.

        The first observations are normalised by themselves.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: int64 (n,).
            targets: float64 (n,).
        """
        self.observe_first(observations)
        batch = self._batch(observations, step_index, targets)
        return ValueTask(batch, self.theta, copy(self._optimizer))

    @property
    def needs_observations(self) -> bool:
        """Whether its inputs are normalised, by observations that it has not seen yet."""
        return self.normalize_observations and not self._moments.count

    def observe_first(self, observations: Float32s) -> None:
        """See the observations of the first fit before their values are asked for.

        Targets made of values at raw inputs would not be those of the fit.

        Args:
            observations: float32 (n, d), C-contiguous.
        """
        if self.needs_observations:
            self.observe(observations)
            self._counted = True

    def take(self, task: ValueTask, theta: Floats | None, finite: bool) -> None:
        """Continue from the result of a fit; one that is not finite changes nothing.

        Args:
            task: what the fit started from; the fit has moved its optimizer.
            theta: parameters after the fit, (P,).
            finite: whether they are.
        """
        self.status = "accepted" if finite else "not_finite"
        if finite and theta is not None:
            self.theta, self._optimizer = theta, task.optimizer

    def observe_after(self, observations: Float32s) -> None:
        """Count the observations of a fit, unless they were seen before it.

        Args:
            observations: float32 (n, d), C-contiguous.
        """
        if not self._counted:
            self.observe(observations)
        self._counted = False

    def observe(self, observations: Float32s) -> None:
        """Add observations to those that inputs are normalised by.

        Args:
            observations: float32 (n, d), C-contiguous.
        """
        if self.normalize_observations:
            self._moments = self._moments.updated(observations)
            self._inputs = self._normalized()

    def _batch(
        self, observations: Float32s, step_index: Integers, targets: Floats | None
    ) -> _core.ValueBatch:
        try:
            return _core.ValueBatch.of_observations(
                self._network, self._inputs, observations, step_index, targets, self.num_threads
            )
        except TypeError as error:
            method, checked = ("values", "predict") if targets is None else ("fit_rollout", "fit")
            raise self._of_another_kind(method, checked) from error

    def _normalized(self) -> _core.FeatureMap:
        inputs = _core.FeatureMap.inputs(self.observation_size, self.time)
        if not self._moments.count:
            return inputs
        return inputs.normalized(self._moments.mean, self._moments.inverse_std())

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays from which `restore` continues."""
        moments, optimizer = self._moments, stored_moments(self._optimizer)
        return {
            "baseline_theta": self.theta,
            "baseline_n_updates": np.array(self.n_updates),
            "baseline_moments": np.array([moments.mean, moments.squares]),
            "baseline_observations": np.array(moments.count),
            **{f"baseline_{name}": values for name, values in optimizer.items()},
        }

    def restore(self, stored: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from a stored `state`.

        Args:
            stored: "baseline_theta" (P,), "baseline_n_updates" (), "baseline_moments" (2, d), the
                mean and the summed squared deviations of "baseline_observations" () observations,
                and the optimizer's moments (P,), such as "baseline_adam_mean".

        Raises:
            KeyError: one of them is missing.
            TypeError: an array of another kind.
            ValueError: another shape, values that are not finite, or a negative square or count.
        """
        theta = arrays.finite_floats("baseline_theta", stored["baseline_theta"], self.theta.shape)
        optimizer = copy(self._optimizer)
        updates = _count("baseline_n_updates", stored)
        restore_moments(optimizer, stored, updates, "baseline_")
        shape = (2, self.observation_size)
        mean, squares = arrays.finite_floats("baseline_moments", stored["baseline_moments"], shape)
        moments = _core.RunningMoments(self.observation_size)
        moments.restore(mean.tolist(), squares.tolist(), _count("baseline_observations", stored))
        self.theta, self._optimizer, self._moments = theta, optimizer, moments
        self._inputs = self._normalized()


def _count(name: str, stored: dict[str, npt.NDArray[Any]]) -> int:
    value = stored[name]
    if value.shape != ():
        raise ValueError(f"{name}: expected a single number, got shape {value.shape}")
    return arrays.integer(name, value[()], 0, 2**62)
