"""MDPs with names: their tables, and the values that the literature or Gymnasium gives them."""

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text import CliffWalkingEnv, FrozenLakeEnv, TaxiEnv

import finite_mdp
from fastpg import tabular
from fastpg.tabular import OneLogit, TabularSoftmax


def gymnasium_optimum(env, gamma, sweeps=3000):
    """V* straight from Gymnasium's P: episodes stop where `terminated` is set."""
    table = env.unwrapped.P
    V = np.zeros(len(table))
    size = max(len(outcomes) for row in table.values() for outcomes in row.values())
    shape = (len(V), len(table[0]), size)
    p, following, reward, goes_on = (np.zeros(shape, dtype=d) for d in (float, int, float, float))
    for s, row in table.items():
        for a, outcomes in row.items():
            for k, (share, after, pays, ended) in enumerate(outcomes):
                p[s, a, k], following[s, a, k] = share, after
                reward[s, a, k], goes_on[s, a, k] = pays, not ended
    for _ in range(sweeps):
        V, old = (p * (reward + gamma * goes_on * V[following])).sum(axis=2).max(axis=1), V
        if np.abs(V - old).max() < 1e-13:
            break
    return V


@pytest.mark.parametrize("kind", [FrozenLakeEnv, TaxiEnv, CliffWalkingEnv])
def test_gymnasium_s_tables_have_gymnasium_s_optimum(kind):
    env = kind()  # the versions of the ids differ between releases
    mdp = tabular.from_gymnasium(env, gamma=0.95)
    V = finite_mdp.optimal_values(mdp.P, mdp.r, 0.95)
    assert np.allclose(V[:-1], gymnasium_optimum(env, 0.95), atol=1e-11)
    assert V[-1] == 0.0
    assert mdp.terminal.sum() == 1
    assert np.array_equal(mdp.start[:-1], env.unwrapped.initial_state_distrib)


def test_the_registered_time_limit_is_the_horizon():
    env = gymnasium.make("FrozenLake-v1")
    mdp = tabular.from_gymnasium(env)
    assert (mdp.horizon, mdp.gamma) == (100, 1.0)
    V, _ = mdp.transitions.finite_optimum(mdp.r, 100, 1.0)
    assert mdp.start @ V[0] == pytest.approx(0.74, abs=0.01)  # the known best success rate
    assert tabular.from_gymnasium(env, horizon=7).horizon == 7


def test_the_cliff_is_gymnasium_s():
    ours = tabular.cliff(gamma=0.9)
    theirs = tabular.from_gymnasium(CliffWalkingEnv(), gamma=0.9)
    assert np.array_equal(ours.start, theirs.start[:-1])
    going = ~ours.terminal
    assert np.array_equal(ours.r[going], theirs.r[:-1][going])
    P = theirs.P[:-1, :, :-1].copy()
    P[:, :, 47] += theirs.P[:-1, :, -1]  # Gymnasium ends on arrival at the goal
    assert np.array_equal(ours.P[going], P[going])
    V = finite_mdp.optimal_values(ours.P, ours.r, 0.9)
    assert ours.start @ V == pytest.approx(-(1 - 0.9**13) / 0.1)


def test_a_slip_is_a_random_action():
    sure, slips = tabular.cliff(3, 4, gamma=0.9), tabular.cliff(3, 4, slip=0.4, gamma=0.9)
    going = ~sure.terminal
    for table, mixed in ((sure.P, slips.P), (sure.r, slips.r)):
        average = table.mean(axis=1, keepdims=True)
        assert np.allclose(mixed[going], (0.6 * table + 0.4 * average)[going])


@pytest.mark.parametrize("branching", [1, 2, 5])
def test_garnet_rows_are_distributions_over_so_many_states(branching):
    mdp = tabular.garnet(5, 3, branching, seed=9, gamma=0.9)
    assert mdp.P.shape == (5, 3, 5)
    assert ((mdp.P > 0.0).sum(axis=2) == branching).all()
    assert np.allclose(mdp.P.sum(axis=2), 1.0, atol=1e-12)
    assert np.array_equal(mdp.start, np.full(5, 0.2))
    again, other = (tabular.garnet(5, 3, branching, seed=s, gamma=0.9) for s in (9, 10))
    assert np.array_equal(mdp.P, again.P)
    assert not np.array_equal(mdp.r, other.r)


