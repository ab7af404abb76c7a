"""Random finite MDPs and policies for properties that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from fastpg import tabular
from fastpg.tabular import MDP
from properties import tried_on

CRITERIA = ("finite", "discounted", "average")
KINDS = ("softmax", "one_logit", "features")

# Two states, two actions, equal probabilities, no rewards.
P = np.full((2, 2, 2), 0.5)
R = np.zeros((2, 2))
EVEN = np.full((2, 2), 0.5)
FINITE, ENDLESS = MDP(P, R, horizon=3), MDP(P, R, gamma=0.9)
SOFTMAX = tabular.TabularSoftmax(2, 2)

hundreds = tried_on(25, 400, 40_000)
dozens = tried_on(8, 100, 10_000)


@dataclass
class Case:
    """An MDP and two policies; `old` may depend on the time and be of another kind."""

    mdp: MDP
    old: tabular.TabularPolicy
    new: tabular.TabularPolicy
    rng: np.random.Generator

    def direction(self):
        """A random change of the new policy's theta."""
        return self.rng.normal(size=self.new.theta.shape)

    def moved(self, change):
        """The new policy at another theta."""
        return self.new.with_theta(self.new.theta + change)


def random_policy(rng, kind, mdp, horizon, scale):
    n, m = mdp.n_states, mdp.n_actions
    time = () if horizon is None else (horizon,)
    if kind == "softmax":
        theta = scale * rng.normal(size=(*time, n, m))
        return tabular.TabularSoftmax(n, m, theta, horizon=horizon)
    if kind == "one_logit":
        return tabular.OneLogit(n, scale * rng.normal(size=(*time, n)), horizon=horizon)
    size = int(rng.integers(1, 4))
    features = rng.normal(size=(*time, n, size))
    return tabular.FeatureSoftmax(features, m, scale * rng.normal(size=(size, m)))


@st.composite
def cases(draw, criteria=CRITERIA, kinds=KINDS, states=5, actions=4, horizon=5, scale=1.5):
    """A `Case` of at most these sizes."""
    criterion = draw(st.sampled_from(criteria))
    kind, other = draw(st.sampled_from(kinds)), draw(st.sampled_from(kinds))
    n = draw(st.integers(1, states))
    m = 2 if "one_logit" in (kind, other) else draw(st.integers(1, actions))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    P = rng.dirichlet(np.ones(n), size=(n, m))
    r, start = rng.normal(size=(n, m)), rng.dirichlet(np.ones(n))
    steps = draw(st.integers(1, horizon)) if criterion == "finite" else None
    discount = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99]))
    gamma = {"finite": draw(st.sampled_from([None, discount])), "discounted": discount}.get(
        criterion
    )
    ends = criterion != "average" and n > 1 and draw(st.booleans())
    terminal = np.arange(n) == n - 1 if ends else None
    if ends:
        start = np.append(rng.dirichlet(np.ones(n - 1)), 0.0)
    average = criterion == "average"
    mdp = MDP(P, r, start, horizon=steps, gamma=gamma, average=average, terminal=terminal)
    times = [steps if steps and draw(st.booleans()) else None for _ in range(2)]
    old, new = (
        random_policy(rng, which, mdp, time, scale)
        for which, time in zip((other, kind), times, strict=True)
    )
    return Case(mdp, old, new, rng)


def tiny(**limits):
    """Cases whose episodes can be enumerated."""
    return cases(criteria=("finite",), states=3, actions=3, horizon=3, **limits)


def slope(function, case, direction, step=1e-5):
    """Derivative of function(policy) along a direction, by central differences."""
    ahead, behind = (np.asarray(function(case.moved(sign * step * direction))) for sign in (1, -1))
    return (ahead - behind) / (2.0 * step)
