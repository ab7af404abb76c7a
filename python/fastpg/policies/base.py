"""What every policy that is linear in features computes over a batch, in closed form."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays, threads
from fastpg.arrays import Bools, Float32s, Floats, Integers
from fastpg.policies.feature_choice import Features, choose_features
from fastpg.policies.features import RunningNormalizer
from fastpg.spaces import flat_size
from fastpg.suggestions import unknown

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]

# Arguments of a policy that `for_env` takes from the spaces.
_OF_SPACES = ("observation_size", "n_actions", "action_size", "low", "high")

_MOST = _core.MOST_PARAMETER


class LinearPolicy:
    """Base of `LinearSoftmax` and `LinearGaussian`.

    Batches are features `phi` of shape (n, n_features), made by `features`, and distributions
    `dist`, made by `distribution`. Gradients have the shape of theta and are means over the batch;
    the flat order of parameters is `theta.ravel()`.

    Everything is float64. `num_threads` (None: FASTPG_NUM_THREADS, else 1) changes no bit of a
    result.

    Args:
        features: the map of observations and steps to features: "identity", the default,
            "polynomial" or "fourier"; a map, such as `Polynomial(4, 3)`; or a function of arrays.
            A function gets observations, float64 (n, d), normalised where that is asked for, and
            gives finite numbers (n, k), always k of them and the same for the same row; a constant
            column is added, as every map has one. It is called with two rows of zeros at first.
            Environments are stepped from Python with it: the numbers are those of an equal map,
            but that later batches of whole episodes (REINFORCE) begin in other start states.
            `save` cannot store it: give it to `load` again.
        features_kwargs: arguments of a named map, as {"degree": 3}; of a function {"time": True},
            which adds h / 100 as the last of its inputs.
        normalize_observations: keep a running mean and standard deviation of the observations and
            normalise by them before the features. They are saved with the policy, change only
            while learning, and never within an iteration; where all weights are still 0, the first
            iteration's count in its own step.
        theta: parameters; by default those of the uniform policy, or of mean 0.
    """

    kind: ClassVar[str]
    bounds: tuple[Floats, ...] = ()  # of the actions that an environment gets, where there are any
    masked: ClassVar[bool] = False
    _distribution: _core.Categorical | _core.DiagGaussian

    def _set_up(
        self,
        observation_size: int,
        features: Features,
        features_kwargs: Mapping[str, Any] | None,
        normalize_observations: bool,
        theta: Any,
    ) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        # A map of its own: the normalisation is set inside it.
        self.feature_map = choose_features(features, self.observation_size, features_kwargs)
        self._n_features = self.feature_map.size
        self._shape = self._theta_shape()
        self._action_size = self._distribution.action_size
        wanted = arrays.boolean("normalize_observations", normalize_observations)
        self.normalizer = RunningNormalizer(self.observation_size) if wanted else None
        self.theta = self._initial_theta() if theta is None else theta

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment's spaces.

        Args:
            env: an environment or a vector environment; observations are flattened.
            **arguments: arguments of the policy's class, without those that the spaces determine.

        Returns:
            A new policy of this class.

        Raises:
            ValueError: actions of a space that this class does not support, or observations that
                cannot be flattened.
            TypeError: an unknown argument.
        """
        raise NotImplementedError

    @classmethod
    def _require_known(cls, arguments: Mapping[str, Any]) -> None:
        """Raise TypeError for an argument that `for_env` does not take."""
        known = [name for name in inspect.signature(cls).parameters if name not in _OF_SPACES]
        for name in arguments:
            if name not in known:
                raise TypeError(f"{cls.__name__}: {unknown('policy argument', name, known)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of theta."""
        return self._shape

    def _theta_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _initial_theta(self) -> Floats:
        return np.zeros(self.shape)

    @property
    def n_features(self) -> int:
        """Number of features, the constant included."""
        return self._n_features

    @property
    def theta(self) -> Floats:
        """The parameters, float64. Assigning copies, and raises ValueError for what is not kept."""
        return self._theta

    @theta.setter
    def theta(self, value: Any) -> None:
        checked = self._checked_theta(value)
        self._require_kept(checked)
        self._take(checked)

    def move_to(self, theta: Any) -> None:
        """Take the parameters that a step leads to: where they pass a bound they stop at it.

        Args:
            theta: of the shape of theta; a `LinearGaussian` cuts ln sigma to [-10, 2].

        Raises:
            ValueError: another shape, or numbers that are not finite; nothing is changed.
        """
        self._take(self._project(self._checked_theta(theta)))

    def takes(self, theta: Floats) -> bool:
        """Take the parameters of a step of learning, unless they are not finite.

        Args:
            theta: float64, of the shape of theta; where it passes a bound it stops there.

        Returns:
            False where nothing was changed: numbers that are not finite, or beyond 1e150.

        Raises:
            ValueError: another shape.
        """
        if theta.shape != self._shape:
            raise ValueError(f"theta: expected shape {self._shape}, got {theta.shape}")
        if not arrays.norm(theta) <= _MOST and not np.abs(theta).max() <= _MOST:  # NaN neither
            return False
        theta = self._project(theta)
        theta.flags.writeable = False
        self._theta = theta
        return True

    def _take(self, theta: Floats) -> None:
        theta.flags.writeable = False
        self._theta = theta

    def _checked_theta(self, value: Any) -> Floats:
        checked = arrays.shaped_floats("theta", value, self.shape)
        if not arrays.norm(checked) <= _MOST and not np.abs(checked).max() <= _MOST:  # NaN neither
            arrays.finite_floats("theta", checked, self.shape)
            raise ValueError(f"theta: expected magnitudes of at most {_MOST:g}")
        return checked.copy()

    def _require_kept(self, theta: Floats) -> None:
        """Raise ValueError where `_project` would change parameters."""

    def _project(self, theta: Floats) -> Floats:
        return theta

    def features(
        self, observations: Any, step_index: Any = None, *, dtype: npt.DTypeLike = np.float64
    ) -> Floats:
        """Features phi(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0; None is 0 for all.
            dtype: float64. Linear policies no longer take float32 features.

        Returns:
            phi, (n, n_features).

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape or dtype, values that are not finite, or a negative step.
        """
        if dtype != np.float64:
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
        """Whether no normalisation could change it: nothing was observed, and no weight is set.

        The first samples are then to be taken in before the first step, which would otherwise be
        made for features of another scale than all later ones.
        """
        weights = self._theta.reshape(-1)[: self._n_features * self._distribution.outputs]
        return self.normalizer is not None and not self.normalizer.count and not weights.any()

    def _parts(self) -> list[Any]:
        """Objects whose attributes learning replaces; none is changed in place."""
        normalizer = [] if self.normalizer is None else [self.normalizer]
        return [self, self.feature_map, *normalizer]

    def distribution(self, phi: Floats, theta: Floats | None = None, mask: Any = None) -> Floats:
        """The distribution over actions in each state.

        Args:
            phi: features (n, n_features).
            theta: parameters of the shape of theta; None is the policy's own.
            mask: bool (n, n_actions), True where the action is allowed, for a `LinearSoftmax`; None
                allows all.

        Returns:
            `dist`, (n, k): ln pi of every action, or the means and ln sigma, by the policy's class.

        Raises:
            TypeError: arrays of another kind, or a mask for a policy that takes none.
            ValueError: another shape, a mask that allows no action in some state, or numbers whose
                products are not finite.
        """
        parameters = self._theta if theta is None else self._checked_theta(theta)
        return self.batch(phi, mask=mask).distribution(parameters)

    def sample(self, dist: Floats, uniforms: Any) -> npt.NDArray[Any]:
        """Sample actions by the inverse of the cumulative distribution function (CDF).

        Args:
            dist: distributions (n, k).
            uniforms: numbers in (0, 1), one for each number of an action: (n,) or (n, action size).

        Returns:
            n actions: int32 (n,) or (n, choices) of a `LinearSoftmax`, float64 (n, action_size) of
                a `LinearGaussian`.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
        """
        d = self._dist(dist)
        u = arrays.finite_floats("uniforms", np.reshape(uniforms, (len(d), -1)), (len(d), None))
        return self._public(self._distribution.sample(d, u))

    def mode(self, dist: Floats) -> npt.NDArray[Any]:
        """The most probable action in each state; the first one among equals.

        Args:
            dist: distributions (n, k).

        Returns:
            n actions, as of `sample`; of a `LinearGaussian` these are the means.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
        """
        return self._public(self._distribution.mode(self._dist(dist)))

    def log_prob(self, dist: Floats, actions: Any) -> Floats:
        """Ln pi(a_i|s_i) of given actions; a log density for a `LinearGaussian`.

        Args:
            dist: distributions (n, k).
            actions: of the n samples: integers (n,) or (n, choices) for a `LinearSoftmax`, numbers
                (n, action_size) for a `LinearGaussian`.

        Returns:
            (n,).

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
        """
        d = self._dist(dist)
        return self._distribution.log_prob(d, self._rows(actions, len(d)))

    def score_gradient(
        self,
        phi: Floats,
        dist: Floats,
        actions: Any,
        weights: Any,
        *,
        num_threads: int | None = None,
    ) -> Floats:
        """The mean over the batch of w_i grad ln pi(a_i|s_i).

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).
            actions: of the n samples: integers (n,) or (n, choices) for a `LinearSoftmax`, numbers
                (n, action_size) for a `LinearGaussian`.
            weights: w, (n,), such as advantages.
            num_threads: from 1 to 256, with the same result to the last bit; None is
                FASTPG_NUM_THREADS, else 1.

        Returns:
            The shape of theta.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
            OverflowError: features or weights so large that the sums are not finite.
        """
        batch = self.batch(phi, actions, num_threads=num_threads)
        n = len(batch.phi)
        w = arrays.shaped_floats("weights", weights, (n,))
        return self._shaped(batch.score_gradient(self._dist(dist, n), w))

    def compare(
        self, old_dist: Floats, new_dist: Floats, actions: Any, advantages: Any
    ) -> _core.UpdateStatistics:
        """Statistics of a step of the policy, over the batch that the step was computed from.

        Args:
            old_dist: distributions (n, k) before the step.
            new_dist: distributions (n, k) after the step, in the same states.
            actions: of the n samples: integers (n,) or (n, choices) for a `LinearSoftmax`, numbers
                (n, action_size) for a `LinearGaussian`.
            advantages: A, (n,).

        Returns:
            A `UpdateStatistics`.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
        """
        old = self._dist(old_dist)
        n = len(old)
        return self._distribution.compare(
            old,
            self._dist(new_dist, n),
            self._rows(actions, n),
            arrays.shaped_floats("advantages", advantages, (n,)),
        )

    def entropy(self, dist: Floats) -> Floats:
        """The entropy H(pi(.|s)) in each state; the differential entropy for a `LinearGaussian`.

        Args:
            dist: distributions (n, k).

        Returns:
            (n,), in nats.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
        """
        return self._distribution.entropy(self._dist(dist))

    def entropy_gradient(self, phi: Floats, dist: Floats) -> Floats:
        """Gradient of the mean entropy over the batch.

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).

        Returns:
            The shape of theta.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
            OverflowError: features so large that the sums are not finite.
        """
        batch = self.batch(phi)
        return self._shaped(batch.entropy_gradient(self._dist(dist, len(batch.phi))))

    def kl(self, old_dist: Floats, new_dist: Floats) -> Floats:
        """The exact KL(old | new) in each state (lecture L5).

        Args:
            old_dist: distributions (n, k).
            new_dist: distributions (n, k), in the same states.

        Returns:
            (n,), in nats.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
        """
        old = self._dist(old_dist)
        return self._distribution.kl(old, self._dist(new_dist, len(old)))

    def fisher_vector_product(
        self,
        phi: Floats,
        dist: Floats,
        vector: Any,
        actions: Any = None,
        *,
        num_threads: int | None = None,
    ) -> Floats:
        """The product F v of the Fisher matrix F with a vector (lecture L7).

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).
            vector: v, of the shape of theta, finite.
            actions: None, or the actions of the n samples: integers (n,) or (n, choices) for a
                `LinearSoftmax`, numbers (n, action_size) for a `LinearGaussian`.
                None sums the action out of F. With actions, F = mean_i score score^T at those
                actions: the option `fisher="sampled"`.
            num_threads: from 1 to 256, with the same result to the last bit; None is
                FASTPG_NUM_THREADS, else 1.

        Returns:
            F v, the shape of theta.

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
            OverflowError: features or a vector so large that the sums are not finite.
        """
        batch = self.batch(phi, actions, num_threads=num_threads)
        v = arrays.finite_floats("vector", vector, self.shape)
        d = self._dist(dist, len(batch.phi))
        return batch.fisher_vector_product(d, v, actions is not None)

    def fisher(
        self,
        phi: Floats,
        dist: Floats,
        actions: Any = None,
        *,
        num_threads: int | None = None,
    ) -> Floats:
        """The dense Fisher matrix F; use it only where theta has few parameters.

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).
            actions: as of `fisher_vector_product`.
            num_threads: from 1 to 256, with the same result to the last bit; None is
                FASTPG_NUM_THREADS, else 1.

        Returns:
            F, (theta.size, theta.size).

        Raises:
            TypeError: arrays of another kind, such as text.
            ValueError: another shape, or values that are not finite or out of range.
            OverflowError: features so large that the sums are not finite.
        """
        batch = self.batch(phi, actions, num_threads=num_threads)
        return batch.fisher(self._dist(dist, len(batch.phi)), actions is not None)

    def batch(
        self,
        phi: Floats,
        actions: Any = None,
        mask: Any = None,
        *,
        num_threads: int | None = None,
    ) -> _core.PolicyBatch:
        """States and actions as the kernels take them, converted and checked.

        Args:
            phi: features (n, n_features).
            actions: of the n samples, as of `score_gradient`; None where no method needs them.
            mask: bool (n, n_actions), True where the action is allowed; None allows all.
            num_threads: from 1 to 256, with the same result to the last bit; None is
                FASTPG_NUM_THREADS, else 1.

        Returns:
            The evaluator of the batch.

        Raises:
            TypeError: arrays of another kind, such as text, or a mask where there is none.
            ValueError: another shape, or values that are not finite or out of range.
        """
        features = self._phi(phi)
        return _core.PolicyBatch(
            self._distribution,
            features,
            None if actions is None else self._rows(actions, len(features)),
            self._mask(mask, len(features)),
            threads.num_threads(num_threads),
        )

    def for_environment(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The actions in the form that the environment gets.

        Args:
            actions: n actions, as `sample` returns them.

        Returns:
            The same actions here; a `LinearGaussian` clips them to its bounds.
        """
        return actions

    def _log(self, actions: npt.NDArray[Any]) -> dict[str, float]:
        """What to log of the policy as it is now, and of actions that were drawn from it before."""
        return {}

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> _core.Actor:
        """The form of the policy, for rollouts in C++, which get its parameters with it.

        Args:
            space: the action space of one environment.
            deterministic: take the most probable action instead of a sampled one.

        Returns:
            The actor that the rollouts in C++ use.

        Raises:
            TypeError: features that are a function, which C++ cannot compute.
            ValueError: for a `LinearGaussian`, a space that is no Box of shape (action_size,).
        """
        raise NotImplementedError

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

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._theta.flags.writeable = False
        if self.normalizer is not None:
            self.normalizer.use_in(self.feature_map)

    def _restore_normalizer(self, stored: dict[str, Any], count: Any) -> None:
        if self.normalizer is not None:
            self.normalizer.restore(stored["normalizer"], count)
            self.normalizer.use_in(self.feature_map)

    def _phi(self, phi: Floats) -> Floats:
        return arrays.features("phi", phi, self.n_features)

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        raise NotImplementedError

    def _mask(self, mask: Any, count: int) -> Bools | None:
        if mask is not None:
            raise TypeError(f"mask: {type(self).__name__} takes none")
        return None

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        raise NotImplementedError

    def _public(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return actions

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
            step_index: int64 (n,), steps in the episode; None is 0 for all.
            mask: bool (n, n_actions), True where the action is allowed; None allows all.
            stream: random numbers; None takes the most probable actions.
            draw: number of the draw in the stream, at least 0.

        Returns:
            n actions, as of `sample`.

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        native = self.feature_map.native
        if isinstance(native, _core.FeatureMap):
            return self._public(
                _core.act(
                    self._distribution,
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
        """The evaluator of samples of a rollout, which need no conversion.

        Args:
            observations: float32 (n, d), C-contiguous.
            step_index: int64 (n,).
            actions: int32 or float64, of n samples.
            mask: bool (n, n_actions), or None.
            num_threads: from 1 to 256.

        Returns:
            The evaluator, its features computed.
        """
        native = self.feature_map.native
        rows = actions.reshape(len(observations), self._action_size)
        if isinstance(native, _core.FeatureMap):
            return _core.PolicyBatch.of_observations(
                self._distribution, native, observations, step_index, rows, mask, num_threads
            )
        phi = native.features(observations, step_index, num_threads)
        return _core.PolicyBatch(self._distribution, phi, rows, mask, num_threads)

    def _rows(self, actions: Any, count: int) -> npt.NDArray[Any]:
        """Checked actions, (count, numbers of an action)."""
        return self._actions(actions, count).reshape(count, self._action_size)

    def _shaped(self, flat: Floats) -> Floats:
        return flat.reshape(self._theta.shape)


def single_space(env: Any, what: str) -> spaces.Space[Any]:
    """The observation or action space of one environment."""
    for name in (f"single_{what}_space", f"{what}_space"):
        space = getattr(env, name, None)
        if isinstance(space, spaces.Space):
            return space
    raise TypeError(f"env: expected an environment with an {what}_space, got {env!r}")


def observation_size(env: Any) -> int:
    """Length of a flat observation; `flat_size` says of which spaces."""
    return flat_size(single_space(env, "observation"))
