"""Exact gradients, Fisher matrices, KLs and surrogates of policies in a finite MDP (L2, L4 to L10).

Quantities "per trajectory" are sums over the steps of an episode, as in the lecture; "per step"
they are divided by its mean length. No action is taken in a terminal state, which counts for
nothing. An endless discounted episode weighs states by its normalised
discounted visits per step, and by 1 / (1 - gamma) of them per trajectory; for an average reward
only the step has a meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.naming import one_of
from fastpg.results import checked
from fastpg.tabular.mdp import MDP, Evaluation, an_mdp
from fastpg.tabular.policies import TabularPolicy

PER = ("trajectory", "step")


def parametric(name: str, policy: Any, mdp: MDP) -> TabularPolicy:
    """A policy with a theta, of the MDP's states and actions."""
    if not isinstance(policy, TabularPolicy):
        raise TypeError(f"{name}: expected a tabular policy with a theta, got {policy!r}")
    mdp.policy_table(policy)
    return policy


@checked("weights of states")
def state_weights(mdp: MDP, evaluation: Evaluation, per: str = "trajectory") -> Floats:
    """How much each state counts in a KL or a Fisher matrix, (S,) or (H, S).

    Args:
        mdp: a finite MDP.
        evaluation: of the policy whose visits weigh.
        per: "trajectory" or "step".
    """
    one_of("per", per, PER)
    weights: Floats = np.where(mdp.terminal, 0.0, evaluation.visits)
    if per == "step":
        length = weights.sum()
        return weights / length if length > 0.0 else weights
    return weights / (1.0 - mdp.gamma) if mdp.criterion == "discounted" else weights


@checked("gradient of J")
def gradient(mdp: MDP, policy: TabularPolicy) -> Floats:
    """Gradient of J, the shape of theta: sum of occupancy pi grad ln pi A (lecture L6)."""
    evaluation = an_mdp(mdp).evaluate(parametric("policy", policy, mdp))
    return policy.score_sum(evaluation.occupancy[..., None] * evaluation.pi * evaluation.advantage)


def fisher(mdp: MDP, policy: TabularPolicy, per: str = "trajectory") -> Floats:
    """F = E sum_h grad ln pi grad ln pi^T, theta.size squared (lecture L7)."""
    evaluation = an_mdp(mdp).evaluate(parametric("policy", policy, mdp))
    return policy.fisher(state_weights(mdp, evaluation, per))


def state_kl(old: Any, new: Any) -> Floats:
    """KL(old | new) of tables (..., A) in every state; infinite where new is 0 < old (L5)."""
    p, q = (
        arrays.probabilities(name, table, (None,) * arrays.ndim(name, table))
        for name, table in (("old", old), ("new", new))
    )
    try:
        np.broadcast_shapes(p.shape, q.shape)
    except ValueError:
        raise ValueError(f"new: expected shape {p.shape}, got {q.shape}") from None
    with np.errstate(divide="ignore"):
        return kl_of_logs(p, np.log(q))


