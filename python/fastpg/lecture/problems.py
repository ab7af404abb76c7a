"""The small MDP of most systems, its trajectories, and checks of identities."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg.arrays import Floats
from fastpg.lecture.system import Check
from fastpg.policies.base import Policy
from fastpg.policies.linear import LinearSoftmax
from fastpg.rollouts.collect import collect
from fastpg.tabular import MDP, FeatureSoftmax, garnet, make_vec

HORIZON = 6
N_STATES, N_ACTIONS = 4, 3
STANDARD_ERRORS = 4.5  # tolerance of a sampled mean, in standard errors


def small_mdp(seed: int = 3) -> MDP:
    """A random MDP with 4 states, 3 actions and 6 steps."""
    return garnet(N_STATES, N_ACTIONS, 3, seed=seed, horizon=HORIZON)


def one_hot_policy(mdp: MDP, seed: int = 0, scale: float = 0.7) -> LinearSoftmax:
    """The package's linear softmax on one-hot states; theta is normal with deviation `scale`."""
    theta = scale * np.random.default_rng(seed).normal(size=(mdp.n_states + 1, mdp.n_actions))
    return LinearSoftmax(mdp.n_states, mdp.n_actions, theta)


def exact(policy: LinearSoftmax) -> FeatureSoftmax:
    """The tabular policy that equals a linear softmax on one-hot states."""
    return FeatureSoftmax.of(policy, np.eye(policy.observation_size))


class Trajectories:
    """N whole episodes of H steps, collected by the package.

    Args:
        mdp: an MDP with a horizon.
        policy: a linear softmax on one-hot states.
        count: number of episodes N.
        seed: seed of states and actions.
    """

    def __init__(self, mdp: MDP, policy: LinearSoftmax, count: int, seed: int) -> None:
        assert mdp.horizon is not None
        rollout = collect(make_vec(mdp, 64), policy, n_episodes=count, seed=seed)
        self.policy: Policy = policy
        self.states = rollout.observations.argmax(axis=-1)  # (H, N)
        self.actions = rollout.actions
        self.phi = policy.features(rollout.flat(rollout.observations))
        self.dist = policy.distribution(self.phi)
        self.to_go: Floats = rollout.rewards[::-1].cumsum(axis=0)[::-1]  # R_h, (H, N)

    def gradients(self, weights: Floats) -> Floats:
        """sum_h w grad ln pi of every trajectory, (N, theta.size); weights (H, N)."""
        steps, count = weights.shape
        out = np.empty((count, self.policy.theta.size))
        phi = self.phi.reshape(steps, count, -1)
        dist = self.dist.reshape(steps, count, -1)
        for n in range(count):
            score = self.policy.score_gradient
            mean = score(phi[:, n], dist[:, n], self.actions[:, n], weights[:, n])
            out[n] = steps * mean.ravel()
        return out


def worst(text: str, left: Any, right: Any, slack: float = 1e-10) -> Check:
    """A check of the component in which two sides differ most; of the largest if they agree.

    The text gets the component's indices, from 0.
    """
    a, b = np.ravel(left), np.ravel(right)
    apart = np.abs(a - b)
    # If only rounding errors differ, the largest difference depends on the machine.
    size = np.abs(b).round(9)
    at = int(np.argmax(size if np.max(apart) <= slack and np.any(size > 0.0) else apart))
    return Check(text + _component(at, left), float(a[at]), float(b[at]), slack)


def sampled(text: str, samples: Floats, right: Any) -> Check:
    """A check of the mean of samples (N, k), in the component with the largest relative error."""
    mean, error = mean_and_error(samples)
    target = np.ravel(right)
    at = int(np.argmax(np.abs(mean - target) / np.maximum(error, 1e-300)))
    bound = STANDARD_ERRORS * float(error[at])
    return Check(text + _component(at, right), float(mean[at]), float(target[at]), bound)


def _component(at: int, side: Any) -> str:
    """The indices of a component of an array, for a text; none for a number."""
    if np.size(side) == 1:
        return ""
    return f" {[int(k) for k in np.unravel_index(at, np.shape(side))]}"


def mean_and_error(samples: Floats) -> tuple[Floats, Floats]:
    """The mean of the rows and its standard error."""
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
