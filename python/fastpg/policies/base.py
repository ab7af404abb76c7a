"""What every policy that is linear in features computes over a batch, in closed form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self, overload

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays, threads
from fastpg.arrays import AnyFloats, Bools, Floats
from fastpg.policies.feature_choice import Features, choose_features
from fastpg.policies.features import RunningNormalizer
from fastpg.spaces import flat_size
from fastpg.suggestions import unknown

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]
Undo = Callable[[], None]
Actor = _core.SoftmaxActor | _core.GaussianActor

# Arguments of a policy that `for_env` takes from the spaces.
_OF_SPACES = ("observation_size", "n_actions", "action_size", "low", "high")

_MOST = 1e150  # beyond it products with float32 observations may overflow


class UpdateStatistics(NamedTuple):
    """What a step did, over the batch that it was made from; w are the ratios new to old.

    kl: mean KL(old | new) in nats, the action summed out. approx_kl: mean of (w - 1) - ln w.
    effective_sample_size: (sum w)^2 / sum w^2. entropy: mean, of the new policy. objective_before:
    mean of the advantages A. objective: mean of w A.
    """

    kl: float
    approx_kl: float
    effective_sample_size: float
    entropy: float
    objective_before: float
    objective: float


class LinearPolicy:
    """Base of `LinearSoftmax` and `LinearGaussian`.

    Batches are features `phi` of shape (n, n_features), made by `features`, and distributions
    `dist`, made by `distribution`. Gradients have the shape of theta and are means over the batch;
    the flat order of parameters is `theta.ravel()`.

    `phi` is float64, or float32: then its products with vectors are float32 within a block of rows,
    sums over blocks, distributions and all else double. `num_threads` (None: FASTPG_NUM_THREADS,
    else 1) changes no bit of a result.

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
    masked: ClassVar[bool] = False
    _head: _core.CategoricalHead | _core.GaussianHead

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

    @overload
    def features(self, observations: Any, step_index: Any = None) -> Floats: ...
    @overload
    def features(
        self, observations: Any, step_index: Any = None, *, dtype: npt.DTypeLike
    ) -> AnyFloats: ...
    def features(
        self, observations: Any, step_index: Any = None, *, dtype: npt.DTypeLike = np.float64
    ) -> AnyFloats:
        """Features phi(s, h) of observations s at steps h of the episode.

        Args:
            observations: (n, d), finite.
            step_index: steps in the episode, integers (n,), at least 0; None is 0 for all.
            dtype: float64 or float32.

        Returns:
            phi, (n, n_features), of that dtype.

        Raises:
            TypeError: observations that are not real numbers, or steps that are not integers.
            ValueError: another shape or dtype, values that are not finite, or a negative step.
        """
        if dtype not in (np.float64, np.float32):
            raise ValueError(f"dtype: expected float64 or float32, got {dtype!r}")
        return self.feature_map(observations, step_index).astype(dtype, copy=False)

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
        weights = self._theta.reshape(-1)[: self._n_features * self._head.outputs]
        return self.normalizer is not None and not self.normalizer.count and not weights.any()

    def _keep(self) -> Undo:
        """What brings back parameters and normalisation as they are now."""
        theta, native, normalizer = self._theta, self.feature_map.native, self.normalizer
        moments = None if normalizer is None else normalizer._keep()

        def undo() -> None:
            self._theta, self.feature_map.native = theta, native
            if moments is not None:
                moments()

        return undo

    def distribution(self, phi: AnyFloats, theta: Floats | None = None, mask: Any = None) -> Floats:
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
        features = self._phi(phi)
        return self._head.distribution(features, parameters.ravel(), self._mask(mask, features))

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
        return self._public(self._head.sample(d, u))

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
        return self._public(self._head.mode(self._dist(dist)))

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
        return self._head.log_prob(d, self._actions(actions, len(d)))

    def score_gradient(
        self,
        phi: AnyFloats,
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
        features = self._phi(phi)
        n = len(features)
        return self._shaped(
            self._head.score_gradient(
                features,
                self._dist(dist, n),
                self._actions(actions, n),
                arrays.shaped_floats("weights", weights, (n,)),
                0.0,
                threads.num_threads(num_threads),
            )
        )

    def compare(
        self, old_dist: Floats, new_dist: Floats, actions: Any, advantages: Any
    ) -> UpdateStatistics:
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
        return UpdateStatistics(
            *self._head.compare(
                old,
                self._dist(new_dist, n),
                self._actions(actions, n),
                arrays.shaped_floats("advantages", advantages, (n,)),
            )
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
        return self._head.entropy(self._dist(dist))

    def entropy_gradient(self, phi: AnyFloats, dist: Floats) -> Floats:
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
        features = self._phi(phi)
        gradient = self._head.entropy_gradient(features, self._dist(dist, len(features)))
        return self._shaped(gradient)

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
        return self._head.kl(old, self._dist(new_dist, len(old)))

    def fisher_vector_product(
        self,
        phi: AnyFloats,
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
        features = self._phi(phi)
        n = len(features)
        v = arrays.finite_floats("vector", vector, self.shape).ravel()
        return self._shaped(
            self._head.fisher_vector_product(
                features,
                self._dist(dist, n),
                v,
                self._taken(actions, n),
                threads.num_threads(num_threads),
            )
        )

    def fisher(
        self,
        phi: AnyFloats,
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
        features = self._phi(phi)
        n = len(features)
        return self._head.fisher(
            features,
            self._dist(dist, n),
            self._taken(actions, n),
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

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> Actor:
        """A copy of the policy with its present parameters, for a rollout in C++.

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

    def _phi(self, phi: AnyFloats) -> AnyFloats:
        return arrays.features("phi", phi, self.n_features)

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        raise NotImplementedError

    def _mask(self, mask: Any, features: AnyFloats) -> Bools | None:
        if mask is not None:
            raise TypeError(f"mask: {type(self).__name__} takes none")
        return None

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        raise NotImplementedError

    def _public(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return actions

    def _taken(self, actions: Any, count: int) -> npt.NDArray[Any] | None:
        return None if actions is None else self._actions(actions, count)

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
