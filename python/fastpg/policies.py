"""Policies: what they compute for a batch of features, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays
from fastpg.arrays import Actions, Floats
from fastpg.naming import unknown


class LinearSoftmax:
    """pi(a|s) proportional to exp(phi(s)^T theta_a), with phi(s) = (s, 1) (lecture L7).

    Args:
        observation_size: length d of an observation; n_features = d + 1.
        n_actions: number of discrete actions, at least 1.
        theta: parameters (n_features, n_actions); zeros, the uniform policy, by default.

    Batches are features `phi` of shape (n, n_features), made by `features`, and log-probabilities
    `log_pi` of shape (n, n_actions), made by `log_probs`. Gradients have the shape of theta and are
    means over the batch; the flat order of parameters is `theta.ravel()`.
    """

    def __init__(self, observation_size: int, n_actions: int, theta: Any = None) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        self.n_actions = arrays.integer("n_actions", n_actions, 1)
        self._theta = np.zeros(self.shape)
        if theta is not None:
            self.theta = theta

    @classmethod
    def for_env(cls, env: VectorEnv[Any, Any, Any]) -> LinearSoftmax:
        """The policy that fits an environment's spaces: Box (d,) and Discrete."""
        observation, action = env.single_observation_space, env.single_action_space
        if not isinstance(observation, spaces.Box) or len(observation.shape) != 1:
            raise ValueError(f"LinearSoftmax: expected a Box (d,) observation, got {observation}")
        if not isinstance(action, spaces.Discrete):
            raise ValueError(f"LinearSoftmax: expected a Discrete action space, got {action}")
        return cls(observation.shape[0], int(action.n))

    @property
    def shape(self) -> tuple[int, int]:
        """(n_features, n_actions)."""
        return self.observation_size + 1, self.n_actions

    @property
    def theta(self) -> Floats:
        """The parameters, float64 (n_features, n_actions). Assigning copies and checks."""
        return self._theta

    @theta.setter
    def theta(self, value: Any) -> None:
        checked = arrays.floats("theta", value, self.shape)
        self._theta = checked.copy() if np.shares_memory(checked, value) else checked
        self._theta.flags.writeable = False

    def features(self, observations: Any) -> Floats:
        """phi(s), (n, n_features), of observations (n, d)."""
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        return _core.identity_features(batch)

    def log_probs(self, phi: Floats, theta: Floats | None = None) -> Floats:
        """Log-probabilities of every action, (n, n_actions), at `theta` or the policy's own."""
        return _core.softmax_log_probs(self._phi(phi), self._parameters(theta))

    def log_prob(self, phi: Floats, actions: Any, theta: Floats | None = None) -> Floats:
        """Log-probabilities, (n,), of the actions given."""
        log_pi = self.log_probs(phi, theta)
        taken = arrays.actions("actions", actions, len(log_pi), self.n_actions)
        return np.take_along_axis(log_pi, taken[:, None].astype(np.int64), axis=1)[:, 0]

    def sample(self, phi: Floats, uniforms: Any) -> Actions:
        """One action a row, (n,), by inverse CDF from uniforms (n,) in (0, 1)."""
        features = self._phi(phi)
        u = arrays.floats("uniforms", uniforms, (len(features),))
        if u.min() <= 0.0 or u.max() >= 1.0:
            raise ValueError("uniforms: expected numbers in (0, 1)")
        return _core.softmax_sample(features, self._theta, u)

    def mode(self, phi: Floats) -> Actions:
        """The most probable actions, (n,); the first of equals."""
        return _core.softmax_mode(self._phi(phi), self._theta)

    def score_gradient(self, phi: Floats, log_pi: Floats, actions: Any, weights: Any) -> Floats:
        """mean_i w_i grad ln pi(a_i|s_i), the shape of theta; weights (n,)."""
        features, log_p = self._batch(phi, log_pi)
        taken = arrays.actions("actions", actions, len(features), self.n_actions)
        w = arrays.floats("weights", weights, (len(features),))
        return _core.softmax_score_gradient(features, log_p, taken, w)

    def entropy(self, log_pi: Floats) -> Floats:
        """H(pi(.|s)) in nats, (n,)."""
        return _core.softmax_entropy(self._log_pi(log_pi))

    def entropy_gradient(self, phi: Floats, log_pi: Floats) -> Floats:
        """Gradient of the mean entropy, the shape of theta."""
        return _core.softmax_entropy_gradient(*self._batch(phi, log_pi))

    def kl(self, old_log_pi: Floats, new_log_pi: Floats) -> Floats:
        """KL(old | new) of every row, (n,), exact (lecture L5)."""
        return _core.softmax_kl(self._log_pi(old_log_pi), self._log_pi(new_log_pi))

    def fisher_vector_product(
        self, phi: Floats, log_pi: Floats, vector: Any, actions: Any = None
    ) -> Floats:
        """F v, the shape of theta, with F = mean_i phi phi^T (x) (diag pi - pi pi^T) (lecture L7).

        With `actions` (n,), F = mean_i score score^T at those actions: `fisher="sampled"`.
        """
        features, log_p = self._batch(phi, log_pi)
        v = arrays.floats("vector", vector, self.shape)
        return _core.softmax_fisher_vector_product(
            features, log_p, v, self._taken(actions, features)
        )

    def fisher(self, phi: Floats, log_pi: Floats, actions: Any = None) -> Floats:
        """The dense Fisher matrix, (n_features n_actions) squared: for small problems."""
        features, log_p = self._batch(phi, log_pi)
        return _core.softmax_fisher(features, log_p, self._taken(actions, features))

    def _parameters(self, theta: Floats | None) -> Floats:
        return self._theta if theta is None else arrays.floats("theta", theta, self.shape)

    def _phi(self, phi: Floats) -> Floats:
        return arrays.floats("phi", phi, (None, self.shape[0]))

    def _log_pi(self, log_pi: Floats) -> Floats:
        return arrays.floats("log_pi", log_pi, (None, self.n_actions))

    def _batch(self, phi: Floats, log_pi: Floats) -> tuple[Floats, Floats]:
        features = self._phi(phi)
        return features, arrays.floats("log_pi", log_pi, (len(features), self.n_actions))

    def _taken(self, actions: Any, features: Floats) -> Actions | None:
        if actions is None:
            return None
        return arrays.actions("actions", actions, len(features), self.n_actions)

    def __repr__(self) -> str:
        return (
            f"LinearSoftmax(observation_size={self.observation_size}, n_actions={self.n_actions})"
        )


POLICIES = {"linear": LinearSoftmax}


def make_policy(policy: str | LinearSoftmax, env: VectorEnv[Any, Any, Any]) -> LinearSoftmax:
    """The policy itself, or the one that a name stands for, fitted to the environment."""
    if isinstance(policy, LinearSoftmax):
        expected = LinearSoftmax.for_env(env).shape
        if policy.shape != expected:
            raise ValueError(f"policy: expected theta of shape {expected}, got {policy.shape}")
        return policy
    if not isinstance(policy, str):
        raise TypeError(f"policy: expected a policy or its name, got {policy!r}")
    if policy not in POLICIES:
        raise ValueError(f"{unknown('policy', policy, POLICIES)}: 'linear' is LinearSoftmax")
    return POLICIES[policy].for_env(env)
