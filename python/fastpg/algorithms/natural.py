"""The base class of algorithms with natural steps: direction of a batch, and step along it."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from fastpg import _core
from fastpg.algorithms.batch import Batch
from fastpg.algorithms.gae_algorithm import StepAlgorithm
from fastpg.algorithms.options import (
    KL_OF_PERCEPTRON,
    KL_OF_STEP,
    KL_OF_TRAJECTORY,
    NaturalOptions,
)
from fastpg.algorithms.schedules import Schedule
from fastpg.arrays import Floats
from fastpg.functional.solvers import factorises
from fastpg.training.metrics import Metrics


class NaturalStep(NamedTuple):
    """A natural direction and a step along it: theta changes by step_size * natural.direction.

    status is "ok", or why there is no step (step_size 0): "zero_gradient", "bad_curvature" or
    "not_finite". limited_by names the option that limits the step: "target_kl", "max_step_size" or
    "step_size"; "none" if there is no step. target_kl is the current bound, None if the option
    `step_size` replaces it.
    """

    advantages: Floats
    dist: Floats
    gradient: Floats
    natural: _core.NaturalGradient
    status: str
    step_size: float
    ent_coef: float
    limited_by: str
    target_kl: float | None

    @property
    def step(self) -> Floats:
        """The change of theta, of its shape."""
        return self.step_size * self.natural.direction


class NaturalAlgorithm(StepAlgorithm):
    """Base of the algorithms that take natural steps."""

    options: NaturalOptions

    def ascend(self, batch: Batch) -> NaturalStep:
        """The natural direction of a batch and the step size along it.

        The step size eta gives a predicted KL of `kl_bound`, and is at most the option
        `max_step_size`. A fixed `step_size` replaces both.

        Args:
            batch: samples and advantages of the iteration.

        Returns:
            A `NaturalStep`; its status says why there is no step, if there is none.

        Raises:
            ValueError: a schedule is negative.
            OverflowError: features or advantages so large that the gradient is not finite.
        """
        options, theta, n = self.options, self.policy._theta, len(batch.advantages)
        ent_coef = self.at_progress(options.ent_coef, "ent_coef")
        found = batch.samples.natural_step(
            theta,
            batch.advantages,
            batch.halves,
            options.normalize_advantage,
            ent_coef,
            options.fisher == "sampled",
            max(1, round(options.fisher_subsample * n)),
            self._factorises,
            options.cg_max_steps,
            options.cg_tol,
            options.cg_damping,
        )
        fixed = getattr(options, "step_size", None)  # an option of NPG only
        most = options.max_step_size if fixed is None else None
        bound = self.kl_bound
        status, step_size = step_to_kl(found.natural, bound, most, fixed)
        limited_by = "none"
        if status == "ok":
            limited_by = "max_step_size" if step_size == most else "target_kl"
            limited_by = limited_by if fixed is None else "step_size"
        return NaturalStep(
            found.advantages,
            found.dist,
            found.gradient,
            found.natural,
            status,
            step_size,
            ent_coef,
            limited_by,
            bound if fixed is None else None,
        )

    @property
    def kl_bound(self) -> float:
        """The current bound on the mean KL of a step; it may be 0 at the end of a schedule."""
        target = self.at_progress(self._kl_schedule, "target_kl")
        return target if self.options.kl_per == "step" else target / self.mean_length

    @functools.cached_property
    def _factorises(self) -> bool:
        """Whether F is factorised."""
        options = self.options
        return factorises(options.solver, self.policy._theta.size, options.cg_damping)

    @functools.cached_property
    def _kl_schedule(self) -> Schedule:
        """The option target_kl; of None, what stands for it."""
        options = self.options
        if options.target_kl is not None:
            return options.target_kl
        if options.kl_per != "step":
            return KL_OF_TRAJECTORY
        return KL_OF_STEP if self.policy.is_linear else KL_OF_PERCEPTRON

    def in_effect(self, option: str) -> Any:
        """The value of an option; of None, what stands for it.

        Args:
            option: its name.
        """
        return self._kl_schedule if option == "target_kl" else super().in_effect(option)

    def record(
        self, batch: Batch, ascent: NaturalStep, step: _core.UpdateStatistics | None = None
    ) -> Metrics:
        """The step, and KL, surrogate and entropy after it, against the policy before it.

        Args:
            batch: the samples that the step was computed from.
            ascent: return value of `ascend` for the same batch.
            step: return value of `try_step`; None: it is found here.

        Returns:
            Entries for the log, with keys "train/..."; KL and entropy in nats.
        """
        if step is None:
            step = batch.samples.compare(ascent.dist, self.policy._theta, ascent.advantages)
        natural, bound = ascent.natural, ascent.target_kl
        return {
            "train/signal_share": natural.signal_share,
            "train/step_limited_by": ascent.limited_by,
            "train/step_size": ascent.step_size,
            "train/predicted_kl": 0.5 * ascent.step_size**2 * natural.curvature,
            "train/curvature": natural.curvature,
            "train/grad_norm": natural.gradient_norm,
            "train/cg_status": natural.status,
            "train/cg_iterations": natural.iterations,
            "train/cg_residual": natural.residual,
            **({} if bound is None else {"train/target_kl": bound}),
            "train/kl": step.kl,
            "train/kl_trajectory": step.kl * self._episodes.mean_length,
            "train/approx_kl": step.approx_kl,
            "train/effective_sample_size": step.effective_sample_size,
            "train/policy_objective_before": step.objective_before,
            "train/policy_objective": step.objective,
            "train/entropy_loss": -step.entropy,
        }


def step_to_kl(
    natural: _core.NaturalGradient,
    target_kl: float,
    max_step_size: float | None,
    step_size: float | None = None,
) -> tuple[str, float]:
    """Status and multiplier eta of a natural direction; eta is 0 unless the status is "ok"."""
    if natural.status == "zero_rhs":
        return "zero_gradient", 0.0
    if natural.status == "not_finite" or not math.isfinite(natural.curvature):
        return "not_finite", 0.0
    if natural.curvature <= 0.0:
        return "bad_curvature", 0.0
    eta = math.sqrt(2.0 * target_kl / natural.curvature) if step_size is None else step_size
    if max_step_size is not None:
        eta = min(eta, max_step_size)
    if not math.isfinite(eta * natural.norm):
        return "not_finite", 0.0
    return "ok", eta
