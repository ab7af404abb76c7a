"""Policies that are linear in features: all they compute over a batch, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays
from fastpg.arrays import Bools, Floats
from fastpg.features import FeatureMap, Identity, RunningNormalizer, make_features
from fastpg.naming import unknown

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]

_MOST = 1e150  # beyond it products with float32 observations may overflow


class LinearPolicy:
    """Base of `LinearSoftmax` and `LinearGaussian`.

    Batches are features `phi` of shape (n, n_features), made by `features`, and distributions
    `dist`, made by `distribution`. Gradients have the shape of theta and are means over the batch;
    the flat order of parameters is `theta.ravel()`.

    Args:
        features: the map of observations and steps to features; `Identity` by default.
        normalize_observations: keep a running mean and standard deviation of the observations and
            normalise by them before the features. They are saved with the policy, change only
            while learning, and never within an iteration.
        theta: parameters; by default those of the uniform policy, or of mean 0.
    """

    kind: ClassVar[str]
    masked: ClassVar[bool] = False
    _head: _core.CategoricalHead | _core.GaussianHead

    def _set_up(
        self,
        observation_size: int,
        features: FeatureMap | None,
        normalize_observations: bool,
        theta: Any,
    ) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        if features is not None and not isinstance(features, FeatureMap):
            raise TypeError(f"features: expected a feature map, got {features!r}")
        # A map of its own: the normalisation is set inside it.
        self.feature_map = (
            Identity(self.observation_size) if features is None else make_features(features.state())
        )
        if self.feature_map.observation_size != self.observation_size:
            raise ValueError(
                f"features: expected a map of {self.observation_size} numbers, got one of "
                f"{self.feature_map.observation_size}"
            )
        wanted = arrays.boolean("normalize_observations", normalize_observations)
        self.normalizer = RunningNormalizer(self.observation_size) if wanted else None
        self.theta = self._initial_theta() if theta is None else theta

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment's spaces."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of theta."""
        raise NotImplementedError

    def _initial_theta(self) -> Floats:
        return np.zeros(self.shape)

    @property
    def n_features(self) -> int:
        """Number of features, the constant included."""
        return self.feature_map.size

    @property
    def theta(self) -> Floats:
        """The parameters, float64. Assigning copies and checks."""
        return self._theta

    @theta.setter
    def theta(self, value: Any) -> None:
        self._theta = self._project(self._checked_theta(value))
        self._theta.flags.writeable = False

    def _checked_theta(self, value: Any) -> Floats:
        checked = arrays.floats("theta", value, self.shape)
        if np.abs(checked).max() > _MOST:
            raise ValueError(f"theta: expected magnitudes of at most {_MOST:g}")
        return checked.copy()

    def _project(self, theta: Floats) -> Floats:
        return theta

    def features(self, observations: Any, step_index: Any = None) -> Floats:
        """phi(s, h), (n, n_features), of observations (n, d) at steps (n,), 0 by default."""
        return self.feature_map(observations, step_index)

    def observe(self, observations: npt.NDArray[Any]) -> None:
        """Take observations (n, d) into the running normalisation, if there is one."""
        if self.normalizer is not None:
            self.normalizer.update(observations)
            self.normalizer.use_in(self.feature_map)

    def distribution(self, phi: Floats, theta: Floats | None = None, mask: Any = None) -> Floats:
        """What the policy says in each state: `dist`, at `theta` or the policy's own.

        Args:
            phi: features (n, n_features).
            theta: other parameters.
            mask: bool, actions that are allowed, where the policy takes a mask.
        """
        parameters = self._theta if theta is None else self._checked_theta(theta)
        features = self._phi(phi)
        return self._head.distribution(features, parameters.ravel(), self._mask(mask, features))

    def sample(self, dist: Floats, uniforms: Any) -> npt.NDArray[Any]:
        """Actions by inverse CDF from uniforms in (0, 1), one for each number of an action."""
        d = self._dist(dist)
        u = arrays.floats("uniforms", np.reshape(uniforms, (len(d), -1)), (len(d), None))
        return self._public(self._head.sample(d, u))

    def mode(self, dist: Floats) -> npt.NDArray[Any]:
        """The most probable actions; the first of equals."""
        return self._public(self._head.mode(self._dist(dist)))

    def log_prob(self, dist: Floats, actions: Any) -> Floats:
        """Ln pi(a_i|s_i), (n,), of the actions given."""
        d = self._dist(dist)
        return self._head.log_prob(d, self._actions(actions, len(d)))

    def score_gradient(self, phi: Floats, dist: Floats, actions: Any, weights: Any) -> Floats:
        """mean_i w_i grad ln pi(a_i|s_i), the shape of theta; weights (n,)."""
        features = self._phi(phi)
        n = len(features)
        return self._shaped(
            self._head.score_gradient(
                features,
                self._dist(dist, n),
                self._actions(actions, n),
                arrays.floats("weights", weights, (n,)),
            )
        )

    def entropy(self, dist: Floats) -> Floats:
        """H(pi(.|s)) in nats, (n,)."""
        return self._head.entropy(self._dist(dist))

    def entropy_gradient(self, phi: Floats, dist: Floats) -> Floats:
        """Gradient of the mean entropy, the shape of theta."""
        features = self._phi(phi)
        gradient = self._head.entropy_gradient(features, self._dist(dist, len(features)))
        return self._shaped(gradient)

    def kl(self, old_dist: Floats, new_dist: Floats) -> Floats:
        """KL(old | new) of every row, (n,), exact (lecture L5)."""
        old = self._dist(old_dist)
        return self._head.kl(old, self._dist(new_dist, len(old)))

    def fisher_vector_product(
        self, phi: Floats, dist: Floats, vector: Any, actions: Any = None
    ) -> Floats:
        """F v, the shape of theta, the action summed out of F (lecture L7).

        With `actions`, F = mean_i score score^T at those actions: `fisher="sampled"`.
        """
        features = self._phi(phi)
        n = len(features)
        v = arrays.floats("vector", vector, self.shape).ravel()
        return self._shaped(
            self._head.fisher_vector_product(
                features, self._dist(dist, n), v, self._taken(actions, n)
            )
        )

    def fisher(self, phi: Floats, dist: Floats, actions: Any = None) -> Floats:
        """The dense Fisher matrix, theta.size squared: for few parameters."""
        features = self._phi(phi)
        n = len(features)
        return self._head.fisher(features, self._dist(dist, n), self._taken(actions, n))

    def for_environment(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The copy of some actions that an environment gets."""
        return actions

    @property
    def native(self) -> tuple[_core.FeatureMap, Floats]:
        """What a rollout in C++ needs."""
        return self.feature_map.native, self._theta.ravel()

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

    def _restore_normalizer(self, stored: dict[str, Any], count: Any) -> None:
        if self.normalizer is not None:
            self.normalizer.restore(stored["normalizer"], count)
            self.normalizer.use_in(self.feature_map)

    def _phi(self, phi: Floats) -> Floats:
        return arrays.floats("phi", phi, (None, self.n_features))

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        raise NotImplementedError

    def _mask(self, mask: Any, features: Floats) -> Bools | None:
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
        return flat.reshape(self.shape)


class LinearSoftmax(LinearPolicy):
    """pi(a|s) proportional to exp(phi(s)^T theta_a) (lecture L7).

    theta has shape (n_features, n_actions). `dist` is ln pi of every action, (n, n_actions). With
    several choices (MultiDiscrete) their columns stand side by side and an action is (n, choices).

    Args:
        observation_size: length d of an observation.
        n_actions: number of discrete actions, or one number for each choice.
        theta: parameters (n_features, n_actions); zeros, the uniform policy, by default.
        features: see `LinearPolicy`.
        normalize_observations: see `LinearPolicy`.
    """

    kind = "linear_softmax"
    masked = True
    _head: _core.CategoricalHead

    def __init__(
        self,
        observation_size: int,
        n_actions: int | Sequence[int],
        theta: Any = None,
        *,
        features: FeatureMap | None = None,
        normalize_observations: bool = False,
    ) -> None:
        self.single = not isinstance(n_actions, Sequence | np.ndarray)
        given = [n_actions] if self.single else list(n_actions)  # type: ignore[arg-type]
        self.choices = [arrays.integer("n_actions", count, 1, 2**20) for count in given]
        self._head = _core.CategoricalHead(self.choices)
        self._set_up(observation_size, features, normalize_observations, theta)

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment's spaces: Box (d,) and Discrete or MultiDiscrete.

        Args:
            env: an environment or a vector environment.
            **arguments: `features`, `normalize_observations`.
        """
        size, action = observation_size(env), single_space(env, "action")
        if isinstance(action, spaces.Discrete) and action.start == 0:
            return cls(size, int(action.n), **arguments)
        if isinstance(action, spaces.MultiDiscrete) and action.nvec.ndim == 1:
            return cls(size, action.nvec.tolist(), **arguments)
        raise ValueError(
            f"LinearSoftmax: expected a Discrete action space from 0 or MultiDiscrete, got {action}"
        )

    @property
    def n_actions(self) -> int:
        """Number of actions, of all choices together."""
        return self._head.outputs

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_features, n_actions)."""
        return self.n_features, self.n_actions

    def log_probs(self, phi: Floats, theta: Floats | None = None, mask: Any = None) -> Floats:
        """Ln pi of every action, (n, n_actions): the `distribution`."""
        return self.distribution(phi, theta, mask)

    def state(self) -> State:
        """As of every policy, with the number of actions."""
        stored, meta = super().state()
        return stored, meta | {"n_actions": self.choices[0] if self.single else self.choices}

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        return arrays.log_probs("dist", dist, (rows, self.n_actions))

    def _mask(self, mask: Any, features: Floats) -> Bools | None:
        if mask is None:
            return None
        return arrays.flags("mask", mask, (len(features), self.n_actions))

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        shape = (count,) if self.single else (count, len(self.choices))
        return arrays.actions("actions", actions, shape, self.choices)

    def _public(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return actions[:, 0] if self.single else actions

    def __repr__(self) -> str:
        n_actions = self.choices[0] if self.single else self.choices
        return f"LinearSoftmax(observation_size={self.observation_size}, n_actions={n_actions})"


class LinearGaussian(LinearPolicy):
    """a ~ N(phi(s)^T W, diag sigma^2), sigma the same in every state (lecture L5, L7).

    theta is flat: W (n_features, action_size) in C order, then ln sigma (action_size,), which is
    kept within [-10, 2]. `dist` is (n, 2 action_size): the means, then ln sigma. Actions are stored
    and scored as they were drawn; the copy that an environment gets is clipped to its bounds.

    Args:
        observation_size: length d of an observation.
        action_size: length of an action.
        theta: parameters; by default mean 0 and sigma 1 (or `log_std_init`).
        features: see `LinearPolicy`.
        normalize_observations: see `LinearPolicy`.
        low: lower bounds of the actions that the environment gets, (action_size,).
        high: upper bounds.
        log_std_init: ln sigma at the start.
    """

    kind = "linear_gaussian"
    _head: _core.GaussianHead

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        theta: Any = None,
        *,
        features: FeatureMap | None = None,
        normalize_observations: bool = False,
        low: Any = None,
        high: Any = None,
        log_std_init: float = 0.0,
    ) -> None:
        self.action_size = arrays.integer("action_size", action_size, 1, 2**20)
        self.log_std_init = arrays.number("log_std_init", log_std_init)
        self.low = self._bound("low", low, -np.inf)
        self.high = self._bound("high", high, np.inf)
        self._head = _core.GaussianHead(self.action_size)
        self._set_up(observation_size, features, normalize_observations, theta)

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment's spaces: Box (d,) and Box (m,).

        Args:
            env: an environment or a vector environment.
            **arguments: `features`, `normalize_observations`, `log_std_init`.
        """
        size, action = observation_size(env), single_space(env, "action")
        if not isinstance(action, spaces.Box) or len(action.shape) != 1:
            raise ValueError(f"LinearGaussian: expected a Box (m,) action space, got {action}")
        return cls(size, action.shape[0], low=action.low, high=action.high, **arguments)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_features action_size + action_size,)."""
        return ((self.n_features + 1) * self.action_size,)

    @property
    def weights(self) -> Floats:
        """W, (n_features, action_size)."""
        return self._theta[: -self.action_size].reshape(self.n_features, self.action_size)

    @property
    def log_std(self) -> Floats:
        """Ln sigma, (action_size,)."""
        return self._theta[-self.action_size :]

    def for_environment(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The actions clipped to the environment's bounds."""
        clipped: npt.NDArray[Any] = np.clip(actions, self.low, self.high)
        return clipped

    def state(self) -> State:
        """As of every policy, with the size and bounds of an action."""
        stored, meta = super().state()
        stored = stored | {"low": self.low, "high": self.high}
        return stored, meta | {"action_size": self.action_size, "log_std_init": self.log_std_init}

    def _bound(self, name: str, given: Any, default: float) -> Floats:
        if given is None:
            return np.full(self.action_size, default)
        bound = np.asarray(given, dtype=np.float64)
        if bound.shape != (self.action_size,) or np.isnan(bound).any():
            raise ValueError(f"{name}: expected {self.action_size} numbers, got {given!r}")
        return bound

    def _initial_theta(self) -> Floats:
        theta = np.zeros(self.shape)
        theta[-self.action_size :] = self.log_std_init
        return theta

    def _project(self, theta: Floats) -> Floats:
        theta[-self.action_size :] = np.clip(theta[-self.action_size :], -10.0, 2.0)
        return theta

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        return arrays.floats("dist", dist, (rows, 2 * self.action_size))

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        return arrays.floats("actions", actions, (count, self.action_size))

    def __repr__(self) -> str:
        return (
            f"LinearGaussian(observation_size={self.observation_size}, "
            f"action_size={self.action_size})"
        )


