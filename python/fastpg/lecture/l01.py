"""L1: the policy gradient with a learned baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.lecture import problems
from fastpg.lecture.formulas import Formula
from fastpg.lecture.problems import Trajectories, exact, mean_and_error, sampled, worst
from fastpg.lecture.system import Result, System
from fastpg.tabular import LocalModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """The gradient of J is the mean of g' over trajectories, for every baseline b(s, h) that does not
depend on the trajectory itself. Such a baseline changes only the variance. A baseline that is
fitted to the same N trajectories does depend on them: if b(h) is their mean at each step, the mean
of g' is (1 - 1/N) times the gradient.

The figure shows the exact gradient of a random MDP (4 states, 3 actions, 6 steps) on the horizontal
axis, and means over 4,000 sampled trajectories on the vertical axis, with bars of two standard
errors. If the baseline is fitted to pairs (N = 2), the mean lies on the line of slope 1/2. The bars
are the total variance (the sum over components) of the mean of g' over two trajectories; "same pair,
times 2" is the estimate from the same pair without its bias, whose variance is four times as large."""

COUNT = 4000
BASELINES = ("none", "V", "arbitrary", "same pair")


def mean_of_g(local: LocalModel, policy: Any, baseline: Any) -> Any:
    """E g' as a sum over states and actions instead of samples; baseline (H, S)."""
    evaluation = local.evaluation
    return policy.score_sum(evaluation.state_actions * (evaluation.Q - baseline[..., None]))


def run() -> Result:
    """Check exact and sampled means of g' for each baseline."""
    mdp = problems.small_mdp()
    linear = problems.one_hot_policy(mdp)
    policy = exact(linear)
    local = LocalModel(mdp, policy)
    gradient = tabular.gradient(mdp, policy)
    values = local.evaluation.V[:-1]
    tables = {
        "none": np.zeros_like(values),
        "V": values,
        "arbitrary": 2.0 * np.random.default_rng(1).normal(size=values.shape),
    }
    played = Trajectories(mdp, linear, COUNT, seed=1)
    rows = np.arange(len(values))[:, None]
    estimates = {
        name: played.gradients(played.to_go - table[rows, played.states])
        for name, table in tables.items()
    }
    pairs = played.to_go.reshape(len(values), -1, 2)
    fitted = np.broadcast_to(pairs.mean(axis=-1, keepdims=True), pairs.shape)
    same = played.gradients(played.to_go - fitted.reshape(played.to_go.shape))
    estimates["same pair"] = same.reshape(-1, 2, same.shape[1]).mean(axis=1)
    checks = [
        worst(f"E g' = grad J, b {name}", mean_of_g(local, policy, table), gradient)
        for name, table in tables.items()
    ]
    checks += [sampled(f"mean g' = grad J, b {name}", estimates[name], gradient) for name in tables]
    checks.append(
        sampled(
            "mean g' = grad J / 2, b fitted on the same pair", estimates["same pair"], gradient / 2
        )
    )
    columns: dict[str, Any] = {"grad J": gradient.ravel()}
    for name, samples in estimates.items():
        columns[f"{name}: mean"], columns[f"{name}: error"] = mean_and_error(samples)
    return Result(tuple(checks), columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw means against the gradient, and variances."""
    means, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    span = np.array([columns["grad J"].min(), columns["grad J"].max()])
    means.plot(span, span, color="0.6", lw=1, label="slope 1")
    means.plot(span, span / 2, color="0.6", lw=1, ls=":", label="slope 1/2")
    for name, marker in zip(BASELINES, "os^D", strict=True):
        errors = 2.0 * columns[f"{name}: error"]
        means.errorbar(columns["grad J"], columns[f"{name}: mean"], errors, fmt=marker, ms=4,
                       capsize=2, label=f"b: {name}")  # fmt: skip
    means.set(xlabel="exact gradient, each component", ylabel="mean of g'")
    means.legend(fontsize=8)
    # The errors are those of means over COUNT trajectories, or COUNT / 2 pairs.
    of_a_pair = {
        name: COUNT / 2 * float(np.sum(columns[f"{name}: error"] ** 2)) for name in BASELINES
    }
    of_a_pair["same pair,\ntimes 2"] = 4.0 * of_a_pair["same pair"]
    bars.bar(list(of_a_pair), list(of_a_pair.values()), color=["C0", "C1", "C2", "C3", "0.5"])
    bars.tick_params(axis="x", labelsize=8)
    bars.set(xlabel="baseline b", ylabel="total variance, mean of g' over a pair")


SYSTEM = System(
    "L1",
    "Policy gradient with a learned baseline",
    TEXT,
    (
        Formula("g'(θ, τ, b) = Σ_h ∇ln π_θ(a_h|s_h) (R_h(τ) − b(s_h, h))", run, "played.to_go - table"),
        Formula("∇ln π(a|s) = φ(s) ⊗ (e_a − π(·|s)), summed with weights",
                tabular.FeatureSoftmax._score_sum, "centred = "),
        Formula("∇J(θ) = E_τ Σ_h ∇ln π_θ(a_h|s_h) A(s_h, a_h, h)", tabular.gradient, "score_sum"),
        Formula("E_τ g'(θ, τ, b) = ∇J(θ) for every b(s, h)", mean_of_g, "score_sum"),
    ),
    run,
    draw,
)  # fmt: skip
