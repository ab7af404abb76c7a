"""L6: the natural policy gradient as a constrained maximiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.arrays import Floats
from fastpg.lecture.formulas import Formula
from fastpg.lecture.problems import worst
from fastpg.lecture.system import Check, Example, Result, System
from fastpg.tabular import MDP, LocalModel, OneLogit, natural_step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """Expanded at θk, TRPO (L4) becomes: maximise ∇Jᵀ(θ − θk) subject to
(θ − θk)ᵀF(θ − θk) ≤ δ. The maximiser has a closed form, θk + η F⁻¹∇J with
η = √(δ/(∇JᵀF⁻¹∇J)). The lecture omits the ½ of the expansion, so that its δ is twice the predicted
KL: δ = 2 target_kl.

The left figure shows the plane of the two logits of a two-state MDP: the ellipse of the constraint,
level lines of ∇Jᵀ(θ − θk), the gradient (which has another direction), the natural step, and the
best of 2,000 points on the ellipse. The right figure shows the objective along the ellipse."""

DELTA, POINTS = 0.02, 2000


def problem() -> tuple[MDP, OneLogit]:
    """Kakade's two states and initial policy, where gradient and natural gradient differ much."""
    return tabular.kakade(), OneLogit(2, np.log([0.8 / 0.2, 0.1 / 0.9]))


def boundary(metric: Floats) -> tuple[Floats, Floats]:
    """Angles, and the points d with dᵀFd = δ in their directions, (n, 2)."""
    angles = np.linspace(-np.pi, np.pi, POINTS)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return angles, rays * np.sqrt(DELTA / np.einsum("ni,ij,nj->n", rays, metric, rays))[:, None]


def multipliers(gradient: Floats, metric: Floats) -> Floats:
    """The maximiser by Newton's method on the Lagrange conditions g = 2 μ F d, dᵀFd = δ."""
    size = len(gradient)
    x = np.append(gradient * np.sqrt(DELTA / (gradient @ metric @ gradient)), 1.0)
    for _ in range(100):
        d, mu = x[:size], x[size]
        residual = np.append(gradient - 2 * mu * metric @ d, DELTA - d @ metric @ d)
        jacobian = np.zeros((size + 1, size + 1))
        jacobian[:size, :size] = -2 * mu * metric
        jacobian[:size, size] = -2 * metric @ d
        jacobian[size, :size] = -2 * metric @ d
        x = x - np.linalg.solve(jacobian, residual)
    return x[:size]


def closed_form(local: LocalModel, policy: OneLogit) -> Floats:
    """η F⁻¹∇J with the lecture's δ."""
    direction, curvature = natural_step(local, policy)
    step: Floats = np.sqrt(DELTA / curvature) * direction
    return step


