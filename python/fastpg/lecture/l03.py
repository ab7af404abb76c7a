"""L3: why fitted policy iteration breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.arrays import Floats
from fastpg.lecture.formulas import Formula
from fastpg.lecture.system import Check, Result, System
from fastpg.tabular import (
    MDP,
    LocalModel,
    TabularSoftmax,
    fitted_q,
    greedy,
    trust_region,
    trust_region_table,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """A fitted advantage Â is accurate in the states that the old policy visits, since its data come
from there, and arbitrary in other states. The greedy policy of Â may visit exactly those other
states and be much worse. The fit makes the error small under the old policy's visits; the
performance difference (L2) needs a small error under the new policy's visits. The remedy is a new
policy near the old one.

Both runs start from the same policy in a random MDP (6 states, 3 actions, 6 steps). Both fit Q by
least squares on the same 5 random features of state and action, weighted by their own visits and
actions. One run takes the greedy policy, which depends on the step; the other maximises the same Â
within a KL of 0.02 per step. The left figure shows J. The right figure shows the mean |Â − A| of
every iteration, under the visits and actions of the old and of the new policy. (Means without the
absolute value say little, since the mean of A under the old policy is always 0.)"""

SEED, N_FEATURES, ITERATIONS, TARGET_KL = 7, 5, 12, 0.02


def problem() -> tuple[MDP, Floats, Floats]:
    """The MDP, features (S, A, d), and a policy between the uniform one and the optimum."""
    mdp = tabular.garnet(6, 3, 2, seed=SEED, horizon=6)
    features = np.random.default_rng(SEED).normal(size=(6, 3, N_FEATURES))
    start = tabular.trpo(mdp, TabularSoftmax(6, 3), 6, target_kl=TARGET_KL).policy
    return mdp, features, np.repeat(start.probabilities()[None], 6, axis=0)


def fitted_advantage(local: LocalModel, features: Floats) -> Floats:
    """Â = Q̂ − E_π Q̂, fitted under the policy's own visits."""
    q = fitted_q(local, features, "visits")
    advantage: Floats = q - np.sum(local.evaluation.pi * q, axis=-1, keepdims=True)
    return advantage


def greedy_step(local: LocalModel, advantage: Floats) -> Floats:
    """The step of fitted policy iteration."""
    return greedy(advantage)


def bounded_step(local: LocalModel, advantage: Floats) -> Floats:
    """The step within a trust region."""
    return trust_region_table(local.evaluation.pi, advantage, local.weights("step"), TARGET_KL)


def path(mdp: MDP, features: Floats, table: Floats, step: Any) -> tuple[Floats, Floats, Floats]:
    """J of every iterate, and the mean |Â − A| under the old and the new policy."""
    values, under_old, under_new = [], [], []
    for _ in range(ITERATIONS):
        local = LocalModel(mdp, table)
        advantage = fitted_advantage(local, features)
        error = np.abs(advantage - local.evaluation.advantage)
        new = mdp.evaluate(step(local, advantage))
        values.append(local.evaluation.J)
        under_old.append(float(np.sum(local.evaluation.state_actions * error)) / len(error))
        under_new.append(float(np.sum(new.state_actions * error)) / len(error))
        table = new.pi
    values.append(mdp.evaluate(table).J)
    return np.array(values), np.array(under_old), np.array(under_new)


def run() -> Result:
    """Check both runs from the same policy."""
    mdp, features, start = problem()
    optimum = tabular.policy_iteration(mdp, start, 6).J[-1]
    J, old, new = path(mdp, features, start, greedy_step)
    J_bounded, old_bounded, new_bounded = path(mdp, features, start, bounded_step)
    own = mdp.evaluate(start)
    library = tabular.fitted_policy_iteration(mdp, start, ITERATIONS, features=features).J
    checks = (
        Check("E_old Σ A = 0", float(np.sum(own.state_actions * own.advantage)), 0.0),
        Check("fitted PI, by the library: last J", library[-1], J[-1]),
        Check("greedy step: J falls", J[1], J[0], 0.0, "<="),
        Check("greedy steps: the worst J falls below the start by 3", min(J), J[0] - 3, 0.0, "<="),
        Check("KL-limited step from the same Â: J grows", J_bounded[1], J[0], 0.0, ">="),
        Check("KL-limited steps: the worst J", min(J_bounded), J[0], 0.0, ">="),
        Check("greedy, first step: mean |Â − A|, new policy and old", new[0], old[0], 0.0, ">="),
        Check("KL-limited, first step: mean |Â − A|, new policy and old", new_bounded[0],
              old_bounded[0], 0.1),
        Check("greedy, mean of all steps: |Â − A|, new policy and old", new.mean(), old.mean(),
              0.0, ">="),
        Check("KL-limited, mean of all steps: |Â − A|, new policy and old", new_bounded.mean(),
              old_bounded.mean(), 0.02),
    )  # fmt: skip
    k = np.arange(ITERATIONS + 1)
    pad = [np.nan]
    columns = {
        "k": k, "greedy J": J, "bounded J": J_bounded, "optimal J": np.full(len(k), optimum),
        "greedy error, old": np.append(old, pad), "greedy error, new": np.append(new, pad),
        "bounded error, old": np.append(old_bounded, pad),
        "bounded error, new": np.append(new_bounded, pad),
    }  # fmt: skip
    return Result(checks, columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw J, and the errors of the fit."""
    returns, errors = figure.subplots(1, 2)
    k = columns["k"]
    returns.axhline(columns["optimal J"][0], color="0.6", ls=":", label="optimum")
    returns.plot(k, columns["bounded J"], "o-", ms=3, color="C0", label="within KL 0.02")
    returns.plot(k, columns["greedy J"], "s-", ms=3, color="C1", label="greedy (fitted PI)")
    returns.set(xlabel="iteration k", ylabel="J")
    returns.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1.0, 0.62))
    for name, colour, label in (("bounded", "C0", "within KL"), ("greedy", "C1", "greedy")):
        errors.plot(k, columns[f"{name} error, old"], "-", color=colour, label=f"{label}, old π")
        errors.plot(k, columns[f"{name} error, new"], "--", color=colour, label=f"{label}, new π")
    errors.set(xlabel="iteration k", ylabel="mean |Â − A| of a step", ylim=(-0.02, 400.0))
    errors.set_yscale("symlog", linthresh=0.1, linscale=0.5)  # greedy, old π: 0, and 10, new π
    errors.legend(fontsize=8, ncols=2, loc="upper center")


SYSTEM = System(
    "L3",
    "Why fitted policy iteration breaks",
    TEXT,
    (
        Formula("Q̂: weighted least squares on features", fitted_q, "np.linalg.lstsq"),
        Formula("Â = Q̂ − E_{a ~ π} Q̂", fitted_advantage, "advantage: Floats"),
        Formula("π_{k+1} = argmax_a Â (depends on h)", greedy, "values.argmax"),
        Formula("π_{k+1} = argmax E Â, KL(π_k | π) ≤ δ: ln π/π_k, and λ",
                trust_region._trust_region_log_ratio),
        Formula("for a given λ", trust_region._log_ratio),
    ),
    run,
    draw,
)  # fmt: skip
