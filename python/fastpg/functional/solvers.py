"""Conjugate gradient, the natural gradient, the line search, and first-order ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays, threads
from fastpg.arrays import AnyFloats, Floats
from fastpg.policies.base import LinearPolicy
from fastpg.policies.batch import LineSearchResult, NaturalGradientResult, PolicyBatch
from fastpg.suggestions import one_of

Adam = _core.Adam
FeatureMoments = _core.FeatureMoments

SOLVERS = ("auto", "cg", "cholesky")

# Iterations: far beyond any use.
MOST_CG_STEPS = 1_000_000
MOST_EPOCHS = 1_000_000
MOST_LINE_SEARCH = 10_000


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
        max_steps: at most this many products with A, from 1 to 1,000,000.
        tol: relative; stops at |b - A x| <= tol |b|.
        damping: added to the diagonal, at least 0.
    """
    rhs = arrays.finite_floats("b", b, (None,))
    a = arrays.finite_floats("matrix", matrix, (len(rhs), len(rhs)))
    steps = arrays.integer("max_steps", max_steps, 1, MOST_CG_STEPS)
    return ConjugateGradientResult(
        *_core.conjugate_gradient(
            a, rhs, steps, arrays.number("tol", tol), arrays.number("damping", damping)
        )
    )


def natural_gradient(
    policy: LinearPolicy,
    phi: AnyFloats,
    dist: Floats,
    gradient: Floats,
    *,
    actions: npt.NDArray[Any] | None = None,
    solver: str = "cg",
    cg_max_steps: int = 20,
    cg_tol: float = 1e-10,
    cg_damping: float = 1e-3,
    num_threads: int | None = None,
) -> NaturalGradientResult:
    """The natural direction of a batch, wholly in C++ (lecture L6, L7).

    Args:
        policy: whose parameters the gradient is for.
        phi: features (n, n_features).
        dist: distributions (n, k) at the policy's parameters.
        gradient: g, the shape of theta, a mean over the same batch.
        actions: None sums the action out of F; actions, as many as samples, use those taken.
        solver: "cg", conjugate gradient on products with F, or on F itself where forming it costs
            less; "cholesky", a dense factorisation, which needs damping, F being singular; "auto",
            cholesky for at most 64 parameters with damping, else cg.
        cg_max_steps: at most this many Fisher products, from 1 to 1,000,000.
        cg_tol: relative residual to stop at.
        cg_damping: relative to the mean of F's diagonal; 0 restricts F^-1 to the range of F.
        num_threads: None is FASTPG_NUM_THREADS, else 1; it changes no bit of the result.

    Raises:
        OverflowError: features or a gradient so large that F, its damping or the curvature is not
            finite.
    """
    one_of("solver", solver, SOLVERS)
    features = policy._phi(phi)
    n = len(features)
    taken = policy._taken(actions, n)
    batch = PolicyBatch(policy, features, taken, None, threads.num_threads(num_threads))
    found = batch.natural_gradient(
        policy._dist(dist, n),
        arrays.shaped_floats("gradient", gradient, policy.shape),
        sampled=taken is not None,
        solver=solver,
        cg_max_steps=arrays.integer("cg_max_steps", cg_max_steps, 1, MOST_CG_STEPS),
        cg_tol=arrays.number("cg_tol", cg_tol),
        cg_damping=arrays.number("cg_damping", cg_damping),
    )
    if not np.isfinite([found.curvature, found.damping]).all():
        raise OverflowError("phi, gradient: expected numbers whose sums are finite")
    return found