def single_space(env: Any, what: str) -> spaces.Space[Any]:
    """The observation or action space of one environment."""
    for name in (f"single_{what}_space", f"{what}_space"):
        space = getattr(env, name, None)
        if isinstance(space, spaces.Space):
            return space
    raise TypeError(f"env: expected an environment with an {what}_space, got {env!r}")


def observation_size(env: Any) -> int:
    """Length of an observation after flattening."""
    space = single_space(env, "observation")
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return space.shape[0]
    raise ValueError(f"env: expected a Box (d,) observation space, got {space}")


POLICIES = ("linear",)


def make_policy(policy: str | LinearPolicy, env: Any) -> LinearPolicy:
    """The policy itself, or the one that a name stands for, fitted to the environment."""
    if isinstance(policy, str):
        if policy not in POLICIES:
            raise ValueError(
                f"{unknown('policy', policy, POLICIES)}: 'linear' is LinearSoftmax for discrete "
                "actions and LinearGaussian for a Box"
            )
        continuous = isinstance(single_space(env, "action"), spaces.Box)
        return (LinearGaussian if continuous else LinearSoftmax).for_env(env)
    if not isinstance(policy, LinearPolicy):
        raise TypeError(f"policy: expected a policy or its name, got {policy!r}")
    require_fit(policy, env)
    return policy


