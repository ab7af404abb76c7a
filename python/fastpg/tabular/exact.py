"""Exact gradients, Fisher matrices, KLs and surrogates of policies in a finite MDP (L2, L4 to L10).

Quantities "per trajectory" are sums over the steps of an episode, as in the lecture. Quantities
"per step" are these sums divided by the mean length of an episode. Terminal states have weight 0,
since no action is taken in them. With a discount and no horizon, the weights of states are the
normalised discounted visits per step, and 1 / (1 - gamma) times these per trajectory. For an
average reward only "per step" has a meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays, probabilities
from fastpg.arrays import Floats
from fastpg.results import checked
from fastpg.tabular.local_model import LocalModel, kl_of_logs, parametric, state_weights
from fastpg.tabular.mdp import MDP, an_mdp
from fastpg.tabular.policies import TabularPolicy


@checked("gradient of J")
def gradient(mdp: MDP, policy: TabularPolicy) -> Floats:
    """Exact gradient of J in theta: sum of occupancy pi grad ln pi A (lecture L6).

    Args:
        mdp: a finite MDP.
        policy: a policy with a theta.

    Returns:
        The gradient, of the shape of theta.

    Raises:
        TypeError: no MDP, or not a tabular policy with a theta.
        ValueError: a policy that does not fit the MDP, or a gradient that is not finite; otherwise
            as in `MDP.evaluate`.
    """
    evaluation = an_mdp(mdp).evaluate(parametric("policy", policy, mdp))
    return policy.score_sum(evaluation.occupancy[..., None] * evaluation.pi * evaluation.advantage)


def fisher(mdp: MDP, policy: TabularPolicy, per: str = "trajectory") -> Floats:
    """Fisher matrix F = E sum_h grad ln pi grad ln pi^T (lecture L7).

    Args:
        mdp: a finite MDP.
        policy: a policy with a theta.
        per: "trajectory": the sum over the steps; "step": divided by the mean length of an episode.

    Returns:
        (P, P), where P is `theta.size`, in the order of `theta.ravel()`.

    Raises:
        TypeError: no MDP, or not a tabular policy with a theta.
        ValueError: a policy that does not fit the MDP, another `per`, or a matrix that is not
            finite; otherwise as in `MDP.evaluate`.
    """
    evaluation = an_mdp(mdp).evaluate(parametric("policy", policy, mdp))
    return policy.fisher(state_weights(mdp, evaluation, per))


def state_kl(old: Any, new: Any) -> Floats:
    """KL(old | new) in every state (lecture L5).

    Args:
        old: probabilities (..., A).
        new: probabilities of a shape that broadcasts with that of `old`.

    Returns:
        (...), in nats; infinite where an action has probability 0 in `new` and more in `old`.

    Raises:
        ValueError: not probabilities, or shapes that do not broadcast.
        TypeError: values that are not numbers.
    """
    p, q = (
        probabilities.probabilities(name, table, (None,) * arrays.ndim(name, table))
        for name, table in (("old", old), ("new", new))
    )
    try:
        np.broadcast_shapes(p.shape, q.shape)
    except ValueError:
        raise ValueError(f"new: expected shape {p.shape}, got {q.shape}") from None
    with np.errstate(divide="ignore"):
        return kl_of_logs(p, np.log(q))


def kl(mdp: MDP, old: Any, new: Any, per: str = "trajectory") -> float:
    """KL(rho_old | rho_new) of trajectories (lecture L5): `LocalModel(mdp, old).kl(new, per)`."""
    return LocalModel(mdp, old).kl(new, per)


def kl_gradient(mdp: MDP, old: Any, new: TabularPolicy, per: str = "trajectory") -> Floats:
    """Gradient of `kl` in theta (lecture L7): `LocalModel(mdp, old).kl_gradient(new, per)`."""
    return LocalModel(mdp, old).kl_gradient(new, per)


def kl_hessian(mdp: MDP, old: Any, new: TabularPolicy, per: str = "trajectory") -> Floats:
    """Hessian of `kl` in theta (lecture L7): `LocalModel(mdp, old).kl_hessian(new, per)`."""
    return LocalModel(mdp, old).kl_hessian(new, per)


def surrogate(mdp: MDP, old: Any, new: Any) -> float:
    """Surrogate f^k of a new policy (lecture L4): `LocalModel(mdp, old).surrogate(new)`."""
    return LocalModel(mdp, old).surrogate(new)


def surrogate_gradient(mdp: MDP, old: Any, new: TabularPolicy) -> Floats:
    """Gradient of `surrogate` in theta: `LocalModel(mdp, old).surrogate_gradient(new)`."""
    return LocalModel(mdp, old).surrogate_gradient(new)


def penalised(mdp: MDP, old: Any, new: Any, kl_coef: float) -> float:
    """Penalised surrogate l^k (lecture L10): `LocalModel(mdp, old).penalised(new, kl_coef)`."""
    return LocalModel(mdp, old).penalised(new, kl_coef)


def penalised_gradient(mdp: MDP, old: Any, new: TabularPolicy, kl_coef: float) -> Floats:
    """Gradient of `penalised`: `LocalModel(mdp, old).penalised_gradient(new, kl_coef)`."""
    return LocalModel(mdp, old).penalised_gradient(new, kl_coef)


@checked("performance difference")
def performance_difference(mdp: MDP, old: Any, new: Any) -> float:
    """J(new) - J(old) as E_{s ~ new} sum_h E_{a ~ new} A^old (lecture L2).

    Args:
        mdp: a finite MDP.
        old: a policy or its table, (S, A) or (H, S, A).
        new: a policy or its table.

    Returns:
        The difference of the expected returns, or of the average rewards.

    Raises:
        TypeError: no MDP, or values that are not numbers.
        ValueError: as in `MDP.evaluate`, or a result that is not finite.
    """
    advantage = an_mdp(mdp).evaluate(old).advantage
    evaluation = mdp.evaluate(new)
    return float(np.sum(evaluation.occupancy[..., None] * evaluation.pi * advantage))
