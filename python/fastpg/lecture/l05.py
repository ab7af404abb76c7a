"""L5: the Kullback-Leibler divergence."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.arrays import Floats
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import N_ACTIONS
from fastpg.lecture.system import Check, Result, System
from fastpg.policies.linear import LinearGaussian
from fastpg.tabular import MDP, LocalModel, TabularSoftmax, state_kl
from fastpg.tabular.local_model import kl_of_logs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """KL(P|Q) = E_P ln P/Q is at least 0, is 0 only for equal distributions, is not symmetric, and
is infinite if Q gives probability 0 to an outcome of P. In the KL of trajectories the dynamics
cancel. It is the expected sum over the steps of ln π_θk/π_θ, or, with the action summed out, of
KL(π_θk(·|s_h) | π_θ(·|s_h)).

The left figure shows both directions between Bernoulli distributions, P with probability 0.5 and Q
with probability q. The right figure shows both directions between Gaussians of equal mean, P with
σ = 1 and Q with σ'. The two directions agree to second order in the distance; L6 needs no more."""


def bernoulli(p: Any) -> Floats:
    """Tables (..., 2) of the probabilities p and 1 - p."""
    return np.stack([np.asarray(p, dtype=np.float64), 1.0 - np.asarray(p)], axis=-1)


def gaussian_kl(old: tuple[float, float], new: tuple[float, float]) -> float:
    """KL between two N(m, σ²), by the package's Gaussian policy on a constant feature."""
    policy = LinearGaussian(1, 1)
    dists = [
        policy.distribution(np.array([[0.0, 1.0]]), theta=np.array([0.0, mean, np.log(sigma)]))
        for mean, sigma in (old, new)
    ]
    return float(policy.kl(*dists)[0])


def integrated_kl(old: tuple[float, float], new: tuple[float, float]) -> float:
    """The same from its definition, by the trapezoidal rule."""
    x = np.linspace(old[0] - 12 * old[1], old[0] + 12 * old[1], 20_001)

    def log_density(mean: float, sigma: float) -> Floats:
        out: Floats = -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
        return out

    terms = np.exp(log_density(*old)) * (log_density(*old) - log_density(*new))
    return float(np.trapezoid(terms, x))


def enumerated_kl(mdp: MDP, old: TabularSoftmax, new: TabularSoftmax) -> float:
    """Σ_τ ρ ln ρ/ρ' over every trajectory, dynamics included."""
    assert mdp.horizon is not None
    steps = range(mdp.horizon)
    moves = list(itertools.product(range(mdp.n_states), range(mdp.n_actions)))
    p, q = old.probabilities(), new.probabilities()
    total = 0.0
    for trajectory in itertools.product(moves, repeat=len(steps)):
        dynamics = mdp.start[trajectory[0][0]]
        for (s, a), (following, _) in itertools.pairwise(trajectory):
            dynamics *= mdp.P[s, a, following]
        rho = dynamics * np.prod([p[s, a] for s, a in trajectory])
        other = dynamics * np.prod([q[s, a] for s, a in trajectory])
        if rho > 0.0:
            total += rho * np.log(rho / other)
    return float(total)


def run() -> Result:
    """Check examples."""
    mdp = tabular.garnet(2, N_ACTIONS, 2, seed=4, horizon=3)
    rng = np.random.default_rng(0)
    old, new = (TabularSoftmax(2, N_ACTIONS, rng.normal(size=(2, N_ACTIONS))) for _ in range(2))
    half, tenth = bernoulli(0.5), bernoulli(0.1)
    checks = (
        Check("KL(P|P) = 0", float(state_kl(tenth, tenth)), 0.0),
        Check("Bernoulli ½ to 1/10: ln(5/3)", float(state_kl(half, tenth)), np.log(5 / 3)),
        Check("Bernoulli 1/10 to ½: not the same", float(state_kl(tenth, half)),
              0.1 * np.log(0.2) + 0.9 * np.log(1.8)),
        Check("Q gives probability 0 to a value of P: 1/KL = 0", 1.0 / float(state_kl(half, bernoulli(1.0))), 0.0),
        Check("Gaussians, equal σ: (μ1 − μ2)²/(2σ²)", gaussian_kl((0.3, 1.7), (1.5, 1.7)),
              1.2**2 / (2 * 1.7**2)),
        Check("Gaussians: closed form and integral", gaussian_kl((0.3, 0.8), (1.0, 1.4)),
              integrated_kl((0.3, 0.8), (1.0, 1.4)), 1e-9),
        Check("Σ_τ ρ ln ρ/ρ' = E Σ_h KL(π_θk | π_θ)", enumerated_kl(mdp, old, new),
              tabular.kl(mdp, old, new)),
        Check("per trajectory = H times per step", tabular.kl(mdp, old, new),
              3 * tabular.kl(mdp, old, new, "step")),
    )  # fmt: skip
    q = np.linspace(0.005, 0.995, 199)
    sigma = np.geomspace(0.4, 2.5, 199)
    columns = {
        "q": q,
        "Bernoulli KL(P|Q)": state_kl(bernoulli(0.5), bernoulli(q)),
        "Bernoulli KL(Q|P)": state_kl(bernoulli(q), np.broadcast_to(bernoulli(0.5), (199, 2))),
        "sigma": sigma,
        "Gaussian KL(P|Q)": [gaussian_kl((0.0, 1.0), (0.0, s)) for s in sigma],
        "Gaussian KL(Q|P)": [gaussian_kl((0.0, s), (0.0, 1.0)) for s in sigma],
    }
    return Result(checks, columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw both directions of the KL."""
    bernoullis, gaussians = figure.subplots(1, 2)
    for axes, kind, x in ((bernoullis, "Bernoulli", "q"), (gaussians, "Gaussian", "sigma")):
        axes.plot(columns[x], columns[f"{kind} KL(P|Q)"], label="KL(P|Q)")
        axes.plot(columns[x], columns[f"{kind} KL(Q|P)"], "--", label="KL(Q|P)")
        axes.set_ylabel("nats")
        axes.legend(fontsize=8, loc="upper center")
    bernoullis.set(xlabel="q", title="P: probability 0.5, Q: probability q")
    gaussians.set(xlabel="σ' (log scale)", title="P: N(0, 1), Q: N(0, σ'²)", xscale="log")
    gaussians.set_xticks([0.4, 0.7, 1.0, 1.5, 2.5], ["0.4", "0.7", "1", "1.5", "2.5"], minor=False)
    gaussians.minorticks_off()


SYSTEM = System(
    "L5",
    "KL divergence",
    TEXT,
    (
        Formula("KL(P|Q) = E_{x ~ P} ln P(x)/Q(x)", kl_of_logs),
        Formula("KL(ρ_θk | ρ_θ) = E Σ_h KL(π_θk(·|s_h) | π_θ(·|s_h))", LocalModel.kl),
        Kernel("Σ_a π_a ln π_a/π'_a of a softmax policy is the sum of π_a ln π_a/π'_a + π'_a − π_a",
               "cpp/include/fastpg/distributions/softmax_columns.hpp", "kl_term"),
        Kernel("Σ_j [ln σ'_j/σ_j + (σ_j² + (m_j − m'_j)²)/(2σ'_j²) − ½] of a Gaussian policy",
               "cpp/src/distributions/gaussian.cpp", "Gaussian::kl"),
    ),
    run,
    draw,
)  # fmt: skip
