"""L11: importance sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.arrays import Floats
from fastpg.functional.importance_sampling import (
    _effective_size,
    _plain,
    _self_normalized,
    _weights_of,
    effective_sample_size,
    importance_sampling_estimate,
    importance_weights,
)
from fastpg.lecture import problems
from fastpg.lecture.formulas import Formula
from fastpg.lecture.problems import STANDARD_ERRORS, Trajectories, exact, sampled
from fastpg.lecture.system import Check, Result, System
from fastpg.policies.linear import LinearSoftmax
from fastpg.tabular import MDP, LocalModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """SGD needs an unbiased estimate of the gradient. If θ appears only inside the expectation, the
gradient of a sample is one. In reinforcement learning θ is also a parameter of the distribution, and
importance sampling moves it inside: E_{x ~ p̃} f = E_{x ~ p} w f with w = p̃/p, if p > 0 wherever
p̃ f ≠ 0. The estimator (1/n) Σ w_i f(x_i) is unbiased, with variance (E_p[w² f²] − (E_p̃ f)²)/n.
Divided by Σ w_i/n it is biased but consistent. The effective sample size (Σw)²/Σw² is a rule of thumb
for the number of samples from p̃ that would be as accurate, if f has nothing to do with w; in the
example it has, and the variance is larger than this says.

The example has p = N(0, 1), p̃ = N(m, 1) and f(x) = x, with closed forms for everything:
w = e^{mx − m²/2}, E_p̃ f = m, E_p[w² f²] = e^{m²}(1 + 4m²), and ESS/n tends to e^{−m²}. The
self-normalised estimator has bias −m e^{m²}/n, up to smaller terms.

