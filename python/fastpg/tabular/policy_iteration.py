"""Policy iteration: exact, with a fitted Q, and conservative (lecture L3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.results import checked, finite
from fastpg.suggestions import one_of
from fastpg.tabular.local_model import LocalModel
from fastpg.tabular.mdp import MDP, an_mdp
from fastpg.tabular.trajectories import Iterates, iterate

WEIGHTINGS = ("visits", "uniform")


def greedy(q: Any) -> Floats:
    """The greedy policy of Q; of equally good actions it takes the first.

    Args:
        q: (..., A), finite.

    Returns:
        Probabilities 0 and 1, (..., A).

    Raises:
        ValueError: numbers that are not finite, or no numbers.
        TypeError: values that are not numbers.
    """
    values = arrays.finite_floats("q", q, (None,) * arrays.ndim("q", q))
    best = values.argmax(axis=-1)
    table: Floats = (np.arange(values.shape[-1]) == best[..., None]).astype(np.float64)
    return table


def policy_iteration(mdp: MDP, policy: Any, n_iterations: int, *, kl_per: str = "step") -> Iterates:
    """Policy iteration: every step takes the greedy policy of the exact Q (lecture L3).

    With a horizon the greedy policy depends on the step of the episode. A state in which no action
    has a positive advantage keeps its probabilities, so that the optimum is a fixed point. The KL
    of a step is infinite if the new policy gives probability 0 to an action of the old one.

    Args:
        mdp: a finite MDP.
        policy: initial policy, or its table.
        n_iterations: number of steps, in [0, 10^6].
        kl_per: unit of the recorded KL: "trajectory" or "step".

    Returns:
        The policies and their J. `policies[0]` is the given policy; the others are tables (S, A),
        or (H, S, A) with a horizon. Every multiplier `step` is 1.

    Raises:
        TypeError: no MDP, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, or arguments out of range.
    """

    def step(local: LocalModel, old: Any, _: float) -> tuple[Any, float]:
        evaluation = local.evaluation
        scale = 1e-12 * float(np.max(np.abs(evaluation.Q)))
        better = evaluation.advantage.max(axis=-1, keepdims=True) > scale
        pi = np.broadcast_to(evaluation.pi, evaluation.Q.shape)
        return np.where(better, greedy(evaluation.Q), pi), 1.0

    return iterate(mdp, policy, n_iterations, step, kl_per)


def fitted_policy_iteration(
    mdp: MDP,
    policy: Any,
    n_iterations: int,
    *,
    features: Any,
    weighting: Any = "visits",
    kl_per: str = "step",
) -> Iterates:
    """Policy iteration with a Q fitted linearly in features (lecture L3).

    Args:
        mdp: a finite MDP.
        policy: initial policy, or its table.
        n_iterations: number of steps, in [0, 10^6].
        features: features of state and action, (S, A, d); the same at every step of the episode.
        weighting: weights of the squared errors: "visits", the visits of the policy; "uniform"; or
            numbers (S, A) of at least 0.
        kl_per: unit of the recorded KL: "trajectory" or "step".

    Returns:
        The policies and their J; every multiplier `step` is 1.

    Raises:
        TypeError: no MDP, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, arguments out of range, or results that are not finite.
    """
    table, weights = _checked_fit(an_mdp(mdp), features, weighting)

    def step(local: LocalModel, old: Any, _: float) -> tuple[Any, float]:
        return greedy(fitted_q(local, table, weights)), 1.0

    return iterate(mdp, policy, n_iterations, step, kl_per)


@checked("fitted Q")
def fitted_q(local: LocalModel, features: Any, weighting: Any = "visits") -> Floats:
    """The weighted least-squares fit of Q; if it is not unique, the solution of least norm.

    Args:
        local: model at the policy whose Q is fitted.
        features: (S, A, d).
        weighting: as in `fitted_policy_iteration`.

    Returns:
        Fitted Q, (H, S, A) with a horizon, else (S, A).

    Raises:
        ValueError: other shapes, an unknown weighting, weights below 0, or results that are not
            finite.
        TypeError: values that are not numbers.
    """
    evaluation = local.evaluation
    table, weighting = _checked_fit(local.mdp, features, weighting)
    phi = table.reshape(-1, table.shape[-1])
    q = evaluation.Q.reshape(-1, len(phi))
    if isinstance(weighting, str):
        chosen = evaluation.state_actions if weighting == "visits" else np.ones_like(evaluation.Q)
    else:
        chosen = np.broadcast_to(weighting, evaluation.Q.shape)
    fitted = np.empty_like(q)
    for h, w in enumerate(np.sqrt(chosen).reshape(q.shape)):
        finite("weighted features and Q", np.column_stack((w[:, None] * phi, w * q[h])))
        fitted[h] = phi @ np.linalg.lstsq(w[:, None] * phi, w * q[h], rcond=1e-12)[0]
    return fitted.reshape(evaluation.Q.shape)


def conservative_policy_iteration(
    mdp: MDP,
    policy: Any,
    n_iterations: int,
    *,
    alpha: float | None = None,
    kl_per: str = "step",
) -> Iterates:
    """Steps of pi <- (1 - alpha) pi + alpha greedy (Kakade & Langford 2002).

    Args:
        mdp: a finite MDP.
        policy: initial policy, or its table.
        n_iterations: number of steps, in [0, 10^6].
        alpha: in [0, 1]; None: `guaranteed_alpha`, only with a discount and no horizon.
        kl_per: unit of the recorded KL: "trajectory" or "step".

    Returns:
        The policies and their J; the multiplier `step` is alpha.

    Raises:
        TypeError: no MDP, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`, arguments out of range, or results that are not finite.
    """
    fixed = None if alpha is None else arrays.unit_interval("alpha", alpha)
    if fixed is None and an_mdp(mdp).criterion != "discounted":
        raise ValueError(f"alpha: expected a number for the {mdp.criterion} criterion, got None")

    def step(local: LocalModel, old: Any, _: float) -> tuple[Any, float]:
        evaluation = local.evaluation
        better = greedy(evaluation.Q)
        share = guaranteed_alpha(local, better) if fixed is None else fixed
        return (1.0 - share) * evaluation.pi + share * better, share

    return iterate(mdp, policy, n_iterations, step, kl_per)


@checked("alpha")
def guaranteed_alpha(local: LocalModel, new: Any) -> float:
    """The alpha that maximises alpha / (1 - gamma) (gain - 2 alpha gamma eps / (1 - gamma)).

    With gain = E_{s ~ d, a ~ new} A and eps = max_s |E_{a ~ new} A|, this expression is a lower
    bound of the improvement.

    Args:
        local: model of an MDP with a discount and no horizon.
        new: the policy to mix in, or its table.

    Returns:
        Alpha in [0, 1]; 0 if the gain is not positive.

    Raises:
        ValueError: another criterion, not probabilities, another shape, or numbers too large for a
            float64.
        TypeError: values that are not numbers.
    """
    if local.mdp.criterion != "discounted":
        raise ValueError(f"local: expected a discounted MDP, got {local.mdp!r}")
    gamma = local.mdp.gamma
    gains = (local.mdp.policy_table(new) * local.evaluation.advantage).sum(axis=-1)
    gain, largest = float(local.evaluation.visits @ gains), float(np.max(np.abs(gains)))
    if gain <= 0.0:
        return 0.0
    steepness = finite("largest mean advantage", 4.0 * gamma * largest)
    return min(1.0, gain * (1.0 - gamma) / steepness) if steepness > 0.0 else 1.0


def _checked_fit(mdp: MDP, features: Any, weighting: Any) -> tuple[Floats, Any]:
    """Check features (S, A, d), and the name of a weighting or weights (S, A)."""
    shape = (mdp.n_states, mdp.n_actions)
    table = arrays.finite_floats("features", features, (*shape, None))
    if isinstance(weighting, str):
        return table, one_of("weighting", weighting, WEIGHTINGS)
    weights = arrays.finite_floats("weighting", weighting, shape)
    if np.any(weights < 0.0):
        raise ValueError("weighting: expected numbers of at least 0")
    return table, weights
