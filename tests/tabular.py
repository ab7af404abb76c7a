"""A small finite-horizon decision problem with exact answers. NumPy only, never fastpg.

It stays beside `fastpg.tabular` as a reference that shares no code with it.
"""

from __future__ import annotations

import numpy as np

import finite_mdp
from finite_mdp import timed


class Tabular:
    """S states, A actions, horizon H; a softmax policy with one logit for each state and action.

    The horizon terminates. Episodes are enumerated or sampled; every quantity is exact.
    """

    def __init__(self, seed=0, states=2, actions=2, horizon=3):
        rng = np.random.default_rng(seed)
        self.states, self.actions, self.horizon = states, actions, horizon
        self.start = rng.dirichlet(np.ones(states))
        self.transition = rng.dirichlet(np.ones(states), size=(states, actions))
        self.reward = rng.normal(size=(states, actions))

    def pi(self, theta):
        weights = np.exp(theta - theta.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def trajectories(self, theta):
        """Every (probability, states, actions, rewards)."""
        pi, endless = timed(self.pi(theta), self.horizon), np.zeros(self.states, dtype=bool)
        for p, *taken in finite_mdp.trajectories(self.transition, self.start, pi, endless):
            s, a = map(np.array, taken)
            yield p, s, a, self.reward[s, a]

    def expectation(self, theta, function):
        return sum(p * function(s, a, r) for p, s, a, r in self.trajectories(theta))

    def objective(self, theta, gamma=1.0):
        weights = gamma ** np.arange(self.horizon)
        return self.expectation(theta, lambda s, a, r: weights @ r)

    def gradient(self, theta, gamma=1.0, step=1e-6):
        """The gradient of the objective, by finite differences of the exact value."""
        out = np.zeros_like(theta)
        for index in np.ndindex(theta.shape):
            moved = np.zeros_like(theta)
            moved[index] = step
            out[index] = self.objective(theta + moved, gamma) - self.objective(theta - moved, gamma)
        return out / (2 * step)

    def values(self, theta, gamma=1.0):
        """V_h(s), (H + 1, S)."""
        pi = timed(self.pi(theta), self.horizon)
        return finite_mdp.finite_values(self.transition, self.reward, pi, gamma)[0]

    def sample(self, theta, count, rng):
        """(states, actions, rewards), each (H, count)."""
        pi = self.pi(theta)
        s = np.zeros((self.horizon, count), dtype=int)
        a = np.zeros_like(s)
        s[0] = rng.choice(self.states, size=count, p=self.start)
        for h in range(self.horizon):
            u = rng.random(count)[:, None]
            a[h] = (u > pi[s[h]].cumsum(axis=1)).sum(axis=1)
            if h + 1 < self.horizon:
                u = rng.random(count)[:, None]
                s[h + 1] = (u > self.transition[s[h], a[h]].cumsum(axis=1)).sum(axis=1)
        return s, a, self.reward[s, a]
