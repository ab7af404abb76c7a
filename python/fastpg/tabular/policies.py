"""Policies over the states of a finite MDP: softmax tables, one logit, softmax of features.

Each has a theta, the probabilities that follow from it, and the gradients of their logarithms in
closed form (lecture L7, L9). The table of a policy that depends on the time has a leading axis of H
steps.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from fastpg import arrays, probabilities
from fastpg.arrays import Bools, Floats
from fastpg.policies.linear import LinearSoftmax
from fastpg.results import checked, finite, quiet


class TabularPolicy:
    """Base class of policies with a theta."""

    kind: ClassVar[str]
    shape: tuple[int, ...]  # of theta
    table_shape: tuple[int, ...]  # (S, A) or (H, S, A)

    def __init__(self, theta: Any = None) -> None:
        given = np.zeros(self.shape) if theta is None else theta
        self.theta = arrays.finite_floats("theta", given, self.shape).copy()
        self.theta.flags.writeable = False

    def with_theta(self, theta: Any) -> Self:
        """The same kind of policy with other parameters.

        Args:
            theta: of the shape of theta, or flat, (theta.size,).

        Returns:
            A new policy; this one does not change.

        Raises:
            ValueError: another shape, or numbers that are not finite.
            TypeError: values that are not numbers.
        """
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        given = arrays.numbers("theta", theta)
        if given.ndim == 1 and given.size == np.prod(self.shape):
            given = given.reshape(self.shape)
        TabularPolicy.__init__(other, given)
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for value in state.values():  # copies of arrays are writeable
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def log_probabilities(self) -> Floats:
        """The table ln pi(a|s), (S, A) or (H, S, A)."""
        raise NotImplementedError

    def probabilities(self) -> Floats:
        """pi(a|s), (S, A) or (H, S, A)."""
        return np.exp(self.log_probabilities())

    @checked("sum of scores")
    def score_sum(self, weights: Any) -> Floats:
        """Sum of w(h, s, a) grad ln pi(a|s).

        Args:
            weights: (S, A), or (H, S, A); if the policy does not depend on the time, they are
                summed over h.

        Returns:
            The sum, of the shape of theta.

        Raises:
            ValueError: another shape, or numbers or results that are not finite.
            TypeError: values that are not numbers.
        """
        return self._score_sum(self._gathered(weights, self.table_shape))

    @checked("Fisher matrix")
    def fisher(self, weights: Any) -> Floats:
        """Sum of w(h, s) E_a grad ln pi grad ln pi^T.

        Args:
            weights: weights of the states, (S,) or (H, S).

        Returns:
            (P, P), where P is `theta.size`, in the order of `theta.ravel()`.

        Raises:
            ValueError: another shape, or numbers or results that are not finite.
            TypeError: values that are not numbers.
        """
        return self._fisher(self._gathered(weights, self.table_shape[:-1]))

    @np.errstate(**quiet)  # a theta that is not finite is refused
    def with_probabilities(self, table: Any) -> Self:
        """The policy with these probabilities; theta stays the same for equal probabilities.

        Args:
            table: (S, A) or (H, S, A); above 0.

        Returns:
            A new policy of the same kind.

        Raises:
            NotImplementedError: as in `with_log_ratio`.
            ValueError: not probabilities, another shape, or a probability of 0.
            TypeError: values that are not numbers.
        """
        wanted = probabilities.probabilities("table", table, self.table_shape)
        if np.any(wanted <= 0.0):
            raise ValueError("table: expected probabilities above 0, got 0: no theta gives it")
        return self.with_log_ratio(np.log(wanted) - self.log_probabilities())

    @checked("natural direction")
    def natural_direction(self, weights: Any, gradient: Any, damping: float = 0.0) -> Floats:
        """(F + damping I)^-1 g; if the matrix is singular, the solution of least norm.

        Args:
            weights: weights of the states in F, as in `fisher`.
            gradient: g, of the shape of theta.
            damping: at least 0.

        Returns:
            The direction, of the shape of theta.

        Raises:
            ValueError: another shape, weights or a damping below 0, or results that are not finite.
            TypeError: values that are not numbers.
        """
        given = self._gathered(weights, self.table_shape[:-1])
        w = arrays.non_negatives("weights", given, given.shape)
        g = arrays.finite_floats("gradient", gradient, self.shape)
        return self._natural_direction(w, g, arrays.non_negative("damping", damping))

    @checked("curvature")
    def curvature(self, weights: Any, direction: Any) -> float:
        """x^T F x, computed without F as the weighted variance of the logits' change along x.

        Args:
            weights: weights of the states in F, as in `fisher`.
            direction: x, of the shape of theta.

        Returns:
            x^T F x, a number.

        Raises:
            ValueError: another shape, or numbers or results that are not finite.
            TypeError: values that are not numbers.
        """
        w = self._gathered(weights, self.table_shape[:-1])
        added = self._logits_of(arrays.finite_floats("direction", direction, self.shape))
        pi = self.probabilities()
        apart = added - (pi * added).sum(axis=-1, keepdims=True)
        return float(np.sum(w * (pi * apart**2).sum(axis=-1)))

    def with_log_ratio(self, ratio: Floats) -> Self:
        """The policy whose probabilities are proportional to pi(a|s) exp(ratio).

        Args:
            ratio: of the shape of the table, (S, A) or (H, S, A).

        Returns:
            A new policy of the same kind.

        Raises:
            NotImplementedError: the kind of policy cannot represent every table of probabilities,
                as `FeatureSoftmax`.
            ValueError: the new theta is not finite or has another shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not hold every probability")

    @staticmethod
    def _gathered(weights: Any, shape: tuple[int, ...]) -> Floats:
        """Weights of this shape, summed over h if the shape has no time axis."""
        given = arrays.numbers("weights", weights)
        if given.ndim == len(shape) + 1:
            given = given.sum(axis=0)
        return arrays.finite_floats("weights", given, shape)

    def _score_sum(self, weights: Floats) -> Floats:
        raise NotImplementedError

    def _fisher(self, weights: Floats) -> Floats:
        raise NotImplementedError

    def _logits_of(self, theta: Floats) -> Floats:
        raise NotImplementedError

    def _natural_direction(self, weights: Floats, gradient: Floats, damping: float) -> Floats:
        metric = finite("Fisher matrix", self._fisher(weights) + damping * np.eye(self.theta.size))
        solved = np.linalg.lstsq(metric, gradient.ravel(), rcond=1e-13)[0]
        return np.asarray(solved, dtype=np.float64).reshape(self.shape)


