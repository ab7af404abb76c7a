"""Conjugate gradient, the natural gradient, the line search, and first-order ascent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.arrays import Floats
from fastpg.optimizers import OPTIMIZERS as OPTIMIZERS
from fastpg.optimizers import make_optimizer as make_optimizer
from fastpg.policies.base import Policy
from fastpg.suggestions import names_checked, one_of

Optimizer = _core.Optimizer
Adam = _core.Adam
Sgd = _core.Sgd
RMSprop = _core.RMSprop
FeatureMoments = _core.FeatureMoments
Whitening = _core.Whitening
PpoUpdate = _core.PpoUpdate

SOLVERS = ("auto", "cg", "cholesky")

_MOST_FACTORISED = 64  # parameters

# Limits of numbers of iterations, far above useful ones.
MOST_CG_STEPS = 1_000_000
MOST_EPOCHS = 1_000_000
MOST_LINE_SEARCH = 10_000


@names_checked
def conjugate_gradient(
    matrix: Any, b: Any, *, max_steps: int = 10, tol: float = 1e-10, damping: float = 0.0
) -> _core.ConjugateGradient:
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
    return _core.conjugate_gradient(
        a, rhs, steps, arrays.non_negative("tol", tol), arrays.non_negative("damping", damping)
    )


def factorises(solver: str, parameters: int, damping: float) -> bool:
    """Whether a solver factorises F; "auto" does so for few parameters with damping.

    Args:
        solver: "auto", "cg" or "cholesky".
        parameters: number of parameters.
        damping: relative to the mean of F's diagonal.

    Returns:
        False if conjugate gradient is used.
    """
    few = parameters <= _MOST_FACTORISED and damping > 0.0
    return solver == "cholesky" or (solver == "auto" and few)


def require_damping(solver: str, damping: float) -> None:
    """Raise ValueError if F would be factorised without damping, since it may be singular.

    Args:
        solver: "auto", "cg" or "cholesky".
        damping: relative to the mean of F's diagonal.

    Raises:
        ValueError: no damping with "cholesky".
    """
    if solver == "cholesky" and damping == 0.0:
        raise ValueError(
            "cg_damping: expected a number above 0 with solver='cholesky', since F may be "
            f"singular, got {damping}; solver='cg' takes 0"
        )


@names_checked
def natural_gradient(
    policy: Policy,
    phi: Floats,
    dist: Floats,
    gradient: Floats,
    *,
    actions: npt.NDArray[Any] | None = None,
    solver: str = "cg",
    cg_max_steps: int = 20,
    cg_tol: float = 1e-10,
    cg_damping: float = 1e-3,
    num_threads: int | None = None,
) -> _core.NaturalGradient:
    """The natural direction of a batch, wholly in C++ (lecture L6, L7).

    Args:
        policy: the policy of the gradient.
        phi: features (n, n_features).
        dist: distributions (n, k) at the policy's parameters.
        gradient: g, the shape of theta, a mean over the same batch.
        actions: the n actions taken, for the sampled F; None sums the action out.
        solver: "cg", conjugate gradient with products F v, or with F itself if computing it takes
            less time; "cholesky", a dense factorisation, which needs damping, as F may be singular;
            "auto", cholesky for at most 64 parameters with damping, otherwise cg.
        cg_max_steps: at most this many Fisher products, from 1 to 1,000,000.
        cg_tol: relative residual at which it stops.
        cg_damping: relative to the mean of F's diagonal; 0 restricts F^-1 to the range of F, in
            which the gradient must be: that of the same states is.
        num_threads: in [1, 256]; None: FASTPG_NUM_THREADS, or 1. Results do not depend on it.

    Raises:
        ValueError: an unknown solver, an argument out of range, or "cholesky" without damping.
        OverflowError: features or a gradient so large that F, its damping or the curvature is not
            finite.
    """
    one_of("solver", solver, SOLVERS)
    batch = policy.batch(phi, actions, num_threads=num_threads)
    damping = arrays.number("cg_damping", cg_damping)
    require_damping(solver, damping)
    g = arrays.shaped_floats("gradient", gradient, policy.shape)
    found = batch.natural_gradient(
        policy.theta,
        policy._dist(dist, len(batch.phi)),
        g,
        sampled=actions is not None,
        factorise=factorises(solver, g.size, damping),
        max_steps=arrays.integer("cg_max_steps", cg_max_steps, 1, MOST_CG_STEPS),
        tolerance=arrays.number("cg_tol", cg_tol),
        damping=damping,
    )
    if not np.isfinite([found.curvature, found.damping]).all():
        raise OverflowError("phi, gradient: expected numbers whose sums are finite")
    return found


def line_search(
    policy: Policy,
    phi: Floats,
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
) -> _core.LineSearch:
    """Backtrack from theta + step until KL(old | new) <= target_kl and the objective improved.

    The objective is the surrogate mean_i w_i A_i + ent_coef mean_i H_i, w the ratio of the new
    to the old probability of the action taken (TRPO, Schulman et al. 2015, appendix C).
    """
    batch = policy.batch(phi, actions, mask)
    n = len(batch.phi)
    return batch.line_search(
        policy.theta,
        arrays.shaped_floats("step", step, policy.shape),
        policy._dist(dist, n),
        arrays.shaped_floats("advantages", advantages, (n,)),
        ent_coef=arrays.number("ent_coef", ent_coef),
        target_kl=arrays.positive("target_kl", target_kl),
        shrinking_factor=arrays.unit_interval("shrinking_factor", shrinking_factor),
        max_iter=arrays.integer("max_iter", max_iter, 1, MOST_LINE_SEARCH),
    )


KL_ESTIMATORS = ("exact", "sampled")
OBJECTIVES = {
    "clip": dict.fromkeys(KL_ESTIMATORS, _core.PpoObjective.clip),
    "kl_penalty": {
        "exact": _core.PpoObjective.kl_penalty_exact,
        "sampled": _core.PpoObjective.kl_penalty_sampled,
    },
}


def ppo_settings(
    *,
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
    vf_coef: float = 0.5,
    clip_range_vf: float | None = None,
) -> _core.PpoSettings:
    """Settings of PPO's epochs, checked.

    Args:
        objective: "clip" or "kl_penalty".
        clip_range: epsilon of the clipped ratio, at least 0.
        kl_coef: weight of the penalty, at least 0.
        kl_estimator: "exact", the action summed out, or "sampled".
        learning_rate: step size of the optimizer, at least 0.
        ent_coef: weight of the entropy.
        max_grad_norm: upper bound of the gradient's norm, above 0; None: no bound.
        target_kl: stop before the first minibatch at which the mean KL(old | new) is above it;
            None: never.
        n_epochs: passes over the samples, in [1, 1,000,000].
        batch_size: samples of a minibatch, at least 1.
        normalize_advantage: whether advantages are standardised in each minibatch.
        vf_coef: weight of the loss of a value network, at least 0.
        clip_range_vf: as in `MlpBaseline`; None: no bound.

    Returns:
        The settings, for `ppo_epochs`.

    Raises:
        ValueError: an unknown name, or a number out of range.
        TypeError: an argument of another type.
    """
    forms = OBJECTIVES[one_of("objective", objective, OBJECTIVES)]
    return _core.PpoSettings(
        objective=forms[one_of("kl_estimator", kl_estimator, KL_ESTIMATORS)],
        clip_range=arrays.non_negative("clip_range", clip_range),
        kl_coef=arrays.non_negative("kl_coef", kl_coef),
        learning_rate=arrays.non_negative("learning_rate", learning_rate),
        ent_coef=arrays.number("ent_coef", ent_coef),
        max_grad_norm=arrays.positive_or_none("max_grad_norm", max_grad_norm),
        target_kl=arrays.positive_or_none("target_kl", target_kl),
        n_epochs=arrays.integer("n_epochs", n_epochs, 1, MOST_EPOCHS),
        batch_size=arrays.integer("batch_size", batch_size, 1),
        normalize_advantage=arrays.boolean("normalize_advantage", normalize_advantage),
        vf_coef=arrays.non_negative("vf_coef", vf_coef),
        clip_range_vf=arrays.positive_or_none("clip_range_vf", clip_range_vf),
    )


def ppo_epochs(
    policy: Policy,
    phi: Floats,
    actions: npt.NDArray[Any],
    advantages: Floats,
    optimizer: Optimizer,
    *,
    seed: int,
    first_epoch: int = 0,
    whitening: _core.Whitening | None = None,
    mask: Any = None,
    num_threads: int | None = None,
    **settings: Any,
) -> _core.PpoUpdate:
    """PPO's epochs of minibatch ascent, wholly in C++ (Schulman et al. 2017, arXiv 1707.06347).

    In each epoch the batch is shuffled by (seed, first_epoch + epoch) and cut into minibatches
    whose sizes differ by at most one. `optimizer` is updated in place; the policy is not, and the
    result has its new parameters. With `target_kl` the epochs stop before the first minibatch at
    which the mean KL(old | new), with the action summed out, is above it. With `whitening`, steps
    and `max_grad_norm` are in t, theta = W t, and means of a Gaussian are in units of sigma. If a
    gradient is not finite, nothing is changed and `finite` is False.

    Args:
        policy: its parameters are the start.
        phi: features (n, n_features).
        actions: of the n samples, as in `Policy.score_gradient`.
        advantages: (n,), finite.
        optimizer: an optimizer of theta.size parameters.
        seed: seed of the order of the samples, in [0, 2^64).
        first_epoch: number of the first epoch in the stream of random numbers, at least 0.
        whitening: coordinates of the ascent; None: those of theta.
        mask: bool (n, n_actions), True where the action is allowed; None allows all.
        num_threads: in [1, 256]; None: FASTPG_NUM_THREADS, or 1. Results do not depend on it.
        **settings: arguments of `ppo_settings`.

    Returns:
        A `PpoUpdate`.

    Raises:
        TypeError: arrays or arguments of another type.
        ValueError: another shape, or values that are not finite or out of range.
    """
    batch = policy.batch(phi, actions, mask, num_threads=num_threads)
    return batch.ppo_epochs(
        policy.theta,
        arrays.shaped_floats("advantages", advantages, (len(batch.phi),)),
        optimizer,
        arrays.seed(seed),
        arrays.integer("first_epoch", first_epoch, 0),
        whitening,
        ppo_settings(**settings),
    )
