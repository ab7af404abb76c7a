"""The model of a policy in the states that it visits: surrogates and KLs of other policies."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.results import checked
from fastpg.suggestions import one_of
from fastpg.tabular.mdp import MDP, Evaluation, an_mdp
from fastpg.tabular.policies import TabularPolicy

PER = ("trajectory", "step")


def parametric(name: str, policy: Any, mdp: MDP) -> TabularPolicy:
    """Check that a policy has a theta and fits the MDP.

    Args:
        name: name of the argument, for errors.
        policy: a tabular policy.
        mdp: a finite MDP.

    Returns:
        `policy`.

    Raises:
        TypeError: not a tabular policy with a theta.
        ValueError: a policy with another number of states, actions or steps.
    """
    if not isinstance(policy, TabularPolicy):
        raise TypeError(f"{name}: expected a tabular policy with a theta, got {policy!r}")
    mdp.policy_table(policy)
    return policy


@checked("weights of states")
def state_weights(mdp: MDP, evaluation: Evaluation, per: str = "trajectory") -> Floats:
    """Weight of each state in a KL or a Fisher matrix; 0 for terminal states.

    Args:
        mdp: a finite MDP.
        evaluation: evaluation of the policy whose visits are the weights.
        per: "trajectory", or "step": divided by the mean length of an episode.

    Returns:
        (H, S) with a horizon, else (S,).

    Raises:
        ValueError: another `per`, or weights too large for a float64.
        TypeError: a `per` that is not a string.
    """
    one_of("per", per, PER)
    weights: Floats = np.where(mdp.terminal, 0.0, evaluation.visits)
    if per == "step":
        length = weights.sum()
        return weights / length if length > 0.0 else weights
    return weights / (1.0 - mdp.gamma) if mdp.criterion == "discounted" else weights


def kl_of_logs(p: Floats, log_q: Floats) -> Floats:
    """Sum of p (ln p - ln q) over the last axis, at least 0.

    Args:
        p: probabilities (..., A).
        log_q: ln q, (..., A).

    Returns:
        (...), in nats.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0.0, p * (np.log(p) - log_q), 0.0)
    out: Floats = np.maximum(terms.sum(axis=-1), 0.0)
    return out


def _log_table(mdp: MDP, policy: Any) -> Floats:
    """The table ln pi; for a policy with a theta it is finite even if pi underflows to 0."""
    table = mdp.policy_table(policy)
    with np.errstate(divide="ignore"):
        logs: Floats = np.log(table)
    if isinstance(policy, TabularPolicy):
        return np.where(table > 0.0, logs, policy.log_probabilities())
    return logs


