"""L7: Fisher information is the Hessian of the KL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.arrays import Floats
from fastpg.lecture import problems
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import Trajectories, exact, sampled, worst
from fastpg.lecture.system import Check, Result, System
from fastpg.tabular import FeatureSoftmax, LocalModel, state_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """The Fisher matrix of trajectories is the mean of ∇ln ρ ∇ln ρᵀ. Cross terms between steps have
mean zero, and the dynamics do not depend on θ, so that F is a sum over steps. The gradient of
KL(ρ_θk|ρ_θ) in θ is zero at θk, and its Hessian at θk is F.

For a linear softmax F is singular: adding one vector to every column of θ changes no probability.
An estimate from samples either sums the action out ("exact") or uses the action taken ("sampled");
both have the same mean.

The left figure shows the KL along ten random directions, and the parabola ½ dᵀFd, with which it
agrees to second order. The right figure shows the relative error of the estimated F against the
number of trajectories; the slope is −1/2."""

COUNT, RAYS, REPEATS = 4096, 10, 8
SIZES = 2 ** np.arange(3, 13)


def numerical_hessian(local: LocalModel, policy: FeatureSoftmax, step: float = 1e-5) -> Floats:
    """The Hessian of the KL at the policy, by central differences of the gradient."""
    flat, size = policy.theta.ravel(), policy.theta.size
    out = np.empty((size, size))
    moves: Floats = step * np.eye(size)
    for i, direction in enumerate(moves):
        ahead = local.kl_gradient(policy.with_theta(flat + direction)).ravel()
        behind = local.kl_gradient(policy.with_theta(flat - direction)).ravel()
        out[i] = (ahead - behind) / (2 * step)
    return out


def of_trajectories(played: Trajectories, count: int, *, taken: bool) -> Floats:
    """The package's estimate of F, a sum over steps, from the first `count` trajectories."""
    steps, total = played.actions.shape
    rows = np.arange(steps * total).reshape(steps, total)[:, :count].ravel()
    actions = played.actions.ravel()[rows] if taken else None
    summed: Floats = steps * played.policy.fisher(played.phi[rows], played.dist[rows], actions)
    return summed


def run() -> Result:
    """Check gradient, Hessian, null space and estimates."""
    mdp = problems.small_mdp()
    linear = problems.one_hot_policy(mdp)
    policy = exact(linear)
    local, metric = LocalModel(mdp, policy), tabular.fisher(mdp, policy)
    played = Trajectories(mdp, linear, COUNT, seed=2)
    scores = played.gradients(np.ones(played.to_go.shape))
    of_rho = (scores[:, :, None] * scores[:, None, :]).reshape(COUNT, -1)
    shift = np.tile(np.random.default_rng(3).normal(size=(policy.shape[0], 1)), policy.shape[1])
    checks = (
        worst("∇KL = 0 at θk", local.kl_gradient(policy), np.zeros(policy.shape)),
        worst("∇²KL = F, by differences", numerical_hessian(local, policy), metric, 1e-7),
        worst("∇²KL = F, in closed form", local.kl_hessian(policy), metric),
        Check("F of one vector in every column: 0", float(np.linalg.norm(metric @ shift.ravel())),
              0.0),
        sampled("mean ∇ln ρ ∇ln ρᵀ = F", of_rho, metric),
        worst("mean of F̂, action summed out, 4,096 trajectories",
              of_trajectories(played, COUNT, taken=False), metric, 0.03),
        worst("mean of F̂, action taken, 4,096 trajectories",
              of_trajectories(played, COUNT, taken=True), metric, 0.06),
    )  # fmt: skip
    columns: dict[str, Any] = {"distance": np.linspace(0.0, 1.0, len(SIZES)), "trajectories": SIZES}
    rng = np.random.default_rng(4)
    for k in range(RAYS):
        direction = rng.normal(size=metric.shape[0])
        ray = direction * np.sqrt(2.0 / (direction @ metric @ direction))
        columns[f"KL, ray {k}"] = [
            local.kl(policy.with_theta(policy.theta.ravel() + t * ray)) for t in columns["distance"]
        ]
    columns["parabola"] = columns["distance"] ** 2
    errors = np.zeros((2, len(SIZES)))
    for seed in range(REPEATS):
        fresh = Trajectories(mdp, linear, COUNT, seed=100 + seed)
        for i, count in enumerate(SIZES.tolist()):
            for j, taken in enumerate((False, True)):
                off = of_trajectories(fresh, count, taken=taken) - metric
                errors[j, i] += np.linalg.norm(off) / np.linalg.norm(metric) / REPEATS
    columns["error, exact"], columns["error, sampled"] = errors
    return Result(checks, columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw the KL along rays, and errors of the estimates."""
    rays, errors = figure.subplots(1, 2)
    for k in range(RAYS):
        label = "KL along a random ray" if k == 0 else None
        rays.plot(columns["distance"], columns[f"KL, ray {k}"], color="C2", lw=0.8, label=label)
    rays.plot(columns["distance"], columns["parabola"], "k--", label="½ dᵀFd")
    rays.set(xlabel="√(½ dᵀFd), d = θ − θk", ylabel="KL of a trajectory, nats")
    rays.legend(fontsize=8)
    n = columns["trajectories"]
    errors.loglog(n, columns["error, exact"], "o-", ms=3, label="action summed out")
    errors.loglog(n, columns["error, sampled"], "s-", ms=3, label="action taken")
    errors.loglog(n, columns["error, sampled"][0] * np.sqrt(n[0] / n), ":", color="0.5",
                  label="slope −1/2")  # fmt: skip
    errors.set(xlabel="trajectories", ylabel="‖F̂ − F‖/‖F‖, mean of 8")
    errors.legend(fontsize=8)


SYSTEM = System(
    "L7",
    "Fisher information",
    TEXT,
    (
        Formula("F = E_τ Σ_h φφᵀ ⊗ (diag π − ππᵀ); of π_θ with the weights of θk: ∇²KL(ρ_θk | ρ_θ)",
                FeatureSoftmax._fisher),
        Formula("E_τ Σ_h: the weights of the states", state_weights),
        Kernel("F̂ of samples = mean of Φᵀ B Φ, one block of Φᵀ (B_ab Φ) for each pair of logits",
               "cpp/src/policies/fisher_dense.cpp", "Fisher::add_gram"),
        Kernel("B_ab of the action taken: ∇ln π ∇ln πᵀ", "cpp/src/policies/fisher_dense.cpp",
               "Fisher::entry"),
        Kernel("B_ab with the action summed out: diag π − ππᵀ",
               "cpp/src/distributions/categorical.cpp", "Categorical::fisher_entry"),
        Kernel("w = B u of F̂v = mean of Jᵀ B J v, without B",
               "cpp/include/fastpg/distributions/softmax_columns.hpp", "fisher_product"),
        Formula("∇KL(ρ_θk | ρ_θ) = −E_θk Σ_h ∇ln π_θ: the weights of the scores",
                LocalModel.kl_gradient),
        Formula("∇ln π(a|s) = φ(s) ⊗ (e_a − π(·|s)), summed with weights",
                FeatureSoftmax._score_sum),
    ),
    run,
    draw,
)  # fmt: skip
