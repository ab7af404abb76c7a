"""L12: estimating l^k and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.arrays import Floats
from fastpg.functional.importance_sampling import _weights_of, importance_weights
from fastpg.lecture import problems
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import (
    HORIZON,
    N_STATES,
    STANDARD_ERRORS,
    Trajectories,
    exact,
    mean_and_error,
    sampled,
    worst,
)
from fastpg.lecture.system import Check, Result, System
from fastpg.policies.linear import LinearSoftmax
from fastpg.tabular import LocalModel
from fastpg.values.mean import MeanBaseline
from fastpg.values.ridge import LinearBaseline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """The baseline b̃(s, h) is fitted to N trajectories from π_θk. M new trajectories give
ℓ̂^k(θ) = (1/M) Σ_m Σ_h [π_θ/π_θk (R_h(τ_m) − b̃(s_h, h)) − λ ln 1/π_θ] and its gradient g(θ). They
contain the ratio of one step, not a product over h, since ℓ^k uses the states of θk. At every fixed
θ, not only at θk, the mean of g is ∇ℓ^k, and the mean of ℓ̂^k is ℓ^k + E Σ_h (V_h − b̃), where the
last term does not depend on θ. Both statements fail if b̃ or θ depends on the M trajectories. If the
baseline is the mean of the same M trajectories at each step, the mean of g at θk is 1 − 1/M times
the gradient. After a step along g, ℓ̂^k from the same M trajectories gains more than ℓ^k does.

