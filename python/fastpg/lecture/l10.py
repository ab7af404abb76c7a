"""L10: PPO as the Lagrangian relaxation of TRPO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.algorithms.ppo import adapted
from fastpg.arrays import Floats
from fastpg.functional.solvers import Sgd, ppo_epochs
from fastpg.lecture import problems
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import Trajectories, exact, sampled, worst
from fastpg.lecture.system import Check, Example, Result, System
from fastpg.policies.linear import LinearSoftmax
from fastpg.tabular import (
    LocalModel,
    TabularSoftmax,
    natural_step,
    penalised_policy,
    state_kl,
    trust_region,
    trust_region_policy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """Instead of maximising f^k within a trust region (L4), maximise
ℓ^k(θ) = f^k(θ) − λ E_{ρ_θk} Σ_h ln 1/π_θ(a_h|s_h). This equals f^k − λ KL(ρ_θk|ρ_θ) plus a term that
does not depend on θ. The gradient of the KL vanishes at θk, so that ∇ℓ^k(θk) = ∇J(θk) for every λ:
the first step of SGD is that of the policy gradient, and λ matters from the second step on. The
maximisers for all λ are the maximisers for all trust regions: λ and δ parametrise one curve. Near
θk the maximiser is θk + F⁻¹∇J/λ, and its KL is ∇JᵀF⁻¹∇J/(2λ²).

An estimate of the penalty either uses the action taken, λ Σ_h ln 1/π_θ(a_h|s_h)
(`kl_estimator="sampled"`), or sums it out, λ Σ_h Σ_a π_θk(a|s_h) ln 1/π_θ(a|s_h), the cross entropy of
π_θk and π_θ, which is λ Σ_h KL(π_θk(·|s_h)|π_θ(·|s_h)) plus a term without θ ("exact"). The means are
equal; either variance may be the larger. The gradient of the first does not vanish at θk for a
single sample.

The clipped surrogate (Schulman et al. 2017) limits the ratios w_h = π_θ(a_h|s_h)/π_θk(a_h|s_h)
instead of the KL. With ε = `clip_range` it is
c^k(θ) = E_{ρ_θk} Σ_h min(w_h A^θk(s_h, a_h, h), clip(w_h, 1 − ε, 1 + ε) A^θk(s_h, a_h, h)).
It is at most f^k, and equals it to first order at θk: c^k(θk) = 0 and ∇c^k(θk) = ∇J(θk). A sample
leaves the gradient once its ratio is above 1 + ε with A > 0, or below 1 − ε with A < 0. If every
ratio in a state is within 1 ± ε, with ε < 1, then KL(π_θk|π_θ) ≤ −½ ln(1 − ε²) there, which is near
ε²/2: the mean of w under π_θk is 1, so that the KL is the mean of w − 1 − ln w, a convex function,
which is largest if w is 1 − ε and 1 + ε with equal probability. But clipping only takes away the
reason to move further. Other samples, the entropy and the optimizer's momentum may still move a
ratio, so that `clip_range` does not bound the KL; `target_kl` ends the epochs if the KL is above it.