def test_garnet_s_numbers_are_spread_as_they_should_be():
    mdp = tabular.garnet(60, 10, 2, seed=0, gamma=0.9)
    shares = mdp.P[mdp.P > 0.0]
    assert shares.mean() == pytest.approx(0.5)
    assert shares.var() == pytest.approx(1 / 12, rel=0.1)  # one cut of a stick: uniform
    assert mdp.r.mean() == pytest.approx(0.0, abs=0.15)
    assert mdp.r.std() == pytest.approx(1.0, abs=0.1)
    assert np.ptp((mdp.P > 0.0).sum(axis=(0, 1))) < 50


def test_a_chain_by_hand():
    mdp = tabular.chain(3, slip=0.25, horizon=3)
    assert np.array_equal(mdp.P[:, 0], [[0.75, 0.25, 0.0], [0.75, 0.0, 0.25], [0.0, 0.75, 0.25]])
    assert np.array_equal(mdp.P[:, 1], [[0.25, 0.75, 0.0], [0.25, 0.0, 0.75], [0.0, 0.25, 0.75]])
    assert np.array_equal(mdp.r, [[0.1, 0.0], [0.0, 0.0], [0.0, 1.0]])
    assert np.array_equal(mdp.start, [1.0, 0.0, 0.0])
    always = np.tile([0.0, 1.0], (3, 1))
    assert pytest.approx(0.75**2) == mdp.evaluate(always).J


def test_kakade_s_two_states():
    """Average reward, gradient in logits and per-step Fisher matrix at p = .8, q = .1."""
    mdp = tabular.kakade()
    p, q = 0.8, 0.1
    policy = OneLogit(2, np.log([p / (1 - p), q / (1 - q)]))
    found = mdp.evaluate(policy)
    assert found.visits[0] == pytest.approx((1 - q) / (2 - p - q))
    assert pytest.approx((p + 2 * q - 3 * p * q) / (2 - p - q)) == found.J
    assert pytest.approx(0.690909, abs=5e-7) == found.J
    assert np.allclose(tabular.gradient(mdp, policy), [0.202314, 0.023802], atol=5e-7)
    for per in ("step", "trajectory"):
        F = tabular.fisher(mdp, policy, per=per)
        assert np.allclose(F, np.diag([0.130909, 0.016364]), atol=5e-7)


def test_two_actions_by_both_gradients():
    """J = 100 pi_1 + pi_2: ever smaller gradient steps, constant natural ones (lecture L9)."""
    mdp, eta = tabular.two_actions(), 0.01
    plain, natural = OneLogit(1), OneLogit(1)
    seen = []
    for _ in range(10):
        plain = plain.with_theta(plain.theta + eta * tabular.gradient(mdp, plain))
        g, F = tabular.gradient(mdp, natural), tabular.fisher(mdp, natural)
        natural = natural.with_theta(natural.theta + eta * np.linalg.solve(F, g))
        seen.append(plain.theta[0])
    assert np.allclose(seen[:3], [0.2475, 0.4912481323, 0.7243968346], atol=1e-10)
    assert seen[-1] == pytest.approx(1.8946206960, abs=1e-10)
    assert natural.theta[0] == pytest.approx(9.9)
    assert pytest.approx(87.05886674, abs=1e-8) == mdp.evaluate(plain).J
    assert pytest.approx(99.99503296, abs=1e-8) == mdp.evaluate(natural).J


@pytest.mark.parametrize("theta", [-3.0, 0.0, 0.7, 40.0])
def test_one_logit_and_two_logits(theta):
    """With x the difference of two logits: the same policy, each component the one-logit's."""
    mdp = tabular.two_actions()
    one = OneLogit(1, [theta])
    two = TabularSoftmax(1, 2, [[theta / 2, -theta / 2]])
    e = np.exp(-abs(theta))
    assert np.allclose(one.probabilities(), two.probabilities(), rtol=1e-13)
    assert tabular.gradient(mdp, one)[0] == pytest.approx(99 * e / (1 + e) ** 2, rel=1e-9)
    assert tabular.fisher(mdp, one)[0, 0] == pytest.approx(e / (1 + e) ** 2)
    g = tabular.gradient(mdp, one)[0]
    assert np.allclose(tabular.gradient(mdp, two), [[g, -g]], rtol=1e-9)
