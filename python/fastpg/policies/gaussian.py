"""Gaussian policies: what does not depend on the network of the means."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays
from fastpg.arrays import Floats
from fastpg.policies.base import Policy, State
from fastpg.policies.env_spaces import observation_size, single_space

LOG_STD_RANGE = _core.LOG_STD_RANGE
_LEAST_LOG_STD, _MOST_LOG_STD = LOG_STD_RANGE


class Gaussian(Policy):
    """a ~ N(mean(s), diag sigma^2): base of `LinearGaussian` and `MlpGaussian`.

    theta is flat: the parameters of the network, then ln sigma (action_size,), which is the same in
    every state and in [-10, 2]: other values given are an error, and steps of learning stop at the
    bounds. With `state_dependent_std` ln sigma are outputs of the network, and no parameters.
    `dist` is (n, 2 action_size): the means, then ln sigma. Actions are stored and scored as they
    were drawn; the copy that an environment gets is clipped to its bounds.
    """

    state_dependent_std = False
    _distribution: _core.DiagGaussian | _core.StateStdGaussian

    def _set_actions(self, action_size: int, low: Any, high: Any, log_std_init: float) -> None:
        self.action_size = arrays.integer("action_size", action_size, 1, 2**20)
        self.log_std_init = arrays.between(
            "log_std_init", log_std_init, _LEAST_LOG_STD, _MOST_LOG_STD
        )
        least, most = self._bound("low", low, -np.inf), self._bound("high", high, np.inf)
        if (least > most).any():
            raise ValueError("low, high: expected low <= high")
        self.bounds = _read_only(least), _read_only(most)
        kind = _core.StateStdGaussian if self.state_dependent_std else _core.DiagGaussian
        self._distribution = kind(self.action_size)

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment with a Box of any shape as its action space.

        Args:
            env: an environment or a vector environment; observations are flattened.
            **arguments: the other arguments of the class, such as `log_std_init`.

        Raises:
            ValueError: other actions, or observations that cannot be flattened.
            TypeError: an unknown argument.
        """
        cls._require_known(arguments)
        action = cls._box(env)
        low, high = action.low.ravel(), action.high.ravel()
        return cls(observation_size(env), low.size, low=low, high=high, **arguments)

    @classmethod
    def _sizes(cls, env: Any) -> dict[str, Any]:
        return {"observation_size": observation_size(env), "action_size": cls._box(env).low.size}

    @classmethod
    def _box(cls, env: Any) -> spaces.Box:
        action = single_space(env, "action")
        if not isinstance(action, spaces.Box):
            raise ValueError(f"{cls.__name__}: expected a Box action space, got {action}")
        if action.dtype.kind not in "fiu" or not action.low.size:  # flags, or none
            raise ValueError(
                f"{cls.__name__}: expected a Box action space with numbers, got {action}"
            )
        return action

    @property
    def log_std(self) -> Floats:
        """The vector ln sigma, (action_size,); AttributeError with `state_dependent_std`."""
        if self.state_dependent_std:
            raise AttributeError("log_std: it depends on the state: see `distribution`")
        return self._own(self._theta)

    def _own(self, theta: Floats) -> Floats:
        """The parameters of the distribution itself: ln sigma, or none."""
        return theta[self._network.parameters :]

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

    def _log(self, samples: _core.PolicyBatch, actions: npt.NDArray[Any]) -> dict[str, float]:
        """Mean sigma, and the fraction of the action components that are outside the bounds."""
        return {
            "train/std": self._mean_std(samples),
            "rollout/clipped_actions": _share_outside(actions, self.low, self.high),
        }

    def _mean_std(self, samples: _core.PolicyBatch) -> float:
        if self.state_dependent_std:
            log_std = samples.distribution(self._theta)[:, self.action_size :]
            return float(np.exp(log_std).mean())
        sigmas = [math.exp(log_std) for log_std in self.log_std.tolist()]
        return sum(sigmas) / len(sigmas)

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> _core.Actor:
        """See `Policy`."""
        if not isinstance(space, spaces.Box) or space.shape != (self.action_size,):
            raise ValueError(
                f"policy: expected a Box ({self.action_size},) action space, got {space}"
            )
        low, high = (np.clip(bound, space.low, space.high) for bound in (self.low, self.high))
        return _core.Actor.gaussian(
            self.feature_map.core,
            self._network,
            low.tolist(),
            high.tolist(),
            deterministic,
            self.state_dependent_std,
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

    def _own_initial(self) -> Floats:
        return np.full(self._distribution.own_parameters, self.log_std_init)

    def _require_kept(self, theta: Floats) -> None:
        log_std = self._own(theta)
        beyond = (log_std < _LEAST_LOG_STD) | (log_std > _MOST_LOG_STD)
        if beyond.any():
            raise ValueError(
                f"theta: expected ln sigma in [{_LEAST_LOG_STD:g}, {_MOST_LOG_STD:g}], "
                f"got {log_std[beyond][0]}"
            )

    def _project(self, theta: Floats) -> Floats:
        log_std = self._own(theta)
        np.clip(log_std, _LEAST_LOG_STD, _MOST_LOG_STD, out=log_std)
        return theta

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        return arrays.shaped_floats("dist", dist, (rows, 2 * self.action_size))

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        return arrays.shaped_floats("actions", actions, (count, self.action_size))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(observation_size={self.observation_size}, "
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