def line_search(
    policy: LinearPolicy,
    phi: AnyFloats,
    dist: Floats,
    actions: npt.NDArray[Any],
    advantages: Floats,
    step: Floats,
    *,
    target_kl: float,
    mask: Any = None,
    ent_coef: float = 0.0,
    shrinking_factor: float = 0.8,
    max_iter: int = 10,
) -> LineSearchResult:
    """Backtrack from theta + step until KL(old | new) <= target_kl and the objective improved.

    The objective is the surrogate mean_i w_i A_i + ent_coef mean_i H_i, w the ratio of the new
    to the old probability of the action taken (TRPO, Schulman et al. 2015, appendix C).
    """
    features = policy._phi(phi)
    n = len(features)
    batch = PolicyBatch(policy, features, policy._actions(actions, n), policy._mask(mask, features))
    return batch.line_search(
        policy._dist(dist, n),
        arrays.shaped_floats("advantages", advantages, (n,)),
        arrays.shaped_floats("step", step, policy.shape),
        target_kl=arrays.positive("target_kl", target_kl),
        ent_coef=arrays.number("ent_coef", ent_coef),
        shrinking_factor=arrays.unit_interval("shrinking_factor", shrinking_factor),
        max_iter=arrays.integer("max_iter", max_iter, 1, MOST_LINE_SEARCH),
    )


OPTIMIZERS = ("adam", "sgd")
KL_ESTIMATORS = ("exact", "sampled")
OBJECTIVES = {
    "clip": dict.fromkeys(KL_ESTIMATORS, _core.PpoObjective.clip),
    "kl_penalty": {
        "exact": _core.PpoObjective.kl_penalty_exact,
        "sampled": _core.PpoObjective.kl_penalty_sampled,
    },
}


def ppo_epochs(
    policy: LinearPolicy,
    phi: AnyFloats,
    actions: npt.NDArray[Any],
    advantages: Floats,
    adam: _core.Adam,
    *,
    seed: int,
    first_epoch: int = 0,
    whitening: _core.Whitening | None = None,
    mask: Any = None,
    objective: str = "clip",
    clip_range: float = 0.2,
    kl_coef: float = 0.0,
    kl_estimator: str = "exact",
    learning_rate: float = 0.01,
    ent_coef: float = 0.0,
    max_grad_norm: float | None = None,
    target_kl: float | None = None,
    n_epochs: int = 10,
    batch_size: int = 256,
    normalize_advantage: bool = True,
    optimizer: str = "adam",
) -> _core._PpoDict:
    """PPO's epochs of minibatch ascent, wholly in C++ (Schulman et al. 2017, arXiv 1707.06347).

    The batch is shuffled anew each epoch by (seed, first_epoch + epoch) and cut into minibatches
    whose sizes differ by at most one. `adam` is updated in place, the policy is not: its new
    parameters are returned, flat, under "parameters". With `target_kl` the epochs stop before the
    first minibatch whose mean KL(old | new) is above it, the action summed out, and "stopped" is
    True. With `whitening` the steps, and `max_grad_norm`, are those of the parameters t in
    theta = W t, means of a Gaussian counted in sigmas. If a gradient is not finite, nothing is
    changed and "finite" is False.
    """
    features = policy._phi(phi)
    n = len(features)
    forms = OBJECTIVES[one_of("objective", objective, OBJECTIVES)]
    return policy._head.ppo_epochs(
        features,
        policy._actions(actions, n),
        arrays.shaped_floats("advantages", advantages, (n,)),
        policy._mask(mask, features),
        policy.theta.ravel(),
        adam,
        arrays.seed(seed),
        arrays.integer("first_epoch", first_epoch, 0),
        whitening,
        forms[one_of("kl_estimator", kl_estimator, KL_ESTIMATORS)],
        arrays.non_negative("clip_range", clip_range),
        arrays.non_negative("kl_coef", kl_coef),
        arrays.non_negative("learning_rate", learning_rate),
        arrays.number("ent_coef", ent_coef),
        None if max_grad_norm is None else arrays.positive("max_grad_norm", max_grad_norm),
        None if target_kl is None else arrays.positive("target_kl", target_kl),
        arrays.integer("n_epochs", n_epochs, 1, MOST_EPOCHS),
        arrays.integer("batch_size", batch_size, 1),
        arrays.boolean("normalize_advantage", normalize_advantage),
        one_of("optimizer", optimizer, OPTIMIZERS) == "sgd",
    )