The left part of the figure shows the variance of 2,000 estimates from 100 samples each, and ESS/n
of 20,000 samples, with the closed forms, for growing m. The right part shows two policies in a
random MDP: ESS/n for the ratio of one step, and for the product of the ratios up to step h, exact
(lines) and from 4,000 trajectories (dots). L12 needs only the ratio of one step."""

MEANS = np.array([0.0, 0.15, 0.3, 0.45, 0.6, 0.75])  # m; as many as the MDP has steps
SAMPLES, REPETITIONS = 100, 2000
FEW, FEW_REPETITIONS = 10, 8000
BIASED_AT = 3  # index of the m at which the self-normalised form is examined
MANY, BATCHES = 20_000, 16
COUNT = 4000


def log_densities(x: Floats, m: float) -> tuple[Floats, Floats]:
    """The logarithms ln p̃ and ln p, both without the factor 1/√(2π)."""
    return -0.5 * (x - m) ** 2, -0.5 * x**2


def estimates(x: Floats, m: float, self_normalized: bool = False) -> Floats:
    """Estimates of E f, one for every row of samples, as a column."""
    rows = [
        importance_sampling_estimate(
            row, *log_densities(row, m), self_normalized=self_normalized
        ).mean
        for row in x
    ]
    return np.array(rows)[:, None]


def gaussian_checks(columns: dict[str, Any]) -> list[Check]:
    """Check estimates against closed forms for every m."""
    rng = np.random.default_rng(11)
    checks = []
    rows: list[tuple[float, ...]] = []
    for m in MEANS.tolist():
        plain = estimates(rng.normal(size=(REPETITIONS, SAMPLES)), m)
        variance = (np.exp(m**2) * (1.0 + 4.0 * m**2) - m**2) / SAMPLES
        squares = (plain - m) ** 2  # their mean is the variance, m being known
        many = rng.normal(size=(BATCHES, MANY))
        sizes = np.array([[effective_sample_size(*log_densities(x, m)) / MANY] for x in many])
        rows.append((float(squares.mean()), variance, float(sizes.mean()), np.exp(-(m**2))))
        checks += [
            sampled(f"m = {m}: mean of the estimates = E_p̃ f", plain, m),
            sampled(f"m = {m}: variance = (E_p[w² f²] − (E_p̃ f)²)/n", squares, variance),
            sampled(f"m = {m}: ESS/n → e^(−m²)", sizes, np.exp(-(m**2))),
        ]
    names = ("variance", "exact variance", "ESS/n", "exact ESS/n")
    columns["m"] = MEANS
    columns |= dict(zip(names, np.transpose(rows), strict=True))
    return checks


def normalised_checks() -> list[Check]:
    """Check the self-normalised estimator: biased for few samples, accurate for many."""
    rng = np.random.default_rng(12)
    m = float(MEANS[BIASED_AT])
    few = estimates(rng.normal(size=(FEW_REPETITIONS, FEW)), m, self_normalized=True)
    error = float(few.std()) / np.sqrt(FEW_REPETITIONS)
    many = estimates(rng.normal(size=(BATCHES, MANY)), m, self_normalized=True)
    bias = -m * np.exp(m**2) / FEW
    return [
        Check(f"self-normalised, n = {FEW}: mean + {STANDARD_ERRORS} standard errors, below m",
              float(few.mean()) + STANDARD_ERRORS * error, m, 0.0, "<="),
        Check(f"self-normalised, n = {FEW}: bias = −m e^(m²)/n, up to terms of n⁻²",
              float(few.mean()) - m, bias, STANDARD_ERRORS * error + 2.0 / FEW**2),
        sampled(f"self-normalised, n = {MANY}: mean = m", many, m),
    ]  # fmt: skip


def exact_sizes(mdp: MDP, local: LocalModel, new: Floats) -> tuple[Floats, Floats]:
    """1/E w² for the ratio of step h, and for the product of the ratios up to step h, each (H,)."""
    old = local.evaluation.pi
    squares = old * (new / old) ** 2
    step = local.evaluation.visits @ squares.sum(axis=1)
    product = np.empty_like(step)
    mass = mdp.start  # E w² of the product so far, for each current state
    for h in range(len(product)):
        product[h] = np.sum(mass[:, None] * squares)
        mass = np.einsum("s,sa,sat->t", mass, squares, mdp.P)
    return 1.0 / step, 1.0 / product


def policy_checks(columns: dict[str, Any]) -> list[Check]:
    """Check ratios of two policies: of one step, and multiplied over the steps."""
    mdp = problems.small_mdp()
    linear = problems.one_hot_policy(mdp)
    rng = np.random.default_rng(13)
    theta = linear.theta + 0.4 * rng.normal(size=linear.theta.shape)
    moved = LinearSoftmax(mdp.n_states, mdp.n_actions, theta)
    local = LocalModel(mdp, exact(linear))
    new = exact(moved).probabilities()
    played = Trajectories(mdp, linear, COUNT, seed=11)
    actions = played.actions.ravel()
    log_new, log_old = (
        policy.log_prob(policy.distribution(played.phi), actions).reshape(played.actions.shape)
        for policy in (moved, linear)
    )
    sums = log_new.cumsum(axis=0), log_old.cumsum(axis=0)
    rewards = played.to_go - np.append(played.to_go[1:], np.zeros((1, COUNT)), axis=0)
    ratios = np.array([importance_weights(*logs) for logs in zip(log_new, log_old, strict=True)])
    products = np.array([importance_weights(*logs) for logs in zip(*sums, strict=True)])
    rows = np.arange(len(ratios))[:, None]
    advantages = local.evaluation.advantage[rows, played.states, played.actions]
    kinds = zip(
        ("step", "product"), exact_sizes(mdp, local, new), (ratios, products),
        ((log_new, log_old), sums), strict=True,
    )  # fmt: skip
    checks = [
        sampled("E Π_{t≤h} w_t r_h, summed over h = J(new)",
                (products * rewards).sum(axis=0)[:, None], mdp.evaluate(new).J),
        sampled("E Σ_h w_h A_h = f^k: ratios of single steps keep the old policy's states",
                (ratios * advantages).sum(axis=0)[:, None], local.surrogate(new)),
    ]  # fmt: skip
    columns["h"] = np.arange(len(ratios))
    for name, sizes, weights, logs in kinds:
        columns[f"{name}: exact ESS/n"] = sizes
        columns[f"{name}: ESS/n"] = [
            effective_sample_size(*pair) / COUNT for pair in zip(*logs, strict=True)
        ]
        checks.append(sampled(f"E w² = n/ESS, {name}, every h", weights.T**2, 1.0 / sizes))
    return checks


def run() -> Result:
    """Check Gaussians, then policies."""
    columns: dict[str, Any] = {}
    checks = [*gaussian_checks(columns), *normalised_checks(), *policy_checks(columns)]
    return Result(tuple(checks), columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw variance and effective sample size, for Gaussians and for policies."""
    gaussians, policies = figure.subplots(1, 2)
    m = columns["m"]
    scaled = {name: SAMPLES * np.array(columns[name]) for name in ("variance", "exact variance")}
    gaussians.plot(m, scaled["exact variance"], color="C0", label="n × variance, closed form")
    gaussians.plot(m, scaled["variance"], "o", color="C0", ms=4, label="measured")
    gaussians.plot(m, columns["exact ESS/n"], color="C1", label="ESS/n, closed form")
    gaussians.plot(m, columns["ESS/n"], "s", color="C1", ms=4, label="measured")
    gaussians.set(xlabel="mean m of the target N(m, 1)", ylabel="n × variance, and ESS/n")
    gaussians.legend(fontsize=8)
    for name, label, color in (
        ("step", "ratio of step h", "C2"),
        ("product", "product of ratios up to h", "C3"),
    ):
        policies.plot(columns["h"], columns[f"{name}: exact ESS/n"], color=color, label=label)
        policies.plot(columns["h"], columns[f"{name}: ESS/n"], "o", color=color, ms=4,
                      label=f"{COUNT:,} trajectories")  # fmt: skip
    policies.set(xlabel="step h of the episode", ylabel="ESS/n", ylim=(0.0, 1.0))
    policies.legend(fontsize=8)


SYSTEM = System(
    "L11",
    "Importance sampling",
    TEXT,
    (
        Formula("w = p̃(x)/p(x)", _weights_of, "np.exp(log_w"),
        Formula("E_{x ~ p̃} f(x) = E_{x ~ p} w(x) f(x), by (1/n) Σ w_i f(x_i)",
                _plain, "* f"),
        Formula("Var = (E_p[w² f²] − (E_p̃ f)²)/n", _plain, "products.var"),
        Formula("self-normalised: Σ w_i f(x_i) / Σ w_i",
                _self_normalized, "shares @ f"),
        Formula("ESS = (Σw)²/Σw²", _effective_size, "scaled**2"),
    ),
    run,
    draw,
)  # fmt: skip
