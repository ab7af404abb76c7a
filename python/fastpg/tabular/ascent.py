"""Exact policy gradient, NPG, TRPO and PPO with a penalty (lecture L1, L4, L6, L9, L10)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.algorithms import schedules
from fastpg.algorithms.ppo import adapted
from fastpg.algorithms.schedules import Schedule
from fastpg.arrays import Floats
from fastpg.results import checked
from fastpg.suggestions import names_checked
from fastpg.tabular.local_model import LocalModel, parametric
from fastpg.tabular.mdp import MDP, an_mdp
from fastpg.tabular.policies import TabularPolicy
from fastpg.tabular.trajectories import Iterates, iterate
from fastpg.tabular.trust_region import length, penalised_policy, trust_region_policy

_ANY_KL_COEF = (1e-100, 1e100)  # of numbers that can be computed with
ROUNDING = 1e-14  # rounding error of values, relative to the largest one


@names_checked
def pg(
    mdp: MDP,
    policy: TabularPolicy,
    n_iterations: int,
    *,
    learning_rate: Schedule = 0.1,
    kl_per: str = "step",
) -> Iterates:
    """Steps of theta <- theta + eta grad J (lecture L1, L9).

    Args:
        mdp: a finite MDP.
        policy: initial policy.
        n_iterations: number of steps, in [0, 10^6].
        learning_rate: eta, or a schedule for it.
        kl_per: unit of the recorded KL: "trajectory" or "step".

    Returns:
        The policies and their J; the multiplier `step` is eta.

    Raises:
        TypeError: no MDP, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, arguments out of range, or results that are not finite.
    """
    rate = schedules.checked("learning_rate", learning_rate)
    parametric("policy", policy, an_mdp(mdp))

    def step(local: LocalModel, old: Any, progress_remaining: float) -> tuple[Any, float]:
        eta = arrays.non_negative("learning_rate", schedules.at(rate, progress_remaining))
        return old.with_theta(old.theta + eta * local.surrogate_gradient(old)), eta

    return iterate(mdp, policy, n_iterations, step, kl_per)


@names_checked
def npg(
    mdp: MDP,
    policy: TabularPolicy,
    n_iterations: int,
    *,
    target_kl: Schedule | None = None,
    step_size: float | None = None,
    cg_damping: float = 0.0,
    kl_per: str = "step",
) -> Iterates:
    """Steps of theta <- theta + eta x, x = F^-1 grad J, eta = sqrt(2 target_kl / x^T F x) (L6).

    The lecture's delta is 2 target_kl. With `step_size`, eta is fixed. F and the gradient have the
    same unit, so the step of a softmax table is eta A, without a factor 1 / (1 - gamma); with a
    horizon it is eta gamma^h A_h, since visits are not discounted there. A singular F is inverted
    on its range. Theta stays as it is if the predicted gain of a step is below the rounding error
    of V, as it is near a deterministic optimum.

    Args:
        mdp: a finite MDP.
        policy: initial policy.
        n_iterations: number of steps, in [0, 10^6].
        target_kl: predicted KL of a step, or a schedule for it; None: 0.01 without `step_size`.
        step_size: a fixed eta, instead of `target_kl`; None: eta follows from `target_kl`.
        cg_damping: added to the diagonal of F, at least 0; `kl_per` decides the scale of F.
        kl_per: unit of F and of the KLs: "trajectory" or "step".

    Returns:
        The policies and their J; the multiplier `step` is eta.

    Raises:
        TypeError: no MDP, not a tabular policy with a theta, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, arguments out of range, `target_kl` and `step_size`, or
            results that are not finite.
    """
    if target_kl is not None and step_size is not None:
        raise ValueError("target_kl: allowed only with step_size=None")
    bound = schedules.checked("target_kl", 0.01 if target_kl is None else target_kl)
    fixed = None if step_size is None else arrays.positive("step_size", step_size)
    damping = arrays.non_negative("cg_damping", cg_damping)
    parametric("policy", policy, an_mdp(mdp))

    def step(local: LocalModel, old: Any, progress_remaining: float) -> tuple[Any, float]:
        direction, curvature = natural_step(local, old, damping, kl_per)
        if fixed is not None:
            eta = fixed
        else:
            target = arrays.positive("target_kl", schedules.at(bound, progress_remaining))
            gain = np.sqrt(2.0 * target * max(curvature, 0.0))
            measurable = gain > ROUNDING * np.abs(local.evaluation.V).max()
            eta = float(gain / curvature) if measurable else 0.0
        return old.with_theta(old.theta + eta * direction), eta

    return iterate(mdp, policy, n_iterations, step, kl_per)


@checked("natural step")
def natural_step(
    local: LocalModel, policy: TabularPolicy, damping: float = 0.0, per: str = "step"
) -> tuple[Floats, float]:
    """The direction x = (F + damping)^-1 grad J, and x^T F x; all per trajectory or per step.

    Args:
        local: model at `policy`.
        policy: a policy with a theta.
        damping: added to the diagonal of F, at least 0.
        per: "trajectory" or "step".

    Returns:
        (x, x^T F x); x has the shape of theta.

    Raises:
        ValueError: another `per`, a `damping` below 0, or results that are not finite.
        TypeError: arguments of the wrong type.
    """
    weights = local.weights(per)
    gradient = local.surrogate_gradient(policy) / length(local, per)
    direction = policy.natural_direction(weights, gradient, damping)
    if damping == 0.0:
        return direction, float(np.sum(direction * gradient))
    return direction, policy.curvature(weights, direction)


@names_checked
def trpo(
    mdp: MDP,
    policy: TabularPolicy,
    n_iterations: int,
    *,
    target_kl: Schedule = 0.01,
    kl_per: str = "step",
) -> Iterates:
    """Each step maximises f^k subject to KL(old | new) <= target_kl (lecture L4).

    The maximiser has a closed form for tables; for `FeatureSoftmax` it is a local one. Lambda is
    the multiplier of the constraint. If no policy is better, the recorded 1 / lambda is 0.

    Args:
        mdp: a finite MDP.
        policy: initial policy.
        n_iterations: number of steps, in [0, 10^6].
        target_kl: bound on the KL, or a schedule for it.
        kl_per: unit of the bound: "trajectory" or "step".

    Returns:
        The policies and their J; the multiplier `step` is 1 / lambda.

    Raises:
        TypeError: no MDP, not a tabular policy with a theta, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, arguments out of range, or results that are not finite.
    """
    bound = schedules.checked("target_kl", target_kl)
    arrays.positive("target_kl", schedules.at(bound, 1.0))

    def step(local: LocalModel, old: Any, progress_remaining: float) -> tuple[Any, float]:
        target = schedules.at(bound, progress_remaining)
        new, kl_coef = trust_region_policy(local, old, target, kl_per)
        return new, 1.0 / kl_coef if kl_coef > 0.0 else 0.0

    return iterate(mdp, policy, n_iterations, step, kl_per)


@names_checked
def ppo_penalty(
    mdp: MDP,
    policy: TabularPolicy,
    n_iterations: int,
    *,
    kl_coef: float = 1.0,
    adaptive_kl: bool = False,
    target_kl: float = 0.01,
    kl_per: str = "step",
) -> Iterates:
    """Each step maximises l^k = f^k - lambda KL(old | new), both per trajectory (lecture L10).

    The maximiser has a closed form for tables; for `FeatureSoftmax` it is a local one.

    Args:
        mdp: a finite MDP.
        policy: initial policy.
        n_iterations: number of steps, in [0, 10^6].
        kl_coef: lambda, above 0.
        adaptive_kl: whether lambda is halved after a step whose KL is below target_kl / 1.5, and
            doubled after a step whose KL is above 1.5 target_kl.
        target_kl: target of the adaptive penalty, above 0.
        kl_per: unit of the recorded KL and of `target_kl`: "trajectory" or "step".

    Returns:
        The policies and their J; the multiplier `step` is 1 / lambda.

    Raises:
        TypeError: no MDP, not a tabular policy with a theta, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, arguments out of range, or results that are not finite.
    """
    coefficient = arrays.positive("kl_coef", kl_coef)
    adapts = arrays.boolean("adaptive_kl", adaptive_kl)
    goal = arrays.positive("target_kl", target_kl)

    def step(local: LocalModel, old: Any, _: float) -> tuple[Any, float]:
        nonlocal coefficient
        used, new = coefficient, penalised_policy(local, old, coefficient)
        if adapts:
            coefficient = adapted(coefficient, local.kl(new, kl_per), goal, _ANY_KL_COEF)
        return new, 1.0 / used

    return iterate(mdp, policy, n_iterations, step, kl_per)
