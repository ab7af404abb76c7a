"""A batch as the kernels of a policy take it, and what they find in it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy.typing as npt

from fastpg.arrays import AnyFloats, Bools, Floats
from fastpg.policies.base import LinearPolicy, UpdateStatistics

_MOST_DENSE = 64  # parameters


class NaturalGradientResult(NamedTuple):
    """The natural direction d = (F + damping I)^-1 g and how it was found.

    direction has the shape of the gradient; status, iterations and residual are as in
    `ConjugateGradientResult`; curvature is d^T F d, undamped: eta = sqrt(2 target_kl / curvature)
    has that KL; damping is the absolute one. noise is e^T (F + damping I)^-1 e of a noise e, NaN
    where none was given or F was not factorised.
    """

    direction: Floats
    status: str
    iterations: int
    residual: float
    curvature: float
    damping: float
    noise: float = math.nan


class LineSearchResult(NamedTuple):
    """What the line search returns.

    theta are the accepted parameters, or those given; status is "accepted", "no_improvement",
    "kl_exceeded" or "not_finite", of the last point tried; fraction is of the full step, 0 when
    nothing was accepted; kl is KL(old | new), exact, the mean over the batch.
    """

    theta: Floats
    status: str
    backtracks: int
    fraction: float
    objective_before: float
    objective_after: float
    kl: float


class PolicyBatch:
    """States and actions of a batch, with the policy that they are looked at by.

    Nothing is converted or explained here: the arrays are the library's own, or were made by the
    checks of a policy. Kernels check shapes and values again, in one pass.

    Args:
        policy: read anew at every call.
        phi: features (n, n_features).
        actions: (n, numbers of an action), int32 or float64.
        mask: bool (n, n_actions), what is allowed, or None.
        num_threads: the same bits for any.
    """

    __slots__ = ("actions", "mask", "num_threads", "phi", "policy")

    def __init__(
        self,
        policy: LinearPolicy,
        phi: AnyFloats,
        actions: npt.NDArray[Any] | None,
        mask: Bools | None = None,
        num_threads: int = 1,
    ) -> None:
        self.policy = policy
        self.phi = phi
        self.actions = actions
        self.mask = mask
        self.num_threads = num_threads

    def rows(self, rows: Any) -> PolicyBatch:
        """Some of the samples."""
        actions, mask = (None if a is None else a[rows] for a in (self.actions, self.mask))
        return PolicyBatch(self.policy, self.phi[rows], actions, mask, self.num_threads)

    def distribution(self) -> Floats:
        """See `LinearPolicy.distribution`."""
        policy = self.policy
        return policy._head.distribution(
            self.phi, policy.theta.ravel(), self.mask, self.num_threads
        )

    def score_gradient(self, dist: Floats, weights: Floats, ent_coef: float = 0.0) -> Floats:
        """See `LinearPolicy.score_gradient`; plus ent_coef times the gradient of the entropy."""
        policy = self.policy
        assert self.actions is not None
        return policy._shaped(
            policy._head.score_gradient(
                self.phi, dist, self.actions, weights, ent_coef, self.num_threads
            )
        )

    def compare(self, old_dist: Floats, new_dist: Floats, advantages: Floats) -> UpdateStatistics:
        """See `LinearPolicy.compare`."""
        assert self.actions is not None
        found = self.policy._head.compare(
            old_dist, new_dist, self.actions, advantages, self.num_threads
        )
        return UpdateStatistics(*found)

    def natural_gradient(
        self,
        dist: Floats,
        gradient: Floats,
        *,
        sampled: bool,
        solver: str,
        cg_max_steps: int,
        cg_tol: float,
        cg_damping: float,
        noise: Floats | None = None,
    ) -> NaturalGradientResult:
        """See `fastpg.natural_gradient`; `sampled` uses the actions taken.

        noise: of the gradient, and of its shape; see `NaturalGradientResult`.
        """
        policy = self.policy
        few = gradient.size <= _MOST_DENSE and cg_damping > 0.0
        found = policy._head.natural_gradient(
            self.phi,
            dist,
            gradient.ravel(),
            self.actions if sampled else None,
            solver == "cholesky" or (solver == "auto" and few),
            cg_max_steps,
            cg_tol,
            cg_damping,
            None if noise is None else noise.ravel(),
            self.num_threads,
        )
        return NaturalGradientResult(policy._shaped(found[0]), *found[1:])

    def line_search(
        self,
        dist: Floats,
        advantages: Floats,
        step: Floats,
        *,
        target_kl: float,
        ent_coef: float,
        shrinking_factor: float,
        max_iter: int,
    ) -> LineSearchResult:
        """See `fastpg.functional.solvers.line_search`."""
        policy = self.policy
        assert self.actions is not None
        found = policy._head.line_search(
            self.phi,
            self.actions,
            advantages,
            dist,
            self.mask,
            policy.theta.ravel(),
            step.ravel(),
            ent_coef,
            target_kl,
            shrinking_factor,
            max_iter,
            self.num_threads,
        )
        return LineSearchResult(policy._shaped(found[0]), *found[1:])