The figure shows the maximisers in a random MDP (4 states, 3 actions, 6 steps) for λ from 0.05 to
100: f^k against the KL, both per trajectory, and the KL against λ with its asymptote."""

LAMBDAS = np.geomspace(0.05, 100.0, 34)
LARGE = 1e3  # λ at which the step is nearly the natural one
COUNT = 4000
RATE, KL_COEF = 0.5, 2.0  # learning rate and λ of the two steps of SGD
CLIP_RANGE = 0.1  # ε, small enough that the first step passes it


def path_checks(local: LocalModel, old: TabularSoftmax, columns: dict[str, Any]) -> list[Check]:
    """Check that penalty and trust region give one curve; fill both into the columns."""
    penalised = [penalised_policy(local, old, kl_coef) for kl_coef in LAMBDAS]
    kls = [local.kl(policy) for policy in penalised]
    bounded = [trust_region_policy(local, old, kl, "trajectory") for kl in kls]
    columns["lambda"] = LAMBDAS
    columns["penalty: KL"] = kls
    columns["penalty: f"] = [local.surrogate(policy) for policy in penalised]
    columns["trust region: KL"] = [local.kl(policy) for policy, _ in bounded]
    columns["trust region: f"] = [local.surrogate(policy) for policy, _ in bounded]
    pairs = zip(penalised, LAMBDAS, strict=True)
    slopes = [local.penalised_gradient(policy, kl_coef) for policy, kl_coef in pairs]
    tables = [[p.probabilities() for p in penalised], [p.probabilities() for p, _ in bounded]]
    return [
        worst("∇ℓ^k = 0 at its maximiser, every λ", slopes, np.zeros_like(slopes)),
        worst("argmax ℓ^k = argmax f^k with δ = its KL: π", tables[0], tables[1], 1e-8),
        worst("the same: multiplier of the constraint = λ, relative",
              np.array([kl_coef for _, kl_coef in bounded]) / LAMBDAS, np.ones(len(LAMBDAS)), 1e-8),
        worst("the same: f^k", columns["trust region: f"], columns["penalty: f"], 1e-8),
    ]  # fmt: skip


def asymptote_checks(
    local: LocalModel, old: TabularSoftmax, gradient: Floats, columns: dict[str, Any]
) -> list[Check]:
    """Check step and KL for large λ, extrapolated from λ and 2λ with an error of order λ^-2."""
    direction, curvature = natural_step(local, old, 0.0, "trajectory")
    columns["asymptote of the KL"] = curvature / (2.0 * LAMBDAS**2)
    steps, kls = [], []
    for kl_coef in (LARGE, 2.0 * LARGE):
        policy = penalised_policy(local, old, kl_coef)
        step = kl_coef * (policy.theta - old.theta)
        steps.append(step - step.mean(axis=1, keepdims=True))  # a shift per state changes nothing
        kls.append(kl_coef**2 * local.kl(policy))
    slope = float(np.sum(direction * gradient))
    return [
        worst("λ (θ − θk) → F⁻¹∇J", 2.0 * steps[1] - steps[0], direction, 1e-5),
        Check("λ² KL → ∇JᵀF⁻¹∇J / 2", 2.0 * kls[1] - kls[0], slope / 2.0, 1e-5),
    ]


def penalty_checks(played: Trajectories, local: LocalModel, theta: Floats) -> list[Check]:
    """Check the penalty at another theta, for the action taken and with the action summed out."""
    shape = (*played.actions.shape, theta.shape[1])
    phi, old = played.phi.reshape(*shape[:2], -1), np.exp(played.dist).reshape(shape)
    log_new = played.policy.distribution(played.phi, theta).reshape(shape)
    new = exact(LinearSoftmax(played.policy.observation_size, shape[2], theta))
    value = local.surrogate(new) - local.penalised(new, 1.0)
    checks = []
    for name, shares in (("action taken", np.eye(shape[2])[played.actions]), ("summed out", old)):
        values = -(shares * log_new).sum(axis=(0, 2))[:, None]
        slopes = np.einsum("hnf,hna->nfa", phi, np.exp(log_new) - shares)
        checks += [
            sampled(f"mean of Σ_h ln 1/π_θ, {name} = E Σ_h ln 1/π_θ", values, value),
            sampled(f"mean of its gradient, {name} = ∇KL(ρ_θk|ρ_θ)",
                    slopes.reshape(len(slopes), -1), local.kl_gradient(new)),
        ]  # fmt: skip
    return checks


def sgd_checks(played: Trajectories, values: Floats) -> list[Check]:
    """Check one and two steps of the package's SGD on the whole batch."""
    policy, phi, dist = played.policy, played.phi, played.dist
    rows = np.arange(len(played.states))[:, None]
    advantages = (played.to_go - values[rows, played.states]).ravel()
    actions = played.actions.ravel()

    def learned(n_epochs: int, kl_coef: float, kl_estimator: str) -> Floats:
        result = ppo_epochs(
            policy, phi, actions, advantages, Sgd(policy.theta.size), seed=0,
            objective="kl_penalty", kl_coef=kl_coef, kl_estimator=kl_estimator, learning_rate=RATE,
            n_epochs=n_epochs, batch_size=len(phi), normalize_advantage=False,
        )  # fmt: skip
        return result.theta

    pi, taken = np.exp(dist), np.eye(dist.shape[1])[actions]
    first = policy.theta + RATE * phi.T @ ((taken - pi) * advantages[:, None]) / len(phi)
    checks = [
        worst(f"SGD: first step with λ = {kl_coef:g}", learned(1, kl_coef, "exact"), first)
        for kl_coef in (0.0, KL_COEF, 10.0 * KL_COEF)
    ]
    for name, shares in (("sampled", taken), ("exact", pi)):
        theta = policy.theta
        for _ in range(2):
            new = np.exp(policy.distribution(phi, theta))
            ratio = (taken * new / pi).sum(axis=1)
            ascent = (taken - new) * (ratio * advantages)[:, None] + KL_COEF * (shares - new)
            theta = theta + RATE * phi.T @ ascent / len(phi)
        checks.append(
            worst(f"SGD: two steps on ℓ̂^k, penalty {name}", learned(2, KL_COEF, name), theta)
        )
    return checks


