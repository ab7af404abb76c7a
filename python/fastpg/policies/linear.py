"""LinearSoftmax and LinearGaussian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastpg import _core
from fastpg.arrays import Floats
from fastpg.policies.feature_choice import Features
from fastpg.policies.gaussian import Gaussian
from fastpg.policies.softmax import Softmax


class LinearSoftmax(Softmax):
    """pi(a|s) proportional to exp(phi(s)^T theta_a) (lecture L7).

    theta has shape (n_features, n_actions). `dist` is ln pi of every action, (n, n_actions). With
    several choices (MultiDiscrete) their columns stand side by side and an action is (n, choices).

    Args:
        observation_size: length d of an observation.
        n_actions: number of discrete actions, or one number for each choice.
        theta: parameters (n_features, n_actions); zeros, the uniform policy, by default.
        features, features_kwargs: see `Policy`.
        normalize_observations: see `Policy`.
    """

    kind = "linear_softmax"

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
        self._set_actions(n_actions)
        self._choose_features(observation_size, features, features_kwargs)
        self._set_up(normalize_observations, theta)

    def _make_network(self) -> _core.Network:
        return _core.Linear(self.n_features, self.n_actions)

    def _theta_shape(self) -> tuple[int, ...]:
        return self.n_features, self.n_actions


class LinearGaussian(Gaussian):
    """a ~ N(phi(s)^T W, diag sigma^2), sigma the same in every state (lecture L5, L7).

    theta is flat: W (n_features, action_size) in C order, then ln sigma (action_size,), which must
    be in [-10, 2]; steps of learning clip it to these bounds. `dist` is (n, 2 action_size): the
    means, then ln sigma. Actions are stored and scored as they were drawn; the copy that an
    environment gets is clipped to its bounds.

    Args:
        observation_size: length d of an observation.
        action_size: length of an action.
        theta: parameters; by default mean 0 and sigma 1 (or `log_std_init`).
        features, features_kwargs: see `Policy`.
        normalize_observations: see `Policy`.
        low: lower bounds of the actions that the environment gets, (action_size,).
        high: upper bounds.
        log_std_init: ln sigma at the start, in [-10, 2].
    """

    kind = "linear_gaussian"

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
        self._set_actions(action_size, low, high, log_std_init)
        self._choose_features(observation_size, features, features_kwargs)
        self._set_up(normalize_observations, theta)

    def _make_network(self) -> _core.Network:
        return _core.Linear(self.n_features, self.action_size)

    @property
    def weights(self) -> Floats:
        """W, (n_features, action_size)."""
        return self._theta[: -self.action_size].reshape(self.n_features, self.action_size)
