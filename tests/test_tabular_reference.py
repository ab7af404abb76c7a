"""`fastpg.tabular` against the reference of the estimators' tests, which enumerates episodes."""

import numpy as np
import pytest

import fastpg.tabular as exact
from fastpg.tabular import MDP, TabularSoftmax
from tabular import Tabular


@pytest.mark.parametrize("gamma", [1.0, 0.6])
@pytest.mark.parametrize(("states", "actions", "horizon"), [(2, 2, 3), (3, 2, 2), (2, 3, 3)])
def test_the_two_agree(states, actions, horizon, gamma, rng):
    reference = Tabular(7, states, actions, horizon)
    theta = rng.normal(size=(states, actions))
    mdp = MDP(reference.transition, reference.reward, reference.start, horizon=horizon, gamma=gamma)
    policy = TabularSoftmax(states, actions, theta)
    found = mdp.evaluate(policy)
    assert np.allclose(policy.probabilities(), reference.pi(theta), atol=1e-15)
    assert pytest.approx(reference.objective(theta, gamma), abs=1e-13) == found.J
    assert np.allclose(found.V, reference.values(theta, gamma), atol=1e-13)
    expected = reference.gradient(theta, gamma)
    assert np.allclose(exact.gradient(mdp, policy), expected, atol=1e-8)
