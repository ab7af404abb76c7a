"""L8: sample-based NPG on CartPole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.algorithms import NPG
from fastpg.algorithms.batch import Batch
from fastpg.algorithms.natural import step_to_kl
from fastpg.arrays import Floats
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import worst
from fastpg.lecture.system import Check, Example, Result, System
from fastpg.policies.base import Policy
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.training.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """The smallest complete run of NPG: a batch of trajectories gives ĝ and F̂, and
θ ← θ + η (F̂ + damping)⁻¹ ĝ, with η such that the predicted KL ½ xᵀF̂x of the step x is `target_kl`.
The step is not checked. The KL measured on the batch differs from the predicted one by terms of
third order. With `solver="auto"`, the default, F̂ + damping is factorised (Cholesky) for at most 64
parameters, as here with 10; for more, conjugate gradients need only products F̂v. The first update
and the one after half of the steps are repeated in NumPy, with dense matrices from the same batch.

`NPG` standardises advantages, so that a fixed `step_size` is not the lecture's η. With
`step_size=η, gamma=1.0, gae_lambda=1.0, ent_coef=0.0, normalize_advantage=False` and a small
`cg_damping` the step is η F̂⁻¹ĝ: ĝ and F̂ are means over steps instead of sums over trajectories, and
the mean length cancels.

The figure shows `fastpg.NPG` on CartPole-v1, with a `target_kl` that falls from 0.01 to 0 during
learning. The left part shows the mean return of the last 100 episodes, with sampled actions; the
right part shows predicted and measured KL of every update. With these settings the final greedy
policy balances the pole for all 500 steps."""

ENV_ID = "CartPole-v1"
STEPS = 200_000
SEEDS = (0, 1, 2)
OPTIONS: Mapping[str, Any] = {
    "n_envs": 8,
    "n_steps": 1024,
    "gamma": 0.99,
    "gae_lambda": 0.97,
    "value_target": "lambda",
    "ridge": 0.1,
    "baseline_memory": 0.8,
    "target_kl": "lin_0.01",
    "ent_coef": 0.0,
}
EPISODES = 50
SOLVED = 475.0
FRACTION = 1e-2  # multiple of a step at which its KL is compared with the quadratic form


def make(seed: int) -> NPG:
    """An untrained NPG."""
    return NPG("linear", ENV_ID, seed=seed, **OPTIONS)


def next_batch(algo: NPG, seed: int) -> Batch:
    """A batch for the next update, from the algorithm's own collector."""
    assert algo.env is not None
    collector = make_collector(algo.env, algo.policy, seed)
    collector.reset(seed)
    collected = algo.collect(collector, Plan(total=STEPS))
    assert collected is not None
    return algo.estimate(collected[1])


def dense_step(algo: NPG, batch: Batch) -> Floats:
    """The step of theta from the formulas, with dense matrices."""
    phi, n = batch.phi, len(batch.phi)
    pi = softmax(phi @ algo.policy.theta)
    advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
    score = np.eye(pi.shape[1])[batch.actions] - pi
    gradient = (phi.T @ (score * advantages[:, None]) / n).ravel()
    covariance = np.eye(pi.shape[1]) * pi[:, None] - pi[:, :, None] * pi[:, None, :]
    fisher = np.einsum("ni,nj,nab->iajb", phi, phi, covariance).reshape(2 * (len(gradient),)) / n
    damping = algo.options.cg_damping * np.trace(fisher) / len(gradient)
    direction = np.linalg.solve(fisher + damping * np.eye(len(gradient)), gradient)
    eta = np.sqrt(2.0 * algo.kl_bound / (direction @ fisher @ direction))
    out: Floats = (eta * direction).reshape(algo.policy.theta.shape)
    return out


def softmax(logits: Floats) -> Floats:
    """Rows of probabilities."""
    powers: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def kl_of(policy: Policy, phi: Floats, step: Floats) -> float:
    """Mean KL(old | new) of a step of theta, with actions summed out."""
    old, new = softmax(phi @ policy.theta), softmax(phi @ (policy.theta + step))
    return float((old * (np.log(old) - np.log(new))).sum(axis=1).mean())


def update_checks(name: str, algo: NPG, seed: int) -> list[Check]:
    """Compare an update with the dense one, and its KLs."""
    batch, before = next_batch(algo, seed), algo.policy.theta
    expected = dense_step(algo, batch)
    near = [kl_of(algo.policy, batch.phi, sign * FRACTION * expected) for sign in (-1.0, 1.0)]
    kl = kl_of(algo.policy, batch.phi, expected)
    record = algo.update(batch)
    predicted = float(record["train/predicted_kl"])
    return [
        worst(f"{name}: Δθ = η (F̂ + damping)⁻¹ ĝ", algo.policy.theta - before, expected, 1e-9),
        Check(f"{name}: measured KL = Σ_a π ln π/π'", float(record["train/kl"]), kl, 1e-12),
        Check(f"{name}: KL of the step times ±{FRACTION}, over {FRACTION}² = predicted",
              sum(near) / (2.0 * FRACTION**2), predicted, 1e-3 * predicted),
        Check(f"{name}: predicted KL = target_kl", predicted, algo.kl_bound, 1e-12),
    ]  # fmt: skip


