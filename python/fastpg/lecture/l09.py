"""L9: two actions, policy gradient against natural policy gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.lecture.formulas import Formula
from fastpg.lecture.problems import worst
from fastpg.lecture.system import Check, Result, System
from fastpg.tabular import LocalModel, OneLogit, TabularSoftmax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """There are one state, two actions that pay 100 and 1, and one logit: π = (e^θ, 1) / (1 + e^θ), so
that J = 100 π_1 + π_2. The gradient 99 e^θ/(1 + e^θ)² vanishes as θ grows, and with it the steps of
the policy gradient. The Fisher information e^θ/(1 + e^θ)² vanishes at the same rate, so that the
natural step is always 99 η. The optimum θ* = ∞ is never reached. With η = √(δ/(∇JᵀF⁻¹∇J)) the
natural step is √(δ/F), which grows.

As flows (η → 0, time t = ηk) from x = 0, with x = θ and the gap Δ = 99: PG satisfies
x + sinh x = Δt/2, and NPG x = Δt. With two logits and x = θ1 − θ2, PG is twice as fast,
x + sinh x = Δt, and NPG is unchanged."""

ETA, STEPS = 0.01, 10
DELTA = 0.02
PRINTED_PG = (0.2475, 0.4912481323, 0.7243968346)
PRINTED_PG_10, PRINTED_PG_J_10, PRINTED_NPG_J_10 = 1.8946206960, 87.05886674, 99.99503296


def run() -> Result:
    """Check iterates of PG and NPG against closed forms and the lecture's numbers."""
    mdp, start = tabular.two_actions(), OneLogit(1)
    pg = tabular.pg(mdp, start, STEPS, learning_rate=ETA)
    npg = tabular.npg(mdp, start, STEPS, step_size=ETA)
    bounded = tabular.npg(mdp, start, STEPS, target_kl=DELTA / 2.0)
    paths = [np.array([p.theta[0] for p in run.policies]) for run in (pg, npg, bounded)]
    k = np.arange(STEPS + 1)
    at = OneLogit(1, [1.3])
    pi = at.probabilities()[0]
    slow, two = (
        tabular.pg(mdp, policy, 4000, learning_rate=5e-5).policy.theta.ravel()
        for policy in (start, TabularSoftmax(1, 2))
    )
    x, y = slow[0], two[0] - two[1]
    wide = tabular.npg(mdp, TabularSoftmax(1, 2), STEPS, step_size=ETA).policy.theta[0]
    fine = [p.theta[0] for p in bounded.policies[:-1]]
    checks = (
        *(
            Check(f"PG: θ after {n}", paths[0][n], printed, 5e-11)
            for n, printed in enumerate(PRINTED_PG, start=1)
        ),
        Check("PG: θ after 10", paths[0][10], PRINTED_PG_10, 5e-11),
        Check("PG: J after 10", pg.J[10], PRINTED_PG_J_10, 5e-9),
        Check("NPG: θ after 10 = 10 × 0.99", paths[1][10], 9.9),
        worst("NPG: θ = 0.99 k, every k", paths[1], 99 * ETA * k),
        Check("NPG: J after 10", npg.J[10], PRINTED_NPG_J_10, 5e-9),
        worst("∇J = 99 π_1 π_2 at θ = 1.3", tabular.gradient(mdp, at), 99 * pi[0] * pi[1]),
        worst("F = π_1 π_2 at θ = 1.3", tabular.fisher(mdp, at), pi[0] * pi[1]),
        worst("NPG with δ: each step √(δ/F)", np.diff(paths[2]),
              [np.sqrt(DELTA * (2 + 2 * np.cosh(t))) for t in fine], 1e-9),
        Check("PG flow at t = 0.2: x + sinh x = Δt/2", x + np.sinh(x), 99 * 0.2 / 2, 1e-2),
        Check("two logits, PG: x + sinh x = Δt", y + np.sinh(y), 99 * 0.2, 2e-2),
        Check("two logits, NPG: x = Δt", wide[0] - wide[1], 99 * ETA * STEPS),
    )  # fmt: skip
    columns = {
        "k": k, "PG theta": paths[0], "PG J": pg.J, "NPG theta": paths[1], "NPG J": npg.J,
        "NPG delta theta": paths[2], "NPG delta J": bounded.J,
    }  # fmt: skip
    return Result(checks, columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw theta and J over the steps."""
    logits, returns = figure.subplots(1, 2)
    for name, label in (
        ("PG", f"PG, η = {ETA}"),
        ("NPG", f"NPG, η = {ETA}"),
        ("NPG delta", f"NPG, δ = {DELTA}"),
    ):
        logits.plot(columns["k"], columns[f"{name} theta"], "o-", ms=3, label=label)
        returns.semilogy(columns["k"], 100 - columns[f"{name} J"], "o-", ms=3, label=label)
    logits.set(xlabel="step k", ylabel="logit θ", ylim=(-0.5, 14))
    returns.set(xlabel="step k", ylabel="100 − J")
    logits.legend(fontsize=8)
    returns.legend(fontsize=8)


SYSTEM = System(
    "L9",
    "Two actions: PG against NPG",
    TEXT,
    (
        Formula("π = (e^θ/(1 + e^θ), 1/(1 + e^θ))", OneLogit.log_probabilities, "logaddexp"),
        Formula("∇J = 99 e^θ/(1 + e^θ)²", OneLogit._score_sum, "weights[..., 0]"),
        Formula("F = e^θ/(1 + e^θ)²", OneLogit._fisher, "np.diag"),
        Formula("PG: θ ← θ + η ∇J", tabular.pg, "old.theta + eta"),
        Formula("NPG: θ ← θ + η F⁻¹∇J", tabular.npg, "old.theta + eta"),
        Formula("η = √(δ/(∇JᵀF⁻¹∇J)), δ = 2 target_kl", tabular.npg, "np.sqrt(2.0"),
        Formula("F⁻¹∇J", OneLogit._natural_direction, "np.divide"),
        Formula("∇J at θk", LocalModel.surrogate_gradient, "score_sum"),
    ),
    run,
    draw,
)