class TabularSoftmax(TabularPolicy):
    """One logit for each state and action: pi(a|s) proportional to exp(theta[s, a]).

    Args:
        n_states: S.
        n_actions: A.
        theta: (S, A), or (H, S, A) with a horizon; by default zeros, the uniform policy.
        horizon: number of steps H of a policy that depends on the time; None: it does not.
    """

    kind = "softmax"

    def __init__(
        self, n_states: int, n_actions: int, theta: Any = None, *, horizon: int | None = None
    ) -> None:
        sizes = arrays.integer("n_states", n_states, 1), arrays.integer("n_actions", n_actions, 1)
        self.shape = self.table_shape = _with_time(horizon, sizes)
        super().__init__(theta)

    def log_probabilities(self) -> Floats:
        """As in `TabularPolicy`."""
        return _log_softmax(self.theta)

    def _logits_of(self, theta: Floats) -> Floats:
        return theta

    def _score_sum(self, weights: Floats) -> Floats:
        total = weights.sum(axis=-1, keepdims=True)
        centred: Floats = weights - total * self.probabilities()
        return centred

    def _natural_direction(self, weights: Floats, gradient: Floats, damping: float) -> Floats:
        """Invert F = w (diag pi - pi pi^T) in closed form, state by state."""
        pi, w = self.probabilities(), weights[..., None]
        scale = w * pi + damping
        inverted = np.divide(gradient, scale, out=np.zeros(self.shape), where=scale > 0.0)
        if damping == 0.0:
            return _centred(inverted, scale > 0.0)
        drawn = pi / scale
        rest = damping * drawn.sum(axis=-1, keepdims=True)  # 1 - w sum pi^2 / scale
        share = w * (pi * inverted).sum(axis=-1, keepdims=True) / rest
        out: Floats = inverted + drawn * share
        return out

    @np.errstate(**quiet)
    def with_log_ratio(self, ratio: Floats) -> Self:
        """As in `TabularPolicy`."""
        return self.with_theta(self.theta + ratio)

    def _fisher(self, weights: Floats) -> Floats:
        n_actions = self.shape[-1]
        pi = self.probabilities().reshape(-1, n_actions)
        out = np.zeros((self.theta.size, self.theta.size))
        for k, (p, w) in enumerate(zip(pi, weights.ravel(), strict=True)):
            block = slice(k * n_actions, (k + 1) * n_actions)
            out[block, block] = w * (np.diag(p) - np.outer(p, p))
        return out


