"""Exact maximisers of the surrogate, with a KL penalty or within a trust region (L4, L10).

For tables of probabilities the maximiser has a closed form in each state. For a `FeatureSoftmax`
it is found by ascent from the old theta, and is a local maximiser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastpg import arrays, probabilities
from fastpg.arrays import Floats
from fastpg.results import checked, finite, quiet
from fastpg.tabular.local_model import LocalModel, parametric
from fastpg.tabular.policies import FeatureSoftmax, TabularPolicy

_ROOT_STEPS = 200
_NEWTON_STEPS = 100
_ASCENT_STEPS = 500
_TOLERANCE = 1e-13
_LOST = 1e-9  # tolerated rounding error of a sum of probabilities
_CLOSE = 1e-13  # relative tolerance of the KL and of lambda


@checked("log ratio")
def penalised_log_ratio(pi: Any, advantages: Any, kl_coef: float) -> Floats:
    """The ln pi'/pi that maximises sum_a pi'(a) A(a) - lambda KL(pi | pi') in every state (L4).

    pi'(a) = lambda pi(a) / (nu - A(a)), with nu > max A such that pi' sums to 1.

    Args:
        pi: (..., A), the old probabilities; for actions of probability 0 the log ratio is 0.
        advantages: (..., A).
        kl_coef: lambda, above 0.

    Returns:
        Log ratio, (..., A).

    Raises:
        ValueError: not probabilities, shapes that differ, a `kl_coef` of 0 or below, or results
            that are not finite.
        TypeError: values that are not numbers.
    """
    return _log_ratio(*_tables(pi, advantages), arrays.positive("kl_coef", kl_coef))


def _tables(pi: Any, advantages: Any) -> tuple[Floats, Floats]:
    table = probabilities.probabilities("pi", pi, (None,) * arrays.ndim("pi", pi))
    return table, arrays.finite_floats("advantages", advantages, table.shape)


def _log_ratio(p: Floats, a: Floats, kl_coef: float) -> Floats:
    """The same as `penalised_log_ratio`, without checks."""
    taken = p > 0.0
    best = np.max(np.where(taken, a, -np.inf), axis=-1, keepdims=True)
    gap = _gaps(np.where(taken, best - a, 1.0))
    share = kl_coef * p
    # Each term is at most 1 at the root, so this start is below the root. The function is convex
    # and falling, so that Newton's method increases monotonically to the root.
    above = np.max(np.where(taken, share - gap, -np.inf), axis=-1, keepdims=True)
    for _ in range(_NEWTON_STEPS):
        terms = share / (above + gap)
        slope = (terms / (above + gap)).sum(axis=-1, keepdims=True)
        moved = above + (terms.sum(axis=-1, keepdims=True) - 1.0) / slope
        if np.all(np.abs(moved - above) <= _TOLERANCE * moved):
            break
        above = moved
    total = (share / (above + gap)).sum(axis=-1, keepdims=True)
    out: Floats = np.where(taken, np.log(kl_coef) - np.log(above + gap) - np.log(total), 0.0)
    return out


def _gaps(gaps: Floats) -> Floats:
    return finite("differences of advantages", gaps)


def _moved(p: Floats, ratio: Floats) -> Floats:
    """The table p exp(ratio); ValueError if rounding errors spoil its sums."""
    table: Floats = finite("maximiser", p * np.exp(ratio))
    off = np.abs(table.sum(axis=-1) - p.sum(axis=-1)).max()
    if off > _LOST:
        raise ValueError(
            f"maximiser: expected sums of 1, got some that are off by {off:.2g}: the numbers given "
            "are too large or too small for it"
        )
    return table


@np.errstate(**quiet)
def penalised_table(pi: Any, advantages: Any, kl_coef: float) -> Floats:
    """The maximiser pi' of `penalised_log_ratio` as probabilities (lecture L4).

    Args:
        pi: (..., A), the old probabilities; actions of probability 0 keep probability 0.
        advantages: (..., A).
        kl_coef: lambda, above 0.

    Returns:
        pi', (..., A).

    Raises:
        ValueError: not probabilities, shapes that differ, a `kl_coef` of 0 or below, or numbers too
            large or too small for the result.
        TypeError: values that are not numbers.
    """
    p, a = _tables(pi, advantages)
    return _moved(p, _log_ratio(p, a, arrays.positive("kl_coef", kl_coef)))


@np.errstate(**quiet)
def trust_region_table(pi: Any, advantages: Any, weights: Any, target_kl: float) -> Floats:
    """Maximiser of sum_s w_s E_{a ~ pi'} A(s, a) subject to sum_s w_s KL(pi | pi') <= target_kl.

    Args:
        pi: (..., A), the old probabilities.
        advantages: (..., A).
        weights: (...), weights of the states in both sums, at least 0. States of weight 0 keep
            their probabilities.
        target_kl: bound on the KL, above 0.

    Returns:
        pi', (..., A).

    Raises:
        ValueError: not probabilities, shapes that differ, weights below 0, a `target_kl` of 0 or
            below, or numbers too large or too small for the result.
        TypeError: values that are not numbers.
    """
    p, a = _tables(pi, advantages)
    w = arrays.non_negatives("weights", weights, p.shape[:-1])
    ratio, _ = _trust_region_log_ratio(p, a, w, arrays.positive("target_kl", target_kl))
    return _moved(p, ratio)


def _trust_region_log_ratio(
    pi: Floats, advantages: Floats, weights: Floats, target_kl: float
) -> tuple[Floats, float]:
    """The table ln pi'/pi and the constraint's multiplier lambda, 0 if no policy is better."""
    weighed = weights[..., None] > 0.0  # states of weight 0 keep their probabilities
    gained = np.where(weighed & (pi > 0.0), advantages, -np.inf)
    best = gained.max(axis=-1, keepdims=True)
    gaps = _gaps(np.where(np.isfinite(gained), best - advantages, 0.0))
    scale = float(gaps.max())
    if scale == 0.0:
        return np.zeros_like(pi), 0.0
    flat = np.where(weighed, advantages, 0.0)

    def divergence(kl_coef: float) -> float:
        # KL(pi | pi') = -sum pi ln pi'/pi, which stays finite if pi' underflows
        return -float(np.sum(weights[..., None] * pi * _log_ratio(pi, flat, kl_coef)))

    kl_coef = finite("kl_coef", _coefficient(divergence, target_kl, scale))
    return finite("log ratio", _log_ratio(pi, flat, kl_coef)), kl_coef


@np.errstate(**quiet)  # results that are not finite are errors
def penalised_policy(local: LocalModel, old: TabularPolicy, kl_coef: float) -> TabularPolicy:
    """Maximiser of l^k (lecture L10); for a `FeatureSoftmax` a local one.

    Args:
        local: model at `old`.
        old: the old policy pi_k.
        kl_coef: lambda, above 0; both terms of l^k are sums over a trajectory.

    Returns:
        The new policy, of the same kind as `old`.

    Raises:
        TypeError: not a tabular policy with a theta, or arguments of the wrong type.
        ValueError: a policy that does not fit the MDP, a `kl_coef` of 0 or below, or results that
            are not finite.
    """
    parametric("policy", old, local.mdp)
    kl_coef = arrays.positive("kl_coef", kl_coef)
    if isinstance(old, FeatureSoftmax):
        return _ascent(local, old, kl_coef)
    advantages, _ = mean_advantages(local, old)
    return old.with_log_ratio(_log_ratio(old.probabilities(), advantages, kl_coef))


@np.errstate(**quiet)
def trust_region_policy(
    local: LocalModel, old: TabularPolicy, target_kl: float, per: str
) -> tuple[TabularPolicy, float]:
    """Maximiser of f^k subject to KL <= target_kl (lecture L4), and the constraint's multiplier.

    Args:
        local: model at `old`.
        old: the old policy pi_k.
        target_kl: bound on the KL, above 0.
        per: unit of the bound: "trajectory" or "step".

    Returns:
        (new policy, lambda); the policy is of the same kind as `old`, and lambda is 0 if no policy
        is better.

    Raises:
        TypeError: not a tabular policy with a theta, or arguments of the wrong type.
        ValueError: a policy that does not fit the MDP, a `target_kl` of 0 or below, another `per`,
            or results that are not finite.
    """
    parametric("policy", old, local.mdp)
    bound = arrays.positive("target_kl", target_kl) * length(local, per)
    if not isinstance(old, FeatureSoftmax):
        advantages, weights = mean_advantages(local, old)
        ratio, kl_coef = _trust_region_log_ratio(old.probabilities(), advantages, weights, bound)
        return old.with_log_ratio(ratio), kl_coef
    scale = float(np.max(np.abs(local.surrogate_gradient(old))))
    if scale == 0.0:
        return old, 0.0
    kl_coef = _coefficient(lambda c: local.kl(_ascent(local, old, c)), bound, scale)
    return _ascent(local, old, kl_coef), kl_coef


def length(local: LocalModel, per: str) -> float:
    """The number by which a sum over a trajectory is divided: the mean length of an episode, or 1.

    Args:
        local: model at the policy that is followed.
        per: "trajectory" or "step".

    Returns:
        For "step" the mean length; with a discount and no horizon, steps are discounted. 1 for
        "trajectory" and for an average reward.

    Raises:
        ValueError: another `per`.
        TypeError: a `per` that is not a string.
    """
    summed, per_unit = local.weights().sum(), local.weights(per).sum()
    return float(summed / per_unit) if per_unit > 0.0 else 1.0


@checked("mean advantages")
def mean_advantages(local: LocalModel, policy: TabularPolicy) -> tuple[Floats, Floats]:
    """Advantages in the shape of the policy's table, and the weights of its states (lecture L4).

    Without a horizon they are A. With a horizon they are gamma^h A_h for a policy that depends on
    the step h, and sum_h gamma^h d_h A_h / sum_h d_h for one that does not; d_h are the visits.

    Args:
        local: model at the old policy.
        policy: a policy with a theta; its table decides the shape.

    Returns:
        (advantages, weights), (S, A) and (S,), or (H, S, A) and (H, S); advantages are 0 where the
        weight is 0.

    Raises:
        TypeError: not a tabular policy with a theta.
        ValueError: a policy that does not fit the MDP, or results that are not finite.
    """
    parametric("policy", policy, local.mdp)
    evaluation = local.evaluation
    gained = evaluation.occupancy[..., None] * evaluation.advantage
    weights = local.weights()
    if gained.ndim > len(policy.table_shape):
        gained, weights = gained.sum(axis=0), weights.sum(axis=0)
    divisor = np.where(weights > 0.0, weights, 1.0)[..., None]
    return np.where(weights[..., None] > 0.0, gained / divisor, 0.0), weights


def _coefficient(divergence: Callable[[float], float], bound: float, scale: float) -> float:
    """The smallest lambda whose maximiser is within the bound; the KL falls as lambda grows."""

    def excess(kl_coef: float) -> float:
        kl = divergence(kl_coef)
        return float(np.log(kl) - np.log(bound)) if kl > 0.0 else -np.inf

    low = high = scale
    below = above = excess(scale)
    while below > 0.0 and high < scale * 1e30:
        low, above = high, below
        high *= _factor(below)
        below = excess(high)
    while above <= 0.0:
        high, below = low, above
        if low <= scale * 1e-100:
            return low
        low /= _factor(above)
        above = excess(low)
    for k in range(_ROOT_STEPS):
        # ln KL is nearly linear in ln lambda, so use secants; every third step bisects, in case the
        # secants converge slowly.
        secant = above / (above - below) if k % 3 < 2 and np.isfinite(above - below) else 0.5
        middle = float(low * (high / low) ** np.clip(secant, 1e-3, 1.0 - 1e-3))
        if high - low <= _CLOSE * high or below >= -_CLOSE:
            break
        found = excess(middle)
        if found > 0.0:
            low, above = middle, found
        else:
            high, below = middle, found
    return high


def _factor(excess: float) -> float:
    """A factor for lambda that passes the bound, if the KL falls as 1 / lambda^2."""
    return float(2.0 * np.exp(min(0.5 * abs(excess), np.log(8.0))))


def _ascent(local: LocalModel, old: TabularPolicy, kl_coef: float) -> TabularPolicy:
    """Ascent on l^k preconditioned by lambda times the Hessian of the KL, with backtracking."""
    policy, value = old, local.penalised(old, kl_coef)
    scale = float(np.abs(local.evaluation.V).max())
    for _ in range(_ASCENT_STEPS):
        gradient = local.penalised_gradient(policy, kl_coef).ravel()
        hessian = finite("Hessian of the penalty", kl_coef * local.kl_hessian(policy))
        direction = finite("step", np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0])
        slope, fraction = float(gradient @ direction), 1.0
        if slope <= _TOLERANCE * max(scale, abs(value)):
            break
        while fraction > 1e-10:
            trial = policy.with_theta(policy.theta.ravel() + fraction * direction)
            gained = local.penalised(trial, kl_coef) - value
            if gained >= 0.25 * fraction * slope:
                break
            fraction /= 2.0
        else:
            break
        policy, value = trial, value + gained
    return policy
