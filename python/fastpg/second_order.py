"""What NPG and TRPO share: the natural ascent direction of a batch and the step along it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastpg.arrays import Floats
from fastpg.options import NaturalOptions
from fastpg.solvers import NaturalGradientResult, natural_gradient
from fastpg.training import Batch, Record, StepAlgorithm, standardize


@dataclass(frozen=True)
class Ascent:
    """A direction and how far to go: the step is step_size * natural.direction.

    status is "ok", or why there is no step (step_size 0): "zero_gradient", "bad_curvature" or
    "not_finite".
    """

    advantages: Floats
    log_pi: Floats
    gradient: Floats
    natural: NaturalGradientResult
    status: str
    step_size: float

    @property
    def step(self) -> Floats:
        """The change of theta, of its shape."""
        return self.step_size * self.natural.direction

    def record(self) -> Record:
        """What to log of it."""
        return {
            "train/step_size": self.step_size,
            "train/predicted_kl": 0.5 * self.step_size**2 * self.natural.curvature,
            "train/curvature": self.natural.curvature,
            "train/grad_norm": float(np.linalg.norm(self.gradient)),
            "train/cg_status": self.natural.status,
            "train/cg_iterations": self.natural.iterations,
            "train/cg_residual": self.natural.residual,
        }


class NaturalAlgorithm(StepAlgorithm):
    """Base of NPG and TRPO."""

    options: NaturalOptions

    def ascend(self, batch: Batch) -> Ascent:
        """The natural direction of a batch, and eta with KL target_kl, at most max_step_size."""
        options, policy = self.options, self.policy
        advantages = batch.advantages
        if options.normalize_advantage:
            advantages = standardize(advantages)
        log_pi = policy.log_probs(batch.phi)
        gradient = policy.score_gradient(batch.phi, log_pi, batch.actions, advantages)
        if options.ent_coef:
            gradient = gradient + options.ent_coef * policy.entropy_gradient(batch.phi, log_pi)
        natural = natural_gradient(
            policy,
            batch.phi,
            log_pi,
            gradient,
            actions=batch.actions if options.fisher == "sampled" else None,
            cg_max_steps=options.cg_max_steps,
            cg_tol=options.cg_tol,
            cg_damping=options.cg_damping,
        )
        status, step_size = step_to_kl(natural, options.target_kl, options.max_step_size)
        return Ascent(advantages, log_pi, gradient, natural, status, step_size)

    def measured(self, batch: Batch, ascent: Ascent) -> Record:
        """KL, surrogate and entropy at the parameters of now, against those of the batch."""
        log_pi = self.policy.log_probs(batch.phi)
        rows = np.arange(len(batch.actions))
        ratio = np.exp((log_pi - ascent.log_pi)[rows, batch.actions])
        return {
            "train/kl": float(self.policy.kl(ascent.log_pi, log_pi).mean()),
            "train/policy_objective": float(np.mean(ratio * ascent.advantages)),
            "train/entropy_loss": -float(self.policy.entropy(log_pi).mean()),
        }


def step_to_kl(
    natural: NaturalGradientResult, target_kl: float, max_step_size: float | None
) -> tuple[str, float]:
    """The status and the multiplier eta of a natural direction; nothing is repaired silently."""
    if natural.status == "zero_rhs":
        return "zero_gradient", 0.0
    if not math.isfinite(natural.curvature):
        return "not_finite", 0.0
    if natural.curvature <= 0.0:
        return "bad_curvature", 0.0
    eta = math.sqrt(2.0 * target_kl / natural.curvature)
    if not math.isfinite(eta) or not np.isfinite(eta * natural.direction).all():
        return "not_finite", 0.0
    return "ok", eta if max_step_size is None else min(eta, max_step_size)