def require_fit(policy: LinearPolicy, env: Any) -> None:
    """Raise ValueError unless the policy's sizes are those of the environment's spaces."""
    fitting = type(policy).for_env(env)
    for name in ("observation_size", "choices", "action_size"):
        expected, got = getattr(fitting, name, None), getattr(policy, name, None)
        if expected != got:
            raise ValueError(f"env: expected spaces of a policy with {name} {got}, got {expected}")


def restore_policy(stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> LinearPolicy:
    """The policy of a `state`."""
    arguments: dict[str, Any] = {
        "observation_size": meta["observation_size"],
        "features": make_features(meta["features"]),
        "normalize_observations": meta["normalizer_count"] is not None,
        "theta": stored["theta"],
    }
    policy: LinearPolicy
    if meta["kind"] == LinearSoftmax.kind:
        policy = LinearSoftmax(n_actions=meta["n_actions"], **arguments)
    elif meta["kind"] == LinearGaussian.kind:
        policy = LinearGaussian(
            action_size=meta["action_size"],
            low=stored["low"],
            high=stored["high"],
            log_std_init=meta["log_std_init"],
            **arguments,
        )
    else:
        raise ValueError(f"policy: unknown kind {meta['kind']!r}")
    policy._restore_normalizer(stored, meta["normalizer_count"])
    return policy