The figure shows 1,000 repetitions with N = 8, M = 4 and λ = 0.7 in a random MDP (4 states,
3 actions, 6 steps), with bars of two standard errors. The left part shows the means of g at θk, at
another θ, and at θk with the baseline of the same M. The right part shows the gains of ℓ^k (lines)
and ℓ̂^k (dots) from θk: along ∇J, and for the first 200 repetitions each along its own g(θk)."""

REPETITIONS, OWN = 1000, 200
N, M = 8, 4
KL_COEF = 0.7
LENGTHS = np.linspace(0.0, 2.8, 15)  # of steps; as many as theta has components
AT = 5  # index of the length at which the excess gain is checked
MOVED = 0.5  # standard deviation of the other fixed theta, around theta_k


class Repetitions:
    """The M new trajectories of each repetition, and the baseline fitted to N others.

    Arrays have shape (REPETITIONS, H M, ...); within a repetition the step is the first index.

    Args:
        linear: the old policy pi_k.
        played: N + M trajectories for each repetition.
    """

    def __init__(self, linear: LinearSoftmax, played: Trajectories) -> None:
        self.linear = linear
        states, to_go = self._by_repetition(played.states), self._by_repetition(played.to_go)
        fresh = np.s_[:, :, N:]
        self.tables = np.stack([fitted(*pair) for pair in zip(states, to_go, strict=True)])
        values = np.take_along_axis(self.tables, states, axis=2)
        self.baseline = values[fresh].reshape(REPETITIONS, -1)
        self.to_go = to_go[fresh].reshape(REPETITIONS, -1)
        self.actions = self._by_repetition(played.actions)[fresh].reshape(REPETITIONS, -1)
        self.phi, self.dist = (
            self._by_repetition(flat.reshape(*played.actions.shape, -1))[fresh].reshape(
                *self.to_go.shape, -1
            )
            for flat in (played.phi, played.dist)
        )

    @staticmethod
    def _by_repetition(values: Any) -> Any:
        """(H, REPETITIONS (N + M), ...) as (REPETITIONS, H, N + M, ...)."""
        return np.moveaxis(values.reshape(HORIZON, REPETITIONS, N + M, *values.shape[2:]), 1, 0)

    def values(self, theta: Floats, of: slice = slice(None)) -> Floats:
        """l-hat(theta) of some repetitions."""
        log_new, log_old = self._log_probabilities(theta, of)
        weights = importance_weights(log_new, log_old)
        gains = (self.to_go - self.baseline)[of].ravel()
        terms = weights * gains + KL_COEF * log_new
        means: Floats = terms.reshape(-1, HORIZON * M).sum(axis=1) / M
        return means

    def gradients(self, theta: Floats, baseline: Floats, kl_coef: float) -> Floats:
        """g(theta) of every repetition, (REPETITIONS, theta.size): H times the mean of a step."""
        weights = importance_weights(*self._log_probabilities(theta, slice(None)))
        factors = weights.reshape(self.to_go.shape) * (self.to_go - baseline) + kl_coef
        out = np.empty((REPETITIONS, theta.size))
        for k, (phi, actions) in enumerate(zip(self.phi, self.actions, strict=True)):
            dist = self.linear.distribution(phi, theta)
            out[k] = self.linear.score_gradient(phi, dist, actions, factors[k]).ravel()
        out *= HORIZON
        return out

    def same_baseline(self) -> Floats:
        """b(h), fitted to the M trajectories themselves."""
        steps = np.repeat(np.arange(HORIZON), M)
        unseen = np.zeros((HORIZON * M, N_STATES))
        out = np.empty((REPETITIONS, HORIZON * M))
        for k, targets in enumerate(self.to_go):
            baseline = MeanBaseline(N_STATES)
            baseline.fit(unseen, steps, targets)
            out[k] = baseline.predict(unseen, steps)
        return out

    def _log_probabilities(self, theta: Floats, of: slice) -> tuple[Floats, Floats]:
        """The ln pi of the actions taken, at theta and at theta_k, as flat arrays."""
        phi, actions = self.phi[of].reshape(-1, self.phi.shape[2]), self.actions[of].ravel()
        dist = self.linear.distribution(phi, theta)
        old = self.dist[of].reshape(dist.shape)
        return self.linear.log_prob(dist, actions), self.linear.log_prob(old, actions)


def fitted(states: Any, to_go: Floats) -> Floats:
    """b(s, h), (H, S), from the first N trajectories; states and returns to go are (H, N + M)."""
    baseline = LinearBaseline(N_STATES)
    one_hot, steps = np.eye(N_STATES), np.arange(HORIZON)
    baseline.fit(one_hot[states[:, :N].ravel()], np.repeat(steps, N), to_go[:, :N].ravel())
    table = baseline.predict(np.tile(one_hot, (HORIZON, 1)), np.repeat(steps, N_STATES))
    return np.asarray(table).reshape(HORIZON, N_STATES)


def own_lines(local: LocalModel, repeated: Repetitions, gradients: Floats) -> tuple[Floats, Floats]:
    """l-hat and l^k, each (OWN, lengths), along each g."""
    linear, side = repeated.linear, exact(repeated.linear)
    promised, kept = np.empty((2, OWN, len(LENGTHS)))
    for k, g in enumerate(gradients[:OWN]):
        ahead = (g / np.linalg.norm(g)).reshape(linear.theta.shape)
        for i, length in enumerate(LENGTHS):
            theta = linear.theta + length * ahead
            promised[k, i] = repeated.values(theta, slice(k, k + 1))[0]
            kept[k, i] = local.penalised(side.with_theta(theta), KL_COEF)
    return promised, kept


def gain(values: Floats) -> Floats:
    """The gain from theta_k, the first length; this removes the constant and much of the noise."""
    out: Floats = values - values[..., :1]
    return out


def run() -> Result:
    """Check means at theta_k, at another theta, and with dependence on the same trajectories."""
    mdp = problems.small_mdp()
    linear = problems.one_hot_policy(mdp)
    side = exact(linear)
    local = LocalModel(mdp, side)
    evaluation, gradient = local.evaluation, tabular.gradient(mdp, side)
    repeated = Repetitions(linear, Trajectories(mdp, linear, REPETITIONS * (N + M), seed=12))
    missing = evaluation.visits * (evaluation.V[:-1] - repeated.tables)
    constants = missing.sum(axis=(1, 2))  # E sum_h (V_h - b) of each repetition
    rng = np.random.default_rng(14)
    away = linear.theta + MOVED * rng.normal(size=linear.theta.shape)
    columns: dict[str, Any] = {}
    checks = [worst("∇ℓ^k(θk) = ∇J(θk)", local.penalised_gradient(side, KL_COEF), gradient)]
    for name, theta in (("θk", linear.theta), ("another θ", away)):
        there = side.with_theta(theta)
        slope = local.penalised_gradient(there, KL_COEF)
        slopes = repeated.gradients(theta, repeated.baseline, KL_COEF)
        unshifted = (repeated.values(theta) - constants)[:, None]
        checks += [
            sampled(f"mean of g = ∇ℓ^k at {name}", slopes, slope),
            sampled(f"mean of ℓ̂^k − E Σ_h (V_h − b̃) = ℓ^k at {name}", unshifted,
                    local.penalised(there, KL_COEF)),
        ]  # fmt: skip
        columns[f"{name}: gradient"] = slope.ravel()
        columns[f"{name}: mean of g"], columns[f"{name}: error"] = mean_and_error(slopes)
        if name == "θk":
            at_old = slopes
    same = repeated.gradients(linear.theta, repeated.same_baseline(), KL_COEF)
    columns["same M: mean of g"], columns["same M: error"] = mean_and_error(same)
    checks += same_checks(same, gradient)
    checks += line_checks(local, repeated, at_old, columns)
    return Result(tuple(checks), columns)


def same_checks(samples: Floats, gradient: Floats) -> list[Check]:
    """Checks of g with a baseline fitted to the same trajectories."""
    along = samples @ gradient.ravel() / np.sum(gradient**2)
    mean, error = mean_and_error(along[:, None])
    return [
        sampled(f"b̃ of the same M: mean of g = (1 − 1/M) ∇J, M = {M}", samples,
                (1.0 - 1.0 / M) * gradient),
        Check(f"the same along ∇J: mean + {STANDARD_ERRORS} standard errors, below 1",
              float(mean[0] + STANDARD_ERRORS * error[0]), 1.0, 0.0, "<="),
    ]  # fmt: skip


def line_checks(
    local: LocalModel, repeated: Repetitions, gradients: Floats, columns: dict[str, Any]
) -> list[Check]:
    """Checks of gains along a fixed direction, and along directions that depend on the sample."""
    linear, side = repeated.linear, exact(repeated.linear)
    ahead = local.surrogate_gradient(side)
    thetas = [linear.theta + length * ahead / np.linalg.norm(ahead) for length in LENGTHS]
    values = gain(np.stack([repeated.values(theta) for theta in thetas], axis=1))
    kept = gain(np.array([local.penalised(side.with_theta(t), KL_COEF) for t in thetas]))
    promised, own = (gain(found) for found in own_lines(local, repeated, gradients))
    columns["length"] = LENGTHS
    for name, samples, reference in (
        ("along grad J", values, kept),
        ("along own g", promised, own.mean(axis=0)),
    ):
        columns[f"{name}: gain of l"] = reference
        mean, error = mean_and_error(samples)
        columns[f"{name}: gain of l-hat"], columns[f"{name}: error"] = mean, error
    excess, error = mean_and_error(promised - own)
    beyond = float((excess - STANDARD_ERRORS * error)[AT])
    return [
        sampled("gain of ℓ̂^k = gain of ℓ^k on a fixed line", values[:, 1:], kept[1:]),
        Check(f"{LENGTHS[AT]:.1f} along its own g: gain of ℓ̂^k − gain of ℓ^k, less "
              f"{STANDARD_ERRORS} standard errors", beyond, 0.0, 0.0, ">="),
    ]  # fmt: skip


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw means against gradients; estimates and l^k along lines."""
    slopes, lines = figure.subplots(1, 2)
    span = np.array([columns["θk: gradient"].min(), columns["θk: gradient"].max()])
    slopes.plot(span, span, color="0.6", lw=1, label="slope 1")
    slopes.plot(span, (1.0 - 1.0 / M) * span, color="0.6", lw=1, ls=":", label="slope 1 − 1/M")
    for of, name, label, marker in (
        ("θk", "θk", "at θk", "o"),
        ("another θ", "another θ", "at another θ", "s"),
        ("θk", "same M", "at θk, b̃ of the same M", "D"),
    ):
        errors = 2.0 * columns[f"{name}: error"]
        slopes.errorbar(columns[f"{of}: gradient"], columns[f"{name}: mean of g"], errors,
                        fmt=marker, ms=4, capsize=2, label=label)  # fmt: skip
    slopes.set(xlabel="∇ℓ^k(θ), each component", ylabel="mean of g(θ)")
    slopes.legend(fontsize=8)
    for name, label, color in (
        ("along grad J", "along ∇J", "C0"),
        ("along own g", "along own g", "C3"),
    ):
        lines.plot(columns["length"], columns[f"{name}: gain of l"], color=color,
                   label=f"ℓ^k, {label}")  # fmt: skip
        lines.errorbar(columns["length"], columns[f"{name}: gain of l-hat"],
                       2.0 * columns[f"{name}: error"], fmt="o", ms=4, capsize=2, color=color,
                       label=f"estimate ℓ̂^k, {label}")  # fmt: skip
    lines.set(xlabel="length of the step |θ − θk|", ylabel="mean gain from θk, a trajectory",
              ylim=(-1.5, 3.6))  # fmt: skip
    lines.legend(fontsize=8, loc="lower left")


