"""Conjugate gradient, the natural gradient, the line search, and first-order ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastpg import _core, arrays
from fastpg.arrays import Actions, Floats
from fastpg.policies import LinearSoftmax

Adam = _core.Adam


@dataclass(frozen=True)
class ConjugateGradientResult:
    """What conjugate gradient returns.

    status is "converged", "max_steps", "zero_rhs", "bad_curvature" (the matrix is not positive
    along a direction; x is the iterate before it) or "not_finite".
    """

    x: Floats
    status: str
    iterations: int
    residual: float  # |b - A x| / |b|, by its recurrence


def conjugate_gradient(
    matrix: Any, b: Any, *, max_steps: int = 10, tol: float = 1e-10, damping: float = 0.0
) -> ConjugateGradientResult:
    """Solve (A + damping I) x = b for a symmetric positive semi-definite A, from x = 0.

    Args:
        matrix: A, (n, n).
        b: right-hand side (n,). For a singular A it must lie in the range of A.
        max_steps: at most this many products with A.
        tol: relative; stops at |b - A x| <= tol |b|.
        damping: added to the diagonal, at least 0.
    """
    rhs = arrays.floats("b", b, (None,))
    a = arrays.floats("matrix", matrix, (len(rhs), len(rhs)))
    steps = arrays.integer("max_steps", max_steps, 1)
    return ConjugateGradientResult(
        *_core.conjugate_gradient(
            a, rhs, steps, arrays.number("tol", tol), arrays.number("damping", damping)
        )
    )


@dataclass(frozen=True)
class NaturalGradientResult:
    """The natural direction d = (F + damping I)^-1 g and how it was found."""

    direction: Floats  # the shape of the gradient
    status: str  # as in ConjugateGradientResult
    iterations: int
    residual: float
    curvature: float  # d^T F d, undamped: eta = sqrt(2 target_kl / curvature) has that KL
    damping: float  # absolute


def natural_gradient(
    policy: LinearSoftmax,
    phi: Floats,
    log_pi: Floats,
    gradient: Floats,
    *,
    actions: Actions | None = None,
    cg_max_steps: int = 20,
    cg_tol: float = 1e-10,
    cg_damping: float = 1e-3,
) -> NaturalGradientResult:
    """Conjugate gradient on the Fisher matrix of a batch, wholly in C++ (lecture L6, L7).

    Args:
        policy: whose parameters the gradient is for.
        phi: features (n, n_features).
        log_pi: log-probabilities (n, n_actions) at the policy's parameters.
        gradient: g, the shape of theta, a mean over the same batch.
        actions: None sums the action out of F; actions (n,) use those taken.
        cg_max_steps: at most this many Fisher products.
        cg_tol: relative residual to stop at.
        cg_damping: relative to the mean of F's diagonal; 0 restricts F^-1 to the range of F.
    """
    features = arrays.floats("phi", phi, (None, policy.shape[0]))
    return NaturalGradientResult(
        *_core.softmax_natural_gradient(
            features,
            arrays.floats("log_pi", log_pi, (len(features), policy.n_actions)),
            arrays.floats("gradient", gradient, policy.shape),
            None
            if actions is None
            else arrays.actions("actions", actions, len(features), policy.n_actions),
            arrays.integer("cg_max_steps", cg_max_steps, 1),
            arrays.number("cg_tol", cg_tol),
            arrays.number("cg_damping", cg_damping),
        )
    )


@dataclass(frozen=True)
class LineSearchResult:
    """What the line search returns.

    status is "accepted", "no_improvement", "kl_exceeded" or "not_finite": of the last point tried.
    """

    theta: Floats  # the accepted parameters, or those given
    status: str
    backtracks: int
    fraction: float  # of the full step; 0 when nothing was accepted
    objective_before: float
    objective_after: float
    kl: float  # KL(old | new), exact, mean over the batch


def line_search(
    policy: LinearSoftmax,
    phi: Floats,
    log_pi: Floats,
    actions: Actions,
    advantages: Floats,
    step: Floats,
    *,
    target_kl: float,
    ent_coef: float = 0.0,
    shrinking_factor: float = 0.8,
    max_iter: int = 10,
) -> LineSearchResult:
    """Backtrack from theta + step until KL(old | new) <= target_kl and the objective improved.

    The objective is the surrogate mean_i w_i A_i + ent_coef mean_i H_i, w the ratio of the new
    to the old probability of the action taken (TRPO, Schulman et al. 2015, appendix C).
    """
    features = arrays.floats("phi", phi, (None, policy.shape[0]))
    n = len(features)
    return LineSearchResult(
        *_core.softmax_line_search(
            features,
            arrays.actions("actions", actions, n, policy.n_actions),
            arrays.floats("advantages", advantages, (n,)),
            arrays.floats("log_pi", log_pi, (n, policy.n_actions)),
            policy.theta,
            arrays.floats("step", step, policy.shape),
            arrays.number("ent_coef", ent_coef),
            arrays.number("target_kl", target_kl),
            arrays.unit_interval("shrinking_factor", shrinking_factor),
            arrays.integer("max_iter", max_iter, 1),
        )
    )


def clipped_surrogate(
    policy: LinearSoftmax,
    phi: Floats,
    actions: Actions,
    advantages: Floats,
    adam: _core.Adam,
    *,
    seed: int,
    epoch_count: int = 0,
    clip_range: float = 0.2,
    learning_rate: float = 0.01,
    ent_coef: float = 0.0,
    max_grad_norm: float | None = None,
    target_kl: float | None = None,
    n_epochs: int = 10,
    batch_size: int = 256,
    normalize_advantage: bool = True,
) -> _core._ClippedSurrogateDict:
    """PPO's epochs of minibatch Adam, wholly in C++ (Schulman et al. 2017, arXiv 1707.06347).

    The batch is shuffled anew each epoch by (seed, epoch_count + epoch) and cut into minibatches
    whose sizes differ by at most one. `adam` is updated in place, the policy is not: its new
    parameters are returned under "theta". With `target_kl` the epochs stop after the one whose
    exact mean KL(old | new) is above it. If a gradient is not finite, nothing is changed and
    "finite" is False.
    """
    features = arrays.floats("phi", phi, (None, policy.shape[0]))
    return _core.softmax_clipped_surrogate(
        features,
        arrays.actions("actions", actions, len(features), policy.n_actions),
        arrays.floats("advantages", advantages, (len(features),)),
        policy.theta,
        adam,
        arrays.seed(seed),
        arrays.integer("epoch_count", epoch_count, 0),
        clip_range,
        learning_rate,
        ent_coef,
        max_grad_norm,
        target_kl,
        n_epochs,
        batch_size,
        normalize_advantage,
    )