def clipped_sgd_check(played: Trajectories, values: Floats) -> Check:
    """Check two steps of the package's SGD on the clipped surrogate."""
    policy, phi, pi = played.policy, played.phi, np.exp(played.dist)
    rows = np.arange(len(played.states))[:, None]
    advantages = (played.to_go - values[rows, played.states]).ravel()
    actions = played.actions.ravel()
    taken, theta = np.eye(pi.shape[1])[actions], policy.theta
    for _ in range(2):
        new = np.exp(policy.distribution(phi, theta))
        ratio = (taken * new / pi).sum(axis=1)
        past = np.where(advantages > 0.0, ratio > 1.0 + CLIP_RANGE, ratio < 1.0 - CLIP_RANGE)
        weights = np.where(past, 0.0, ratio * advantages)
        theta = theta + RATE * phi.T @ ((taken - new) * weights[:, None]) / len(phi)
    learned = ppo_epochs(
        policy, phi, actions, advantages, Sgd(policy.theta.size), seed=0, objective="clip",
        clip_range=CLIP_RANGE, learning_rate=RATE, n_epochs=2, batch_size=len(phi),
        normalize_advantage=False,
    )  # fmt: skip
    return worst("SGD: two steps on ĉ^k", learned.theta, theta)


def clipped(local: LocalModel, new: Floats) -> float:
    """c^k of a table of probabilities."""
    old, advantage = local.evaluation.pi, local.evaluation.advantage
    ratio = new / old
    bounded = np.clip(ratio, 1.0 - CLIP_RANGE, 1.0 + CLIP_RANGE)
    least = np.minimum(ratio * advantage, bounded * advantage)
    return float(np.sum(local.evaluation.occupancy[..., None] * old * least))


def within(rng: np.random.Generator, old: Floats) -> Floats:
    """Probabilities whose ratios to the old ones are within 1 ± ε, as far as possible."""
    off = rng.normal(size=old.shape)
    off -= np.sum(old * off, axis=-1, keepdims=True)
    table: Floats = old * (1.0 + CLIP_RANGE * off / np.abs(off).max(axis=-1, keepdims=True))
    return table


def clip_checks(local: LocalModel) -> list[Check]:
    """Check the clipped surrogate, and the KL of policies whose ratios are within its bounds."""
    rng = np.random.default_rng(11)
    old = local.evaluation.pi
    others = rng.dirichlet(np.ones(old.shape[-1]), size=(1000, *old.shape[:-1]))
    gaps = [local.surrogate(table) - clipped(local, table) for table in others]
    tables = rng.dirichlet(np.ones(old.shape[-1]), size=1000)
    half, moved = np.array([0.5, 0.5]), 0.5 + 0.5 * CLIP_RANGE * np.array([1.0, -1.0])
    largest = -0.5 * np.log(1.0 - CLIP_RANGE**2)
    return [
        Check("c^k(θk) = 0", clipped(local, old), 0.0),
        Check("f^k ≥ c^k, least difference of 1,000 policies", min(gaps), 0.0, 1e-12, ">="),
        Check(f"ratios within 1 ± ε, ε = {CLIP_RANGE}: KL ≤ −½ ln(1 − ε²), largest of 1,000",
              float(state_kl(tables, within(rng, tables)).max()), largest, 1e-12, "<="),
        Check("the same: two actions of probability ½", float(state_kl(half, moved)), largest),
    ]  # fmt: skip