def run() -> Result:
    """Check updates against dense ones, and training runs."""
    halfway = make(SEEDS[0])
    halfway.learn(STEPS, lambda _: 2 * halfway.num_timesteps < STEPS)
    checks = update_checks("first update", make(SEEDS[0]), SEEDS[0])
    checks += update_checks("halfway", halfway, seed=9)
    columns: dict[str, Any] = {}
    for seed in SEEDS:
        algo = make(seed).learn(STEPS)
        history = algo.history
        columns["environment steps"] = [r["time/total_timesteps"] for r in history]
        columns[f"return, seed {seed}"] = [r["rollout/ep_rew_mean"] for r in history]
        predicted = [float(r["train/predicted_kl"]) for r in history]
        measured = [float(r["train/kl"]) for r in history]
        columns[f"predicted KL, seed {seed}"] = predicted
        columns[f"measured KL, seed {seed}"] = measured
        ratio = float(np.median(np.divide(measured, predicted)))
        checks.append(Check(f"seed {seed}: median measured KL / predicted KL, within a tenth",
                            ratio, 1.0, 0.1))  # fmt: skip
        greedy = evaluate_policy(algo, ENV_ID, EPISODES, seed=1)[0]
        checks.append(Check(f"seed {seed}: greedy return after {STEPS:,} steps",
                            greedy, SOLVED, 0.0, ">="))  # fmt: skip
    return Result(tuple(checks), columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw learning curves, and KLs."""
    returns, kls = figure.subplots(1, 2, width_ratios=(3, 2))
    steps = np.array(columns["environment steps"]) / 1000
    for seed in SEEDS:
        returns.plot(steps, columns[f"return, seed {seed}"], label=f"seed {seed}")
    returns.axhline(SOLVED, color="0.6", lw=1, ls=":", label="solved: 475")
    returns.set(xlabel="environment steps / 1000", ylabel="mean return of 100 episodes")
    returns.legend(fontsize=8)
    for seed in SEEDS:
        kls.loglog(columns[f"predicted KL, seed {seed}"], columns[f"measured KL, seed {seed}"], ".",
                   ms=4, label=f"seed {seed}")  # fmt: skip
    kls.axline((1e-3, 1e-3), (1e-2, 1e-2), color="0.6", lw=1, zorder=0, label="equal")
    kls.set(xlabel="predicted KL of an update, nats a step", ylabel="measured KL, nats a step")
    kls.legend(fontsize=8)


GIVEN = "".join(f"    {name}={value!r},\n" for name, value in OPTIONS.items())
CALL = Example(
    """The first run of the figure. Each entry of `history` is an update: the left part of the figure
shows "rollout/ep_rew_mean", the right part "train/predicted_kl" and "train/kl". The other runs have
the seeds 1 and 2.""",
    f"""
import fastpg

algo = fastpg.NPG(
    "linear",
    "{ENV_ID}",
    seed={SEEDS[0]},
{GIVEN})
algo.learn({STEPS:_})
mean, _ = fastpg.evaluate_policy(algo, "{ENV_ID}", {EPISODES}, seed=1)
print(f"{{len(algo.history)}} updates; greedy return at least {SOLVED:.0f}: {{mean >= {SOLVED:.0f}}}")
""".replace("'", '"'),
)


SYSTEM = System(
    "L8",
    "Sample-based NPG on CartPole",
    TEXT,
    (
        Formula("θ ← θ + η F̂⁻¹ĝ", NPG.update, "ascent.step"),
        Kernel("Â with mean 0", "cpp/src/estimators/statistics.cpp", "centre"),
        Kernel("and standard deviation 1", "cpp/src/estimators/statistics.cpp", "standardize"),
        Kernel("ĝ: mean of ∇ln π(a|s) Â, of each sample by its logits, times the features",
               "cpp/src/policies/policy.cpp", "score_gradient", "const auto scores", "\n    });\n"),
        Kernel("∇ln π of logits: e_a − π(·|s), two actions",
               "cpp/include/fastpg/distributions/softmax_columns.hpp", "score_of_two"),
        Kernel("(F̂ + damping)⁻¹ĝ by Cholesky", "cpp/src/solvers/natural_gradient.cpp",
               "by_factorisation", "Matrix damped", "found.curvature"),
        Kernel("(F̂ + damping)⁻¹ĝ by conjugate gradients, from products F̂v",
               "cpp/src/solvers/conjugate_gradient.cpp", "conjugate_gradient", "for (;",
               "\n  }\n"),
        Formula("η = √(2 target_kl / xᵀF̂x)", step_to_kl, "math.sqrt"),
        Kernel("KL(old|new), measured: of each action, p = π_old(a|s), q = π_new(a|s)",
               "cpp/include/fastpg/distributions/softmax_columns.hpp", "kl_term"),
    ),
    run,
    draw,
    (CALL,),
)  # fmt: skip