SYSTEM = System(
    "L12",
    "Estimating ℓ^k and its gradient",
    TEXT,
    (
        Kernel("b̃(s, h) from N trajectories: ridge regression, in features of equal scale",
               "cpp/src/values/ridge.cpp", "RidgeRegression::solve", "for (Index a = 0",
               "const Vector solution"),
        Formula("w = π_θ(a|s)/π_θk(a|s)", _weights_of, "np.exp(log_w"),
        Formula("ℓ̂^k(θ) = (1/M) Σ_m Σ_h [w (R_h − b̃) − λ ln 1/π_θ]",
                Repetitions.values, "KL_COEF * log_new"),
        Formula("g(θ) = (1/M) Σ_m Σ_h [w (R_h − b̃) + λ] ∇ln π_θ",
                Repetitions.gradients, "+ kl_coef"),
        Kernel("w_i ∇ln π_θ(a_i|s_i), of each sample by its logits", "cpp/src/policies/policy.cpp",
               "score_gradient", "const auto scores", "\n    });\n"),
        Formula("ℓ^k(θ)", LocalModel.penalised, "kl_coef * penalty"),
        Formula("∇ℓ^k(θ)", LocalModel.penalised_gradient, "kl_gradient"),
    ),
    run,
    draw,
)  # fmt: skip