def run() -> Result:
    """Check gradients, both curves, their asymptote near theta_k, and samples of the penalty."""
    mdp = problems.small_mdp()
    linear = problems.one_hot_policy(mdp)
    rng = np.random.default_rng(10)
    theta = linear.theta + 0.5 * rng.normal(size=linear.theta.shape)
    old = TabularSoftmax(mdp.n_states, mdp.n_actions)
    old = old.with_probabilities(exact(linear).probabilities())
    local = LocalModel(mdp, old)
    gradient = tabular.gradient(mdp, old)
    columns: dict[str, Any] = {}
    checks = [
        worst(
            f"∇ℓ^k(θk) = ∇J(θk), λ = {kl_coef:g}", local.penalised_gradient(old, kl_coef), gradient
        )
        for kl_coef in (0.0, 1.0, 100.0)
    ]
    checks += path_checks(local, old, columns)
    checks += asymptote_checks(local, old, gradient, columns)
    played = Trajectories(mdp, linear, COUNT, seed=10)
    checks += penalty_checks(played, local, theta)
    checks += sgd_checks(played, local.evaluation.V)
    checks += [*clip_checks(local), clipped_sgd_check(played, local.evaluation.V)]
    return Result(tuple(checks), columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw the common curve of penalty and trust region, and the KL against lambda."""
    curve, kls = figure.subplots(1, 2)
    curve.semilogx(columns["trust region: KL"], columns["trust region: f"], lw=3, alpha=0.4,
                   label="argmax of f^k with KL ≤ δ")  # fmt: skip
    curve.semilogx(columns["penalty: KL"], columns["penalty: f"], "k.", ms=5,
                   label="argmax of ℓ^k, each λ")  # fmt: skip
    curve.set(xlabel="KL(ρ_θk|ρ_θ), nats a trajectory", ylabel="surrogate f^k, a trajectory")
    kls.loglog(columns["lambda"], columns["penalty: KL"], "k.", ms=5, label="argmax of ℓ^k")
    kls.loglog(columns["lambda"], columns["asymptote of the KL"], color="C1",
               label="∇JᵀF⁻¹∇J / (2λ²)")  # fmt: skip
    kls.set(xlabel="λ", ylabel="KL(ρ_θk|ρ_θ), nats a trajectory")
    curve.legend(fontsize=8)
    kls.legend(fontsize=8)


CALLS = Example(
    """Both objectives, for one iteration on CartPole from the uniform policy: the exact KL per step
after 10 epochs, with the clipped surrogate for some ε and with the penalty for some λ. The lecture's
λ is for raw advantages; here, as by default, their standard deviation is its unit. Instead of a
fixed λ, `adaptive_kl=True` with `target_kl=0.01` halves or doubles it after each iteration.""",
    """
import math

import fastpg

common = {"seed": 0, "n_envs": 8, "n_steps": 256, "ent_coef": 0.0}
for eps in (0.1, 0.2, 0.4):
    algo = fastpg.PPO("linear", "CartPole-v1", objective="clip", clip_range=eps, **common)
    kl = algo.learn(2048).history[-1]["train/kl"]
    print(f"clip_range {eps}: KL {kl:.3f}, -ln(1 - eps^2)/2 = {-math.log(1 - eps**2) / 2:.3f}")
for lam in (0.1, 1.0, 10.0):
    algo = fastpg.PPO(
        "linear", "CartPole-v1", objective="kl_penalty", kl_coef=lam, kl_estimator="exact", **common
    )
    kl = algo.learn(2048).history[-1]["train/kl"]
    print(f"kl_coef {lam}: KL {kl:.3f}")
""",
)


SYSTEM = System(
    "L10",
    "PPO as the Lagrangian relaxation",
    TEXT,
    (
        Formula("ℓ^k(θ) = f^k(θ) − λ E_{ρ_θk} Σ_h ln 1/π_θ(a_h|s_h)", LocalModel.penalised),
        Formula("∇ℓ^k = ∇f^k − λ ∇KL(ρ_θk|ρ_θ)", LocalModel.penalised_gradient, "kl_gradient"),
        Formula("maximiser of ℓ^k in a state: ln π/π_k, π(a|s) = λ π_k(a|s)/(ν_s − A(s, a))",
                trust_region._log_ratio),
        Formula("the λ of argmax f^k subject to KL(ρ_θk|ρ_θ) ≤ δ",
                trust_region._trust_region_log_ratio),
        Formula("near θk: F⁻¹∇J/λ, here F⁻¹ of a table with damping 0",
                TabularSoftmax._natural_direction),
        Formula("c^k(θ) = E_{ρ_θk} Σ_h min(w A, clip(w, 1 − ε, 1 + ε) A), in tables", clipped),
        Kernel("ĉ^k of samples: min(w A, clip(w, 1 − ε, 1 + ε) A), and w A ∇ln π, 0 where clipped",
               "cpp/src/solvers/minibatch.cpp", "Minibatch::weigh_scores",
               "distribution_.log_prob(old",
               "\n  }\n"),
        Kernel("ℓ̂^k, the penalty sampled: + λ ∇ln π_θ(a_h|s_h)", "cpp/src/solvers/minibatch.cpp",
               "Minibatch::weigh_scores", "const double more", "\n  });\n"),
        Kernel("ℓ̂^k, the penalty exact: −∇KL(π_θk|π_θ) in the logits",
               "cpp/src/distributions/categorical.cpp", "Categorical::kl_score"),
        Kernel("times λ, added to the scores", "cpp/src/solvers/minibatch.cpp",
               "Minibatch::add_block", "kl_penalty_exact", "\n  }\n"),
        Formula("adaptive λ: half if KL < d/1.5, double if KL > 1.5 d", adapted),
    ),
    run,
    draw,
    (CALLS,),
)  # fmt: skip