def run() -> Result:
    """Check the closed form, the Lagrange conditions, a search, and the library's step."""
    mdp, policy = problem()
    local = LocalModel(mdp, policy)
    gradient, metric = tabular.gradient(mdp, policy), tabular.fisher(mdp, policy, "step")
    step = closed_form(local, policy)
    angles, points = boundary(metric)
    objective = points @ gradient
    best = int(np.argmax(objective))
    taken = tabular.npg(mdp, policy, 1, target_kl=DELTA / 2).policy.theta - policy.theta
    along = gradient * np.sqrt(DELTA / (gradient @ metric @ gradient))
    checks = (
        worst("closed form = solution of the Lagrange conditions", step,
              multipliers(gradient, metric)),
        worst("closed form = best of 2,000 points, to their distance", step, points[best], 0.01),
        Check("no point does better", float(objective.max()), float(gradient @ step), 0.0, "<="),
        Check("stepᵀ F step = δ", float(step @ metric @ step), DELTA),
        worst("the library's step with target_kl = δ/2", taken, step),
        Check("measured KL near δ/2", local.kl(policy.with_theta(policy.theta + step), "step"),
              DELTA / 2, 1e-3),
        Check("the gradient's own direction gains less", float(gradient @ along),
              float(gradient @ step), 0.0, "<="),
    )  # fmt: skip
    columns = {
        "angle": angles, "logit 1": points[:, 0], "logit 2": points[:, 1], "objective": objective,
        "natural step 1": np.full(POINTS, step[0]), "natural step 2": np.full(POINTS, step[1]),
        "gradient 1": np.full(POINTS, gradient[0]), "gradient 2": np.full(POINTS, gradient[1]),
    }  # fmt: skip
    return Result(checks, columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw the plane of the logits, and the objective along the ellipse."""
    plane, around = figure.subplots(1, 2)
    x, y, objective = columns["logit 1"], columns["logit 2"], columns["objective"]
    step = np.array([columns["natural step 1"][0], columns["natural step 2"][0]])
    gradient = np.array([columns["gradient 1"][0], columns["gradient 2"][0]])
    best = int(np.argmax(objective))
    grid = np.meshgrid(np.linspace(-1.4, 1.4, 50), np.linspace(-1.4, 2.4, 50))
    plane.contour(*grid, gradient[0] * grid[0] + gradient[1] * grid[1], 12, colors="0.85",
                  linewidths=0.8)  # fmt: skip
    plane.plot(x, y, color="C2", label="(θ − θk)ᵀF(θ − θk) = δ")
    arrow = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.008}
    plane.quiver(0, 0, *(gradient / np.hypot(*gradient) * 0.8), color="C1", label="∇J (direction)",
                 **arrow)  # fmt: skip
    plane.quiver(0, 0, *step, color="C0", label="η F⁻¹∇J", **arrow)
    plane.plot(x[best], y[best], "k+", ms=12, label="best point found")
    plane.set(xlabel="logit of state 1, from θk", ylabel="logit of state 2, from θk", aspect="equal",
              xlim=(-1.4, 1.4), ylim=(-1.4, 2.4))  # fmt: skip
    plane.legend(fontsize=8, loc="upper right")
    around.plot(columns["angle"], objective, color="C2")
    angle = np.arctan2(step[1], step[0])
    around.axvline(angle, color="C0", label="natural step")
    around.axvline(np.arctan2(gradient[1], gradient[0]), color="C1", ls="--", label="gradient")
    around.set(xlabel="direction around the ellipse, radians", ylabel="∇Jᵀ(θ − θk)")
    around.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.42, 0.0))


CONVERGENCE = Example(
    """With one logit for each state and action, the natural gradient converges to the optimum, although
J is not concave in θ (Agarwal et al. 2021, theorem 5.3). Let there be a discount and no horizon,
rewards in [0, 1], and a start that leads to every state, and let F have the weights of normalised
discounted visits. From θ = 0, T steps θ ← θ + η F⁻¹∇J with any fixed η > 0 give
J* − J(θ_T) ≤ ln|A|/(ηT) + 1/((1 − γ)²T). The number of states does not enter, nor does the start.
The step is ηA/(1 − γ), up to a constant in each state. In `tabular.npg` F and ∇J have one unit and
the step is `step_size` times A, so that `step_size` is η/(1 − γ).""",
    """
import numpy as np

from fastpg import tabular

gamma, eta = 0.9, 0.5
rng = np.random.default_rng(0)
mdp = tabular.MDP(rng.dirichlet(np.ones(5), size=(5, 3)), rng.random((5, 3)), gamma=gamma)
best = tabular.policy_iteration(mdp, np.full((5, 3), 1 / 3), 20).J[-1]
path = tabular.npg(mdp, tabular.TabularSoftmax(5, 3), 100, step_size=eta / (1 - gamma))
for T in (1, 3, 10, 30, 100):
    gap = best - path.J[T]
    bound = np.log(3) / (eta * T) + 1 / ((1 - gamma) ** 2 * T)
    print(f"T = {T:3}: J* - J = {gap:.6f}, at most {bound:.6f}")
    assert gap <= bound
""",
)


SYSTEM = System(
    "L6",
    "Natural policy gradient",
    TEXT,
    (
        Formula("∇f^k(θk) = ∇J(θk)", LocalModel.surrogate_gradient, "score_sum"),
        Formula("F⁻¹∇J, F and ∇J per step", natural_step),
        Formula("F⁻¹g, one logit", OneLogit._natural_direction),
        Formula("η = √(δ/(∇JᵀF⁻¹∇J))", closed_form, "step: Floats"),
        Formula("the same with target_kl = δ/2", tabular.npg, "np.sqrt(2.0"),
        Formula("θ_{k+1} = θk + η F⁻¹∇J", tabular.npg, "old.theta + eta"),
    ),
    run,
    draw,
    (CONVERGENCE,),
)  # fmt: skip
