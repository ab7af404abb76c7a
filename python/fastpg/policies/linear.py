"""LinearSoftmax and LinearGaussian."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays
from fastpg.arrays import Bools, Floats
from fastpg.policies.base import LinearPolicy, State
from fastpg.policies.env_spaces import observation_size, single_space
from fastpg.policies.feature_choice import Features

LOG_STD_RANGE = _core.LOG_STD_RANGE
_LEAST_LOG_STD, _MOST_LOG_STD = LOG_STD_RANGE


class LinearSoftmax(LinearPolicy):
    """pi(a|s) proportional to exp(phi(s)^T theta_a) (lecture L7).

    theta has shape (n_features, n_actions). `dist` is ln pi of every action, (n, n_actions). With
    several choices (MultiDiscrete) their columns stand side by side and an action is (n, choices).

    Args:
        observation_size: length d of an observation.
        n_actions: number of discrete actions, or one number for each choice.
        theta: parameters (n_features, n_actions); zeros, the uniform policy, by default.
        features, features_kwargs: see `LinearPolicy`.
        normalize_observations: see `LinearPolicy`.
    """

    kind = "linear_softmax"
    masked = True
    _distribution: _core.Categorical

    def __init__(
        self,
        observation_size: int,
        n_actions: int | Sequence[int],
        theta: Any = None,
        *,
        features: Features = None,
        features_kwargs: Mapping[str, Any] | None = None,
        normalize_observations: bool = False,
    ) -> None:
        self.single = not isinstance(n_actions, Sequence | np.ndarray)
        given = [n_actions] if self.single else list(n_actions)  # type: ignore[arg-type]
        self.choices = [arrays.integer("n_actions", count, 1, 2**20) for count in given]
        self._distribution = _core.Categorical(self.choices)
        self._set_up(observation_size, features, features_kwargs, normalize_observations, theta)

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment with Discrete or MultiDiscrete actions.

        Args:
            env: an environment or a vector environment; observations are flattened.
            **arguments: `features`, `features_kwargs`, `normalize_observations`, `theta`.

        Raises:
            ValueError: other actions, observations that cannot be flattened, or `log_std_init`.
            TypeError: an unknown argument.
        """
        size, action = observation_size(env), single_space(env, "action")
        if "log_std_init" in arguments:
            raise ValueError(f"log_std_init: allowed only with a Box of actions, got {action}")
        cls._require_known(arguments)
        if isinstance(action, spaces.Discrete):
            return cls(size, int(action.n), **arguments)
        if isinstance(action, spaces.MultiDiscrete):
            return cls(size, action.nvec.ravel().tolist(), **arguments)
        raise ValueError(
            f"LinearSoftmax: expected a Discrete action space or MultiDiscrete, got {action}"
        )

    @property
    def n_actions(self) -> int:
        """Number of actions, of all choices together."""
        return self._distribution.outputs

    def _theta_shape(self) -> tuple[int, ...]:
        return self.n_features, self.n_actions

    def log_probs(self, phi: Floats, theta: Floats | None = None, mask: Any = None) -> Floats:
        """Ln pi of every action, (n, n_actions): the same as `distribution`."""
        return self.distribution(phi, theta, mask)

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> _core.Actor:
        """See `LinearPolicy`."""
        return _core.Actor.softmax(self.feature_map.core, self.n_actions, deterministic)

    def state(self) -> State:
        """As for every policy, with the number of actions."""
        stored, meta = super().state()
        return stored, meta | {"n_actions": self.choices[0] if self.single else self.choices}

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        return arrays.shaped_floats("dist", dist, (rows, self.n_actions))

    def _mask(self, mask: Any, count: int) -> Bools | None:
        if mask is None:
            return None
        return arrays.flags("mask", mask, (count, self.n_actions))

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

    theta is flat: W (n_features, action_size) in C order, then ln sigma (action_size,), which must
    be in [-10, 2]; steps of learning clip it to these bounds. `dist` is (n, 2 action_size): the
    means, then ln sigma. Actions are stored and scored as they were drawn; the copy that an
    environment gets is clipped to its bounds.

    Args:
        observation_size: length d of an observation.
        action_size: length of an action.
        theta: parameters; by default mean 0 and sigma 1 (or `log_std_init`).
        features, features_kwargs: see `LinearPolicy`.
        normalize_observations: see `LinearPolicy`.
        low: lower bounds of the actions that the environment gets, (action_size,).
        high: upper bounds.
        log_std_init: ln sigma at the start, in [-10, 2].
    """

    kind = "linear_gaussian"
    _distribution: _core.DiagGaussian

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        theta: Any = None,
        *,
        features: Features = None,
        features_kwargs: Mapping[str, Any] | None = None,
        normalize_observations: bool = False,
        low: Any = None,
        high: Any = None,
        log_std_init: float = 0.0,
    ) -> None:
        self.action_size = arrays.integer("action_size", action_size, 1, 2**20)
        self.log_std_init = arrays.between(
            "log_std_init", log_std_init, _LEAST_LOG_STD, _MOST_LOG_STD
        )
        least, most = self._bound("low", low, -np.inf), self._bound("high", high, np.inf)
        if (least > most).any():
            raise ValueError("low, high: expected low <= high")
        self.bounds = _read_only(least), _read_only(most)
        self._distribution = _core.DiagGaussian(self.action_size)
        self._set_up(observation_size, features, features_kwargs, normalize_observations, theta)

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment with a Box of any shape as its action space.

        Args:
            env: an environment or a vector environment; observations are flattened.
            **arguments: `features`, `features_kwargs`, `normalize_observations`, `log_std_init`,
                `theta`.

        Raises:
            ValueError: other actions, or observations that cannot be flattened.
            TypeError: an unknown argument.
        """
        size, action = observation_size(env), single_space(env, "action")
        cls._require_known(arguments)
        if not isinstance(action, spaces.Box):
            raise ValueError(f"LinearGaussian: expected a Box action space, got {action}")
        low, high = action.low.ravel(), action.high.ravel()
        return cls(size, low.size, low=low, high=high, **arguments)

    def _theta_shape(self) -> tuple[int, ...]:
        return ((self.n_features + 1) * self.action_size,)

    @property
    def weights(self) -> Floats:
        """W, (n_features, action_size)."""
        return self._theta[: -self.action_size].reshape(self.n_features, self.action_size)

    @property
    def log_std(self) -> Floats:
        """Ln sigma, (action_size,)."""
        return self._theta[-self.action_size :]

    @property
    def low(self) -> Floats:
        """Lower bounds of the actions that the environment gets, (action_size,), read-only."""
        return self.bounds[0]

    @property
    def high(self) -> Floats:
        """Upper bounds, as `low`."""
        return self.bounds[1]

    def keep_within(self, space: spaces.Box) -> None:
        """Narrow the bounds `low` and `high`, so that clipped actions lie in this space.

        Args:
            space: a Box with action_size numbers.
        """
        low, high = space.low.ravel(), space.high.ravel()
        self.bounds = (
            _read_only(np.clip(self.low, low, high)),
            _read_only(np.clip(self.high, low, high)),
        )

    def for_environment(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The actions clipped to the bounds `low` and `high`.

        Args:
            actions: (n, action_size).

        Returns:
            A new array of the same shape.
        """
        clipped: npt.NDArray[Any] = np.minimum(np.maximum(actions, self.low), self.high)
        return clipped

    def _log(self, actions: npt.NDArray[Any]) -> dict[str, float]:
        """Mean sigma, and the fraction of the action components that are outside the bounds."""
        sigmas = [math.exp(log_std) for log_std in self.log_std.tolist()]
        return {
            "train/std": sum(sigmas) / len(sigmas),
            "rollout/clipped_actions": _share_outside(actions, self.low, self.high),
        }

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> _core.Actor:
        """See `LinearPolicy`."""
        if not isinstance(space, spaces.Box) or space.shape != (self.action_size,):
            raise ValueError(
                f"policy: expected a Box ({self.action_size},) action space, got {space}"
            )
        low, high = (np.clip(bound, space.low, space.high) for bound in (self.low, self.high))
        return _core.Actor.gaussian(
            self.feature_map.core, low.tolist(), high.tolist(), deterministic
        )

    def state(self) -> State:
        """As for every policy, with the size and bounds of an action."""
        stored, meta = super().state()
        stored = stored | {"low": self.low, "high": self.high}
        return stored, meta | {"action_size": self.action_size, "log_std_init": self.log_std_init}

    def _bound(self, name: str, given: Any, default: float) -> Floats:
        if given is None:
            return np.full(self.action_size, default)
        bound = arrays.as_float64(name, given)
        if bound.shape != (self.action_size,) or np.isnan(bound).any():
            raise ValueError(f"{name}: expected {self.action_size} numbers, got {given!r}")
        return bound

    def _initial_theta(self) -> Floats:
        theta = np.zeros(self.shape)
        theta[-self.action_size :] = self.log_std_init
        return theta

    def _require_kept(self, theta: Floats) -> None:
        log_std = theta[-self.action_size :]
        beyond = (log_std < _LEAST_LOG_STD) | (log_std > _MOST_LOG_STD)
        if beyond.any():
            raise ValueError(
                f"theta: expected ln sigma in [{_LEAST_LOG_STD:g}, {_MOST_LOG_STD:g}], "
                f"got {log_std[beyond][0]}"
            )

    def _project(self, theta: Floats) -> Floats:
        log_std = theta[-self.action_size :]
        np.clip(log_std, _LEAST_LOG_STD, _MOST_LOG_STD, out=log_std)
        return theta

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        return arrays.shaped_floats("dist", dist, (rows, 2 * self.action_size))

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        return arrays.shaped_floats("actions", actions, (count, self.action_size))

    def __repr__(self) -> str:
        return (
            f"LinearGaussian(observation_size={self.observation_size}, "
            f"action_size={self.action_size})"
        )


def _read_only(values: Floats) -> Floats:
    copied = values.copy()
    copied.flags.writeable = False
    return copied


def _share_outside(actions: npt.NDArray[Any], low: Floats, high: Floats) -> float:
    """Share of numbers (n, size) outside [low, high], (size,) each."""
    lows, highs = set(low.tolist()), set(high.tolist())
    if len(lows) == 1 == len(highs):  # scalars are faster
        least, greatest = lows.pop(), highs.pop()
        if least == -greatest:
            outside = np.count_nonzero(np.abs(actions) > greatest)
        else:
            outside = np.count_nonzero(actions < least) + np.count_nonzero(actions > greatest)
    else:
        outside = np.count_nonzero((actions < low) | (actions > high))
    return int(outside) / actions.size
