"""L2: the performance difference lemma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.lecture.formulas import Formula
from fastpg.lecture.problems import worst
from fastpg.lecture.system import Result, System
from fastpg.tabular import MDP, TabularSoftmax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """The difference of two policies' values is the expected sum of the old policy's advantages along
the new policy's trajectories. This holds from every start state and for any two policies, however
different. With a discount, states are weighted by 1/(1 − γ) times the normalised discounted visits;
for an average reward, by the stationary distribution.

The figure shows both sides for 150 random MDPs and pairs of policies under each criterion, and the
distance between the two sides."""

CRITERIA: Mapping[str, Mapping[str, Any]] = {
    "H = 6": {"horizon": 6},
    "γ = 0.9": {"gamma": 0.9},
    "average": {"average": True},
}
COUNT = 150


def pair(seed: int, **criterion: Any) -> tuple[MDP, TabularSoftmax, TabularSoftmax]:
    """A random MDP and two very different policies."""
    rng = np.random.default_rng(seed)
    mdp = tabular.garnet(5, 3, 4, seed=seed, **criterion)
    old, new = (TabularSoftmax(5, 3, 2.0 * rng.normal(size=(5, 3))) for _ in range(2))
    return mdp, old, new


def from_state(mdp: MDP, s: int) -> MDP:
    """The same process with start state s."""
    start = np.eye(mdp.n_states)[s]
    gamma = None if mdp.average else mdp.gamma
    return MDP(mdp.P, mdp.r, start, horizon=mdp.horizon, gamma=gamma, average=mdp.average)


def run() -> Result:
    """Check both sides for every criterion, and from every state."""
    kinds, left, right = [], [], []
    for name, criterion in CRITERIA.items():
        for seed in range(COUNT):
            mdp, old, new = pair(seed, **criterion)
            kinds.append(name)
            left.append(mdp.evaluate(new).J - mdp.evaluate(old).J)
            right.append(tabular.performance_difference(mdp, old, new))
    mdp, old, new = pair(0, horizon=6)
    gained = mdp.evaluate(new).V[0] - mdp.evaluate(old).V[0]
    along = [
        tabular.performance_difference(from_state(mdp, s), old, new) for s in range(mdp.n_states)
    ]
    grouped = np.array([left, right]).reshape(2, len(CRITERIA), COUNT)
    checks = [
        worst(f"J(new) − J(old) = E_new Σ A_old, {name}", *grouped[:, i])
        for i, name in enumerate(CRITERIA)
    ]
    checks.append(worst("the same from every single state, H = 6", gained, along))
    columns = {"criterion": kinds, "J(new) - J(old)": left, "E_new sum A_old": right}
    return Result(tuple(checks), columns)


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Draw both sides, and their distance."""
    sides, apart = figure.subplots(1, 2)
    kinds = np.array(columns["criterion"])
    left, right = np.array(columns["J(new) - J(old)"]), np.array(columns["E_new sum A_old"])
    for name in CRITERIA:
        of = kinds == name
        sides.plot(left[of], right[of], ".", ms=5, label=name)
    sides.axline((0, 0), slope=1, color="0.6", lw=1, zorder=0)
    sides.set(xlabel="J(new) − J(old)", ylabel="E Σ_h A_old, trajectories of new")
    sides.locator_params(nbins=6)
    sides.legend(fontsize=8)
    distance = np.maximum(np.abs(left - right), 1e-17)
    for name in CRITERIA:
        apart.hist(np.log10(distance[kinds == name]), bins=np.arange(-17, -11.4, 0.4), alpha=0.6,
                   label=name)  # fmt: skip
    apart.set(xlabel="log10 of |left − right|", ylabel="pairs of policies")
    apart.legend(fontsize=8)


SYSTEM = System(
    "L2",
    "Performance difference lemma",
    TEXT,
    (
        Formula("V^π̃ − V^π = E_{τ ~ ρ_π̃} Σ_h A^π(s_h, a_h, h)",
                tabular.performance_difference, "evaluation.occupancy"),
        Formula("A(s, a, h) = Q_h(s, a) − V_h(s)", MDP._evaluate_finite, "advantage = "),
        Formula("J(θ) = Σ_s μ(s) V_0(s)", MDP._evaluate_finite, "self.start @"),
    ),
    run,
    draw,
)  # fmt: skip