class OneLogit(TabularPolicy):
    """Two actions and one logit for each state: pi(0|s) = e^theta / (1 + e^theta) (lecture L9).

    Args:
        n_states: S.
        theta: (S,), or (H, S) with a horizon; zeros by default.
        horizon: number of steps H of a policy that depends on the time; None: it does not.
    """

    kind = "one_logit"

    def __init__(self, n_states: int, theta: Any = None, *, horizon: int | None = None) -> None:
        self.shape = _with_time(horizon, (arrays.integer("n_states", n_states, 1),))
        self.table_shape = (*self.shape, 2)
        super().__init__(theta)

    def log_probabilities(self) -> Floats:
        """As in `TabularPolicy`."""
        return -np.logaddexp(0.0, np.stack([-self.theta, self.theta], axis=-1))

    def _logits_of(self, theta: Floats) -> Floats:
        return np.stack([theta, np.zeros(self.shape)], axis=-1)

    def _score_sum(self, weights: Floats) -> Floats:
        pi = self.probabilities()
        out: Floats = weights[..., 0] * pi[..., 1] - weights[..., 1] * pi[..., 0]
        return out

    def _natural_direction(self, weights: Floats, gradient: Floats, damping: float) -> Floats:
        """F is diagonal."""
        pi = self.probabilities()
        scale = weights * pi[..., 0] * pi[..., 1] + damping
        return np.divide(gradient, scale, out=np.zeros(self.shape), where=scale > 0.0)

    @np.errstate(**quiet)
    def with_log_ratio(self, ratio: Floats) -> Self:
        """As in `TabularPolicy`."""
        return self.with_theta(self.theta + ratio[..., 0] - ratio[..., 1])

    def _fisher(self, weights: Floats) -> Floats:
        pi = self.probabilities()
        return np.diag((weights * pi[..., 0] * pi[..., 1]).ravel())


class FeatureSoftmax(TabularPolicy):
    """pi(a|s) proportional to exp(phi(s)^T theta_a), for any table of features.

    Args:
        features: phi, (S, d), or (H, S, d) for a policy that depends on the time.
        n_actions: A.
        theta: (d, A); zeros by default.
    """

    kind = "features"

    def __init__(self, features: Any, n_actions: int, theta: Any = None) -> None:
        shape = (None,) * arrays.ndim("features", features)
        if len(shape) not in (2, 3):
            raise ValueError(f"features: expected 2 or 3 dimensions, got {len(shape)}")
        self.features = arrays.finite_floats("features", features, shape).copy()
        self.features.flags.writeable = False
        actions = arrays.integer("n_actions", n_actions, 1)
        self.shape = (self.features.shape[-1], actions)
        self.table_shape = (*self.features.shape[:-1], actions)
        super().__init__(theta)

    @classmethod
    def of(cls, policy: Any, observations: Any, horizon: int | None = None) -> Self:
        """The tabular policy that equals a `fastpg.LinearSoftmax`.

        Args:
            policy: a `LinearSoftmax` for a Discrete action space.
            observations: the observation of each state, (S, d).
            horizon: number of steps H, if the policy's features depend on the time.

        Returns:
            A policy with the same probabilities in every state.

        Raises:
            ValueError: observations of another shape, or not finite; features that depend on the
                time, without `horizon`.
            TypeError: values that are not numbers, or another policy.
        """
        if not isinstance(policy, LinearSoftmax) or not policy.single:
            raise TypeError(
                f"policy: expected a LinearSoftmax for a Discrete space, got {policy!r}"
            )
        if horizon is None and policy.feature_map.time:
            raise ValueError("horizon: expected a number of steps, since features have the time")
        steps = range(1 if horizon is None else arrays.integer("horizon", horizon, 1))
        count = len(observations)
        tables = [policy.features(observations, np.full(count, h)) for h in steps]
        features = tables[0] if horizon is None else np.stack(tables)
        return cls(features, policy.n_actions, policy.theta)

    def log_probabilities(self) -> Floats:
        """As in `TabularPolicy`."""
        return _log_softmax(self._logits_of(self.theta))

    @checked("logits")
    def _logits_of(self, theta: Floats) -> Floats:
        logits: Floats = self.features @ theta
        return logits

    def _score_sum(self, weights: Floats) -> Floats:
        centred = weights - weights.sum(axis=-1, keepdims=True) * self.probabilities()
        phi = self.features.reshape(-1, self.shape[0])
        out: Floats = phi.T @ centred.reshape(-1, self.shape[1])
        return out

    def _fisher(self, weights: Floats) -> Floats:
        size, n_actions = self.shape
        phi, pi = self.features.reshape(-1, size), self.probabilities().reshape(-1, n_actions)
        out = np.zeros((size, n_actions, size, n_actions))
        for a in range(n_actions):
            for b in range(n_actions):
                share = weights.ravel() * pi[:, a] * ((a == b) - pi[:, b])
                out[:, a, :, b] = phi.T @ (share[:, None] * phi)
        return out.reshape(self.theta.size, self.theta.size)


def _with_time(horizon: int | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if horizon is None else (arrays.integer("horizon", horizon, 1), *shape)


def _log_softmax(logits: Floats) -> Floats:
    with np.errstate(over="ignore"):  # an overflow to -inf gives probability 0
        shifted = logits - logits.max(axis=-1, keepdims=True)
    out: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return out


def _centred(values: Floats, possible: Bools) -> Floats:
    """Less the mean of the possible actions; 0 for others, whose probability has underflowed."""
    count = np.maximum(possible.sum(axis=-1, keepdims=True), 1)
    mean = values.sum(axis=-1, keepdims=True) / count
    centred: Floats = np.where(possible, values - mean, 0.0)
    return centred
