"""The base class of policies: features, acting."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays
from fastpg.arrays import Bools, Float32s, Floats, Integers
from fastpg.names_elsewhere import NOT_OF_A_PERCEPTRON, NOT_OF_A_POLICY
from fastpg.policies.feature_choice import Features, choose_features
from fastpg.policies.features import RunningNormalizer
from fastpg.policies.parameters import Parameters
from fastpg.suggestions import missing, unknown

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]

# Arguments of a policy that `for_env` takes from the spaces.
_OF_SPACES = ("observation_size", "n_actions", "action_size", "low", "high")


class Policy(Parameters):
    """Base of all policies: `LinearSoftmax`, `LinearGaussian`, `MlpSoftmax`, `MlpGaussian`.

    Batches are features `phi` of shape (n, n_features), made by `features`, and distributions
    `dist`, made by `distribution`. Gradients have the shape of theta and are means over the batch;
    the flat order of parameters is `theta.ravel()`.

    Arrays are float64; a perceptron computes its outputs in float32. Actions of n samples are
    integers (n,) or (n, choices) for a softmax policy, numbers (n, action_size) for a Gaussian
    policy. `num_threads` is in [1, 256]; None: FASTPG_NUM_THREADS, or 1. Results are the same, bit
    for bit, for every number. Methods raise TypeError for arrays of another kind, such as text, and
    ValueError for another shape or values that are not finite or out of range.

    Args:
        features: the map from observations and steps to features: "identity" (the default),
            "polynomial" or "fourier"; a map, such as `Polynomial(4, 3)`; or a function of arrays. A
            function takes observations, float64 (n, d), normalised with `normalize_observations`,
            and returns finite numbers (n, k); k never changes, and equal rows give equal numbers. A
            constant column is added, as in every map. The function is first called with two rows of
            zeros. Environments are then stepped from Python. Up to rounding the numbers are those
            of an equal map, except that batches of whole episodes (REINFORCE) after the first begin
            in other start states. `save` cannot store the function: pass it to `load` again.
        features_kwargs: arguments of a named map, such as {"degree": 3}; for a function, {"time":
            True} adds h / 100 as its last input.
        normalize_observations: normalise the observations by their running mean and standard
            deviation before the features are computed. Both are saved with the policy. They change
            only between iterations of `learn`; but while all weights are 0 (a perceptron: the last
            layer almost 0), the first iteration's observations are used in its own step too.
        theta: parameters; by default those of the uniform policy, or of mean 0.
    """

    kind: ClassVar[str]
    bounds: tuple[Floats, ...] = ()  # of the actions that an environment gets; empty if discrete
    masked: ClassVar[bool] = False

    if TYPE_CHECKING:  # every class that is not a base has its own

        def __init__(self, *sizes: Any, **arguments: Any) -> None: ...

    else:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            """AttributeError, which knows names of other libraries."""
            return missing(self, name, NOT_OF_A_POLICY)

    def _choose_features(
        self, observation_size: int, features: Features, features_kwargs: Mapping[str, Any] | None
    ) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        # No other policy shares the map, since the normalisation is set inside it.
        self.feature_map = choose_features(features, self.observation_size, features_kwargs)

    def _set_up(self, normalize_observations: bool, theta: Any) -> None:
        """The last part of a constructor: features and distribution are there."""
        self._n_features = self.feature_map.size
        self._network = self._make_network()
        self._shape = self._theta_shape()
        self._action_size = self._distribution.action_size
        wanted = arrays.boolean("normalize_observations", normalize_observations)
        self.normalizer = RunningNormalizer(self.observation_size) if wanted else None
        self.theta = self._initial_theta() if theta is None else theta

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment's spaces; subclasses list the arguments."""
        raise NotImplementedError

    @classmethod
    def _sizes(cls, env: Any) -> dict[str, Any]:
        """Attributes that a policy for this environment has; ValueError if there is none."""
        raise NotImplementedError

    @classmethod
    def _require_known(cls, arguments: Mapping[str, Any]) -> None:
        """Raise TypeError for an argument that `for_env` does not take."""
        if not arguments:  # a look at the signature takes a tenth of a construction
            return
        known = cls._arguments()
        reasons = None if "features" in known else NOT_OF_A_PERCEPTRON
        for name in arguments:
            if name not in known:
                raise TypeError(
                    f"{cls.__name__}: {unknown('policy argument', name, known, reasons)}"
                )

    @classmethod
    def _arguments(cls) -> list[str]:
        """The arguments that do not follow from the spaces of an environment."""
        return [name for name in inspect.signature(cls).parameters if name not in _OF_SPACES]

    def _make_network(self) -> _core.Network:
        raise NotImplementedError

    @property
    def n_features(self) -> int:
        """Number of features, the constant included."""
        return self._n_features

    def features(
        self, observations: Any, step_index: Any = None, *, dtype: npt.DTypeLike = np.float64
    ) -> Floats:
        """Features phi(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0; None is 0 for all.
            dtype: float64; float32 features of linear policies were removed.

        Returns:
            phi, (n, n_features).

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape or dtype, values that are not finite, or a negative step.
        """
        if np.dtype(dtype) != np.float64:
            raise ValueError(
                f"dtype: expected float64, got {dtype!r}: float32 features of linear policies were "
                "removed"
            )
        return self.feature_map(observations, step_index)

    def observe(self, observations: npt.NDArray[Any]) -> None:
        """Update the running normalisation with observations; without a normalisation do nothing.

        Args:
            observations: (n, d), finite.

        Raises:
            TypeError: observations that are not real numbers.
            ValueError: another shape, or values that are not finite.
        """
        if self.normalizer is not None:
            self.normalizer.update(observations)
            self.normalizer.use_in(self.feature_map)

    def _sees_nothing_yet(self) -> bool:
        """Whether nothing was observed yet and all weights are 0: normalising changes no action.

        The first samples then update the normalisation before the first step. Otherwise this step
        would be for features of another scale than all later steps.
        """
        weights = self._theta.reshape(-1)[: self._network.parameters]
        return self.normalizer is not None and not self.normalizer.count and not weights.any()

    def for_environment(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The actions in the form that the environment gets.

        Args:
            actions: n actions, as `sample` returns them.

        Returns:
            The same actions; a Gaussian policy clips them to its bounds.
        """
        return actions

    def _log(self, samples: _core.PolicyBatch, actions: npt.NDArray[Any]) -> dict[str, float]:
        """Entries for the log, about the policy as it is now and the samples of this iteration."""
        return {}

    @property
    def _has_actor(self) -> bool:
        """Whether C++ can choose its actions; environments are stepped from Python otherwise."""
        return type(self).actor is not Policy.actor and self.feature_map.in_core

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> _core.Actor:
        """The policy in the form that rollouts in C++ use; they get the parameters separately.

        Args:
            space: the action space of one environment.
            deterministic: take the most probable action instead of a sampled one.

        Returns:
            The actor.

        Raises:
            TypeError: features that are a function, which C++ cannot compute, or a policy without
                an actor.
            ValueError: for a Gaussian policy, a space that is no Box of shape (action_size,).
        """
        raise TypeError(f"policy: {type(self).__name__} has no actor in C++")

    def state(self) -> State:
        """Arrays and JSON values from which `restore_policy` builds it again."""
        stored: dict[str, npt.NDArray[Any]] = {"theta": self._theta}
        if self.normalizer is not None:
            stored["normalizer"] = self.normalizer.state()
        return stored, {
            "kind": self.kind,
            "observation_size": self.observation_size,
            "features": self.feature_map.state(),
            "normalizer_count": None if self.normalizer is None else self.normalizer.count,
        }

    def __copy__(self) -> Self:
        """A copy that shares nothing: observations seen by one would change the other's map."""
        return copy.deepcopy(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._theta.flags.writeable = False
        if self.normalizer is not None:
            self.normalizer.use_in(self.feature_map)

    def _restore_normalizer(self, stored: dict[str, Any], count: Any) -> None:
        if self.normalizer is not None:
            self.normalizer.restore(stored["normalizer"], count)
            self.normalizer.use_in(self.feature_map)

    def act(
        self,
        observations: Float32s,
        step_index: Integers | None,
        mask: Bools | None,
        stream: _core.LaneStream | None,
        draw: int,
    ) -> npt.NDArray[Any]:
        """Actions at some observations.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: int64 (n,), steps in the episode; None: 0 for all.
            mask: bool (n, n_actions), True where the action is allowed; None allows all.
            stream: random numbers; None takes the most probable actions.
            draw: number of the draw in the stream, at least 0.

        Returns:
            n actions, as in `sample`.

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        native = self.feature_map.native
        if isinstance(native, _core.FeatureMap):
            return self._public(
                _core.act(
                    self._distribution,
                    self._network,
                    native,
                    self._theta,
                    observations,
                    step_index,
                    mask,
                    stream,
                    draw,
                )
            )
        dist = self.distribution(self.features(observations, step_index), mask=mask)
        if stream is None:
            return self.mode(dist)
        return self.sample(dist, stream.uniforms(len(dist), draw, self._action_size))

    def core_batch(
        self,
        observations: Float32s,
        step_index: Integers,
        actions: npt.NDArray[Any],
        mask: Bools | None,
        num_threads: int,
    ) -> _core.PolicyBatch:
        """The evaluator of samples of a rollout; the arrays need no conversion.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: int64 (n,).
            actions: int32 or float64, of n samples.
            mask: bool (n, n_actions), or None.
            num_threads: from 1 to 256.

        Returns:
            The evaluator, with the features.
        """
        native = self.feature_map.native
        rows = actions.reshape(len(observations), self._action_size)
        if isinstance(native, _core.FeatureMap):
            return _core.PolicyBatch.of_observations(
                self._distribution,
                self._network,
                native,
                observations,
                step_index,
                rows,
                mask,
                num_threads,
            )
        phi = native.features(observations, step_index, num_threads)
        return _core.PolicyBatch(self._distribution, self._network, phi, rows, mask, num_threads)
