"""L4: TRPO, its models of objective and KL, and its exact step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import worst
from fastpg.lecture.system import Check, Example, Result, System
from fastpg.tabular import (
    MDP,
    LocalModel,
    TabularPolicy,
    TabularSoftmax,
    mean_advantages,
    natural_step,
    penalised_log_ratio,
    trust_region,
    trust_region_policy,
)
from fastpg.tabular.local_model import kl_of_logs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """TRPO maximises f^k, the expected advantage of the new policy in the states of the old one,
subject to a bound on the KL from the old policy. At θk, f^k agrees with J to first order:
f^k(θk) = 0 and ∇f^k(θk) = ∇J(θk). The practical form models f^k by a line and the KL by a parabola.
It steps along the natural direction to the point where the parabola reaches the bound, and then
checks the true f^k and the true KL.

For a table of probabilities the true maximiser has a closed form, π(a|s) = λ π_k(a|s)/(ν_s − A(s, a)),
where ν_s normalises each state and λ is chosen so that the KL equals the bound.

The figure follows the natural direction in a random MDP (4 states, 3 actions, γ = 0.9). The left
part shows J, f^k and the line against the KL that the parabola predicts; the right part shows the
KL and the parabola (both per step). The crosses are the exact maximisers at three bounds, at their
own KL."""

POINTS, FURTHEST, BOUNDS = 81, 0.8, (0.02, 0.1, 0.3)
TARGET_KL = 0.05


def problem() -> tuple[MDP, TabularSoftmax]:
    """A random MDP and a policy that is not uniform."""
    rng = np.random.default_rng(1)
    mdp = tabular.garnet(4, 3, 3, seed=2, gamma=0.9)
    return mdp, TabularSoftmax(4, 3, 0.5 * rng.normal(size=(4, 3)))


def lower_bound(local: LocalModel, new: TabularPolicy) -> float:
    """A lower bound of J(π'): J(π) + f^k(π') − 4 ε γ/(1 − γ)² max_s KL(π | π')."""
    evaluation, gamma = local.evaluation, local.mdp.gamma
    largest = float(np.max(np.abs(evaluation.advantage)))
    furthest = float(np.max(tabular.state_kl(evaluation.pi, new.probabilities())))
    gained = local.surrogate(new)
    return evaluation.J + gained - 4 * largest * gamma / (1 - gamma) ** 2 * furthest


def run() -> Result:
    """Check the models along the natural direction, the exact step, and the lower bound."""
    mdp, old = problem()
    local = LocalModel(mdp, old)
    gradient = tabular.gradient(mdp, old)
    direction, curvature = natural_step(local, old)
    alphas = np.linspace(0.0, FURTHEST, POINTS) / np.sqrt(curvature)
    ray = [old.with_theta(old.theta + alpha * direction) for alpha in alphas]
    bound = trust_region_policy(local, old, TARGET_KL, "step")
    new, kl_coef = bound
    advantages, _ = mean_advantages(local, old)
    ratio = np.exp(penalised_log_ratio(old.probabilities(), advantages, kl_coef))
    normaliser = kl_coef / ratio + advantages  # ν_s: the same for every action of a state
    on_ray = old.with_theta(old.theta + np.sqrt(2 * TARGET_KL / curvature) * direction)
    while local.kl(on_ray, "step") > TARGET_KL:
        on_ray = old.with_theta(old.theta + 0.98 * (on_ray.theta - old.theta))
    checks = (
        Check("f^k(θk) = 0", local.surrogate(old), 0.0),
        worst("∇f^k(θk) = ∇J(θk)", local.surrogate_gradient(old), gradient),
        Check("exact step: KL = δ", local.kl(new, "step"), TARGET_KL),
        worst("exact step: λ π_k/π + A is one ν_s for all actions", normaliser[:, 0],
              normaliser[:, 1]),
        Check("exact step: f^k, at least that along the natural ray", local.surrogate(new),
              local.surrogate(on_ray), 0.0, ">="),
        Check("exact step: J grows", mdp.evaluate(new).J, local.evaluation.J, 0.0, ">="),
        Check("J(π') ≥ J(π) + f^k − 4εγ/(1 − γ)² max KL, δ = 0.05", mdp.evaluate(new).J,
              lower_bound(local, new), 0.0, ">="),
        Check("the same, δ = 10⁻⁶", mdp.evaluate(tiny := trust_region_policy(
            local, old, 1e-6, "step")[0]).J, lower_bound(local, tiny), 0.0, ">="),
    )  # fmt: skip
    exact = [trust_region_policy(local, old, target, "step")[0] for target in BOUNDS]
    pad = [np.nan] * (POINTS - len(BOUNDS))
    columns = {
        "step": alphas * np.sqrt(curvature),
        "J - J(theta_k)": [mdp.evaluate(p).J - local.evaluation.J for p in ray],
        "f": [local.surrogate(p) for p in ray],
        "linear": alphas * float(np.sum(gradient * direction)),
        "KL": [local.kl(p, "step") for p in ray],
        "quadratic": 0.5 * alphas**2 * curvature,
        "exact KL": [*BOUNDS, *pad],
        "exact f": [*(local.surrogate(p) for p in exact), *pad],
        "exact J - J(theta_k)": [*(mdp.evaluate(p).J - local.evaluation.J for p in exact), *pad],
    }
    return Result(checks, columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw objectives and constraint along the natural direction."""
    gains, bounds = figure.subplots(1, 2)
    predicted = columns["quadratic"]
    gains.plot(predicted, columns["linear"], "--", color="0.5", label="line, ∇Jᵀ(θ − θk)")
    gains.plot(predicted, columns["f"], color="C0", label="f^k")
    gains.plot(predicted, columns["J - J(theta_k)"], color="C1", label="J − J(θk), the truth")
    gains.plot(columns["exact KL"], columns["exact f"], "x", color="C0", label="f^k, exact step")
    gains.plot(columns["exact KL"], columns["exact J - J(theta_k)"], "x", color="C1",
               label="J − J(θk), exact step")  # fmt: skip
    gains.set(xlabel="KL per step (predicted; of the exact step: its own), nats", ylabel="gain",
              xlim=(0.0, 0.32))  # fmt: skip
    reach = np.max(np.append(columns["exact J - J(theta_k)"][:3], columns["exact f"][:3]))
    gains.set_ylim(0.0, 1.9 * reach)
    gains.legend(fontsize=8, loc="upper left")
    bounds.plot(
        columns["step"], predicted, "--", color="0.5", label="parabola, ½ (θ − θk)ᵀF(θ − θk)"
    )
    bounds.plot(columns["step"], columns["KL"], color="C2", label="KL(π_k | π), the truth")
    bounds.set(
        xlabel="√((θ − θk)ᵀF(θ − θk)) along the natural direction", ylabel="KL per step, nats"
    )
    bounds.legend(fontsize=8)


IMPROVEMENT = Example(
    """How far may a policy move so that it surely improves? With a discount and no horizon, let
L(π') = J(π) + f^k(π'), ε = max_{s,a} |A(s, a)|, and α = max_s ½ Σ_a |π'(a|s) − π(a|s)|, the largest
distance in total variation. Then J(π') ≥ L(π') − 4εγα²/(1 − γ)² (Schulman et al. 2015, theorem 1);
since α² ≤ ½ max_s KL(π|π'), the bound with the KL above follows. A mixture π' = (1 − β)π + βπ̂ with a
share β of any policy π̂ has a bound of its own, that of conservative policy iteration (Kakade and
Langford 2002): J(π') ≥ L(π') − 2ε̂γβ²/((1 − γ)(1 − γ(1 − β))) with ε̂ = max_s |E_{a ~ π̂} A(s, a)|. In
β both penalties are of second order, and the gain of L is of first order, so that a small share of a
policy with positive mean advantage improves J. `tabular.conservative_policy_iteration` chooses it
by such a bound.""",
    """
import numpy as np

from fastpg import tabular

gamma = 0.5
mdp = tabular.garnet(5, 3, 3, seed=2, gamma=gamma)
old = np.full((5, 3), 1 / 3)
found = mdp.evaluate(old)
greedy = tabular.greedy(found.Q)
eps = np.abs(found.advantage).max()
eps_hat = np.abs((greedy * found.advantage).sum(axis=1)).max()

for beta in (0.01, 0.03, 0.1, 0.3, 1.0):
    new = (1 - beta) * old + beta * greedy
    L = found.J + tabular.surrogate(mdp, old, new)
    alpha = np.abs(new - old).sum(axis=1).max() / 2
    trpo = L - 4 * eps * gamma * alpha**2 / (1 - gamma) ** 2
    mixture = L - 2 * eps_hat * gamma * beta**2 / ((1 - gamma) * (1 - gamma * (1 - beta)))
    gain = mdp.evaluate(new).J - found.J
    print(
        f"share {beta:.2f}: gain {gain:.3f}, by L {L - found.J:.3f}, "
        f"at least {trpo - found.J:.3f} and {mixture - found.J:.3f}"
    )
    assert gain >= max(trpo, mixture) - found.J
""",
)  # fmt: skip


SYSTEM = System(
    "L4",
    "TRPO",
    TEXT,
    (
        Formula("f^k(θ) = E_{s ~ θk} Σ_h E_{a ~ π_θ} A^θk(s, a, h)", LocalModel.surrogate),
        Formula("KL(ρ_θk | ρ_θ) = E_θk Σ_h KL(π_θk | π_θ)", LocalModel.kl),
        Formula("KL(π_θk | π_θ) in a state", kl_of_logs),
        Formula("exact maximiser: ln π/π_k, π = λ π_k/(ν_s − A)", trust_region._log_ratio),
        Formula("the λ with which KL = δ", trust_region._trust_region_log_ratio),
        Formula("A(s, a) = Σ_h d_h A_h/Σ_h d_h (stationary π)", mean_advantages),
        Kernel("practical form: backtracking from θk + η F̂⁻¹ĝ",
               "cpp/src/solvers/line_search.cpp", "line_search"),
        Kernel("until KL ≤ δ and f^k has grown", "cpp/src/solvers/line_search.cpp", "status_of"),
        Kernel("f^k of samples: Σ_i w_i A_i, w = π_θ/π_θk", "cpp/src/solvers/surrogate.cpp",
               "Surrogate::weighted_sum"),
        Formula("J(π') ≥ J(π) + f^k(π') − 4εγ/(1 − γ)² max_s KL", lower_bound),
    ),
    run,
    draw,
    (IMPROVEMENT,),
)  # fmt: skip