class LocalModel:
    """Surrogates, KLs and their derivatives for new policies, on the states an old policy visits.

    Args:
        mdp: a finite MDP.
        old: the old policy pi_k, or its table.

    Raises:
        TypeError: no MDP, or values that are not numbers.
        ValueError: as in `MDP.evaluate`.
    """

    def __init__(self, mdp: MDP, old: Any) -> None:
        self.mdp = an_mdp(mdp)
        self.evaluation = mdp.evaluate(old)

    @checked("surrogate")
    def surrogate(self, new: Any) -> float:
        """f^k = E_{s ~ old} sum_h E_{a ~ new} A^old(s, a, h) (lecture L4).

        Args:
            new: a policy or its table, (S, A) or (H, S, A).

        Returns:
            A sum over the steps of an episode, each weighted by its discount; for an average
            reward, the mean per step.

        Raises:
            ValueError: not probabilities, another shape, or a result that is not finite.
            TypeError: values that are not numbers.
        """
        weights = self.evaluation.occupancy[..., None] * self.mdp.policy_table(new)
        return float(np.sum(weights * self.evaluation.advantage))

    @checked("gradient of the surrogate")
    def surrogate_gradient(self, new: TabularPolicy) -> Floats:
        """Gradient of `surrogate` in theta; at the old policy it is that of J (lecture L6).

        Args:
            new: a policy with a theta.

        Returns:
            The gradient, of the shape of theta.

        Raises:
            TypeError: not a tabular policy with a theta.
            ValueError: a policy that does not fit the MDP, or a gradient that is not finite.
        """
        parametric("new", new, self.mdp)
        weights = self.evaluation.occupancy[..., None] * new.probabilities()
        return new.score_sum(weights * self.evaluation.advantage)

    def weights(self, per: str = "trajectory") -> Floats:
        """Weights of the states under the old policy, as in `state_weights`.

        Args:
            per: "trajectory", or "step": divided by the mean length of an episode.

        Returns:
            (H, S) with a horizon, else (S,).

        Raises:
            ValueError: another `per`, or weights too large for a float64.
            TypeError: a `per` that is not a string.
        """
        return state_weights(self.mdp, self.evaluation, per)

    @checked("KL", infinite=True)
    def kl(self, new: Any, per: str = "trajectory") -> float:
        """KL(rho_old | rho_new) of trajectories, in which the dynamics cancel (lecture L5).

        Args:
            new: a policy or its table, (S, A) or (H, S, A).
            per: "trajectory": the sum over the steps; "step": divided by the mean length of an
                episode of the old policy.

        Returns:
            The KL in nats. It is infinite if the new policy gives probability 0 to an action that
            the old one takes, or if it is too large for a float64.

        Raises:
            ValueError: not probabilities, another shape, or another `per`.
            TypeError: values that are not numbers.
        """
        weights = self.weights(per)
        each = kl_of_logs(self.evaluation.pi, _log_table(self.mdp, new))
        each = np.broadcast_to(each, weights.shape)
        visited = weights > 0.0
        return float(np.sum(weights[visited] * each[visited]))

    @checked("gradient of the KL")
    def kl_gradient(self, new: TabularPolicy, per: str = "trajectory") -> Floats:
        """Gradient of `kl` in theta; 0 at the old policy (lecture L7).

        Args:
            new: a policy with a theta.
            per: "trajectory" or "step", as in `kl`.

        Returns:
            The gradient, of the shape of theta.

        Raises:
            TypeError: not a tabular policy with a theta.
            ValueError: a policy that does not fit the MDP, another `per`, or a gradient that is not
                finite.
        """
        parametric("new", new, self.mdp)
        return -new.score_sum(self.weights(per)[..., None] * self.evaluation.pi)

    def kl_hessian(self, new: TabularPolicy, per: str = "trajectory") -> Floats:
        """Hessian of `kl` in theta; at the old policy it is the Fisher matrix (lecture L7).

        Since the logits are linear in theta, it is the Fisher matrix of the new policy, with states
        weighted by the visits of the old one.

        Args:
            new: a policy with a theta.
            per: "trajectory" or "step", as in `kl`.

        Returns:
            (P, P), where P is `theta.size`, in the order of `theta.ravel()`.

        Raises:
            TypeError: not a tabular policy with a theta.
            ValueError: a policy that does not fit the MDP, another `per`, or a matrix that is not
                finite.
        """
        return parametric("new", new, self.mdp).fisher(self.weights(per))

    @checked("penalised surrogate", infinite=True)
    def penalised(self, new: Any, kl_coef: float) -> float:
        """l^k = f^k - lambda E sum_h ln 1 / pi_new(a|s), a from the old policy (lecture L10).

        Args:
            new: a policy or its table, (S, A) or (H, S, A).
            kl_coef: lambda, at least 0; both terms are sums over a trajectory.

        Returns:
            l^k. It is minus infinity if lambda is above 0 and the new policy gives probability 0 to
            an action that the old one takes, or if it is too low for a float64.

        Raises:
            ValueError: not probabilities, another shape, or a `kl_coef` below 0 or not finite.
            TypeError: values that are not numbers.
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
        """Gradient of `penalised` in theta.

        Args:
            new: a policy with a theta.
            kl_coef: lambda, at least 0.

        Returns:
            The gradient, of the shape of theta.

        Raises:
            TypeError: not a tabular policy with a theta, or a `kl_coef` that is not a number.
            ValueError: a policy that does not fit the MDP, a `kl_coef` below 0, or a gradient that
                is not finite.
        """
        kl_coef = arrays.non_negative("kl_coef", kl_coef)
        return self.surrogate_gradient(new) - kl_coef * self.kl_gradient(new)