def kl_of_logs(p: Floats, log_q: Floats) -> Floats:
    """Sum of p ln p/q over the last axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0.0, p * (np.log(p) - log_q), 0.0)
    out: Floats = np.maximum(terms.sum(axis=-1), 0.0)
    return out


def _log_table(mdp: MDP, policy: Any) -> Floats:
    """Ln pi; of a policy with a theta also where pi is too small for a double."""
    table = mdp.policy_table(policy)
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(table)
    if isinstance(policy, TabularPolicy):
        return np.where(table > 0.0, logs, policy.log_probabilities())
    return logs


class LocalModel:
    """What an iteration knows of the next policy: everything is weighed by the old one's states.

    Args:
        mdp: a finite MDP.
        old: pi_k, a policy or its table.
    """

    def __init__(self, mdp: MDP, old: Any) -> None:
        self.mdp = an_mdp(mdp)
        self.evaluation = mdp.evaluate(old)

    @checked("surrogate")
    def surrogate(self, new: Any) -> float:
        """f^k = E_{s ~ old} sum_h E_{a ~ new} A^old(s, a, h) (lecture L4)."""
        weights = self.evaluation.occupancy[..., None] * self.mdp.policy_table(new)
        return float(np.sum(weights * self.evaluation.advantage))

    @checked("gradient of the surrogate")
    def surrogate_gradient(self, new: TabularPolicy) -> Floats:
        """Gradient of `surrogate` in theta: at the old policy that of J (lecture L6)."""
        parametric("new", new, self.mdp)
        weights = self.evaluation.occupancy[..., None] * new.probabilities()
        return new.score_sum(weights * self.evaluation.advantage)

    def weights(self, per: str = "trajectory") -> Floats:
        """See `state_weights`."""
        return state_weights(self.mdp, self.evaluation, per)

    @checked("KL", infinite=True)
    def kl(self, new: Any, per: str = "trajectory") -> float:
        """KL(rho_old | rho_new) of trajectories: the dynamics cancel (lecture L5).

        Infinite where the new policy gives up an action that the old one takes, or where no double
        is large enough.
        """
        weights = self.weights(per)
        each = kl_of_logs(self.evaluation.pi, _log_table(self.mdp, new))
        each = np.broadcast_to(each, weights.shape)
        visited = weights > 0.0
        return float(np.sum(weights[visited] * each[visited]))

    @checked("gradient of the KL")
    def kl_gradient(self, new: TabularPolicy, per: str = "trajectory") -> Floats:
        """Gradient of `kl` in theta: 0 at the old policy (lecture L7)."""
        parametric("new", new, self.mdp)
        return -new.score_sum(self.weights(per)[..., None] * self.evaluation.pi)

    def kl_hessian(self, new: TabularPolicy, per: str = "trajectory") -> Floats:
        """Hessian of `kl` in theta: F at the old policy (lecture L7).

        For logits that are linear in theta it is the Fisher matrix of the new policy in the states
        that the old one visits.
        """
        return parametric("new", new, self.mdp).fisher(self.weights(per))

    @checked("penalised surrogate", infinite=True)
    def penalised(self, new: Any, kl_coef: float) -> float:
        """l^k = f^k - lambda E sum_h ln 1 / pi_new(a|s), a from the old policy (lecture L10).

        Minus infinity where the new policy gives up an action that the old one takes, or where no
        double is low enough.
        """
        kl_coef = arrays.non_negative("kl_coef", kl_coef)
        taken_by_old = self.weights()[..., None] * self.evaluation.pi
        if kl_coef == 0.0:
            return self.surrogate(new)
        logs = np.broadcast_to(_log_table(self.mdp, new), taken_by_old.shape)
        taken = taken_by_old > 0.0
        penalty = float(np.sum(taken_by_old[taken] * logs[taken]))
        return self.surrogate(new) + kl_coef * penalty

    @checked("gradient of the penalised surrogate")
    def penalised_gradient(self, new: TabularPolicy, kl_coef: float) -> Floats:
        """Gradient of `penalised` in theta."""
        kl_coef = arrays.non_negative("kl_coef", kl_coef)
        return self.surrogate_gradient(new) - kl_coef * self.kl_gradient(new)


def kl(mdp: MDP, old: Any, new: Any, per: str = "trajectory") -> float:
    """See `LocalModel.kl`."""
    return LocalModel(mdp, old).kl(new, per)


def kl_gradient(mdp: MDP, old: Any, new: TabularPolicy, per: str = "trajectory") -> Floats:
    """See `LocalModel.kl_gradient`."""
    return LocalModel(mdp, old).kl_gradient(new, per)


def kl_hessian(mdp: MDP, old: Any, new: TabularPolicy, per: str = "trajectory") -> Floats:
    """See `LocalModel.kl_hessian`."""
    return LocalModel(mdp, old).kl_hessian(new, per)


def surrogate(mdp: MDP, old: Any, new: Any) -> float:
    """See `LocalModel.surrogate`."""
    return LocalModel(mdp, old).surrogate(new)


def surrogate_gradient(mdp: MDP, old: Any, new: TabularPolicy) -> Floats:
    """See `LocalModel.surrogate_gradient`."""
    return LocalModel(mdp, old).surrogate_gradient(new)


def penalised(mdp: MDP, old: Any, new: Any, kl_coef: float) -> float:
    """See `LocalModel.penalised`."""
    return LocalModel(mdp, old).penalised(new, kl_coef)


def penalised_gradient(mdp: MDP, old: Any, new: TabularPolicy, kl_coef: float) -> Floats:
    """See `LocalModel.penalised_gradient`."""
    return LocalModel(mdp, old).penalised_gradient(new, kl_coef)


@checked("performance difference")
def performance_difference(mdp: MDP, old: Any, new: Any) -> float:
    """J(new) - J(old) as E_{s ~ new} sum_h E_{a ~ new} A^old (lecture L2)."""
    advantage = an_mdp(mdp).evaluate(old).advantage
    evaluation = mdp.evaluate(new)
    return float(np.sum(evaluation.occupancy[..., None] * evaluation.pi * advantage))
