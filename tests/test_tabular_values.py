"""Exact values and visits of finite MDPs against loops, solves and enumeration."""

import numpy as np
import pytest
from hypothesis import strategies as st

import finite_mdp
from fastpg import _core
from fastpg.tabular import MDP, OneLogit, TabularSoftmax, chain, garnet, kakade
from tabular_cases import cases, dozens, hundreds, tiny


def shaped(mdp, pi):
    return finite_mdp.timed(pi, mdp.horizon)


@hundreds(cases(criteria=("finite",)))
def test_finite_values_by_loops(case):
    mdp, found = case.mdp, case.mdp.evaluate(case.old)
    pi = shaped(mdp, case.old.probabilities())
    V, Q = finite_mdp.finite_values(mdp.P, mdp.r, pi, mdp.gamma)
    visits = finite_mdp.finite_visits(mdp.P, mdp.start, pi)
    for one, other in ((found.V, V), (found.Q, Q), (found.visits, visits)):
        assert one.shape == other.shape
        assert np.allclose(one, other, atol=1e-12)
    assert pytest.approx(mdp.start @ V[0], abs=1e-12) == found.J
    assert np.allclose(found.advantage, Q - V[:-1, :, None], atol=1e-12)
    discount = mdp.gamma ** np.arange(mdp.horizon)
    assert np.allclose(found.occupancy, discount[:, None] * visits, atol=1e-12)
    assert np.allclose(found.state_actions.sum(axis=(1, 2)), 1.0)


@dozens(tiny())
def test_finite_values_by_enumeration(case):
    mdp, found = case.mdp, case.mdp.evaluate(case.old)
    pi = shaped(mdp, case.old.probabilities())
    tables = mdp.P, mdp.start, pi, mdp.terminal

    def discounted(states, actions):
        return mdp.gamma ** np.arange(len(states)) @ mdp.r[list(states), list(actions)]

    def counted(states, actions):
        counts = np.zeros(found.Q.shape)
        counts[np.arange(len(states)), states, actions] = 1.0
        return counts

    assert finite_mdp.expectation(*tables, discounted) == pytest.approx(found.J, abs=1e-12)
    running = np.where(mdp.terminal[:, None], 0.0, found.state_actions)
    assert np.allclose(finite_mdp.expectation(*tables, counted), running, atol=1e-12)


@dozens(cases(criteria=("discounted",)))
def test_discounted_values_by_summing_powers(case):
    mdp, found = case.mdp, case.mdp.evaluate(case.old)
    pi = case.old.probabilities()
    expected = finite_mdp.discounted_values(mdp.P, mdp.r, mdp.start, pi, mdp.gamma)
    for one, other in zip((found.V, found.Q, found.visits), expected, strict=True):
        assert np.allclose(one, other, atol=1e-10)
    assert pytest.approx(mdp.start @ expected[0], abs=1e-10) == found.J
    assert found.visits.sum() == pytest.approx(1.0)
    assert np.allclose(found.occupancy * (1.0 - mdp.gamma), found.visits)


@hundreds(cases(criteria=("average",)))
def test_average_values_by_their_equations(case):
    mdp, found = case.mdp, case.mdp.evaluate(case.old)
    pi = case.old.probabilities()
    moves, rewards = finite_mdp.moves_and_rewards(mdp.P, mdp.r, pi)
    assert np.allclose(found.visits, finite_mdp.stationary(mdp.P, pi), atol=1e-10)
    assert pytest.approx(found.visits @ rewards, abs=1e-12) == found.J
    assert np.allclose(found.V, rewards - found.J + moves @ found.V, atol=1e-10)
    assert np.allclose(found.Q, mdp.r - found.J + mdp.P @ found.V, atol=1e-10)
    assert found.visits @ found.V == pytest.approx(0.0, abs=1e-10)


@hundreds(cases())
def test_advantages_have_mean_zero_under_their_policy(case):
    found = case.mdp.evaluate(case.old)
    assert np.allclose((found.pi * found.advantage).sum(axis=-1), 0.0, atol=1e-10)


def test_a_long_horizon_approaches_the_discounted_and_the_average_value():
    pi = np.random.default_rng(0).dirichlet(np.ones(3), size=6)
    endless = garnet(6, 3, 2, seed=4, gamma=0.9)
    finite = endless.with_criterion(horizon=400, gamma=0.9)
    assert np.allclose(finite.evaluate(pi).V[0], endless.evaluate(pi).V, atol=1e-12)
    average = garnet(6, 3, 4, seed=4, average=True)
    long = average.with_criterion(horizon=20_000).evaluate(pi)
    assert pytest.approx(average.evaluate(pi).J, abs=1e-3) == long.J / 20_000
    near = average.with_criterion(gamma=1.0 - 1e-7).evaluate(pi)
    assert pytest.approx(average.evaluate(pi).J, abs=1e-5) == 1e-7 * near.J


def test_a_periodic_process_has_its_average():
    swap = MDP([[[0.0, 1.0]], [[1.0, 0.0]]], [[1.0], [5.0]], average=True)
    found = swap.evaluate(np.ones((2, 1)))
    assert pytest.approx(3.0) == found.J
    assert np.allclose(found.visits, 0.5)
    assert np.allclose(found.V, [-1.0, 1.0])


@pytest.mark.parametrize("rate", [1e-5, 1e-8, 1e-11, 1e-14, 1e-17])
@pytest.mark.parametrize("seed", range(5))
def test_classes_that_communicate_rarely(seed, rate):
    """Two halves of the states and hardly a way between: the digits are those of the rates."""
    rng = np.random.default_rng(seed)
    P = np.zeros((6, 1, 6))
    for half in (slice(0, 3), slice(3, 6)):
        P[half, 0, half] = rng.dirichlet(np.ones(3), size=3)
    P[rng.integers(3), 0, 3:] += rate * rng.random(3)
    P[3 + rng.integers(3), 0, :3] += rate * rng.random(3)
    order = rng.permutation(6)
    P, pi = P[order][:, :, order], np.ones((6, 1))
    mdp = MDP(P / P.sum(axis=2, keepdims=True), rng.normal(size=(6, 1)), average=True)
    visits, V = finite_mdp.rare_moves(mdp.P, mdp.r, pi)
    found = mdp.evaluate(pi)
    assert np.allclose(found.visits, visits, rtol=1e-9)
    assert np.allclose(found.V, V, atol=1e-9 * np.abs(V).max())


def test_sure_logits_have_an_average():
    """Kakade's states, left with a probability below that of rounding."""
    theta = np.array([40.0, 41.0])
    found = kakade().evaluate(OneLogit(2, theta))
    share = 1.0 / (1.0 + np.e)  # rho(i) : rho(j) = e^40 : e^41
    assert np.allclose(found.visits, [share, 1.0 - share], rtol=1e-12)
    assert pytest.approx(2.0 - share, rel=1e-12) == found.J


@pytest.mark.parametrize("e", [1e-6, 1e-9, 1e-12, 1e-15, 1e-30, 1e-200])
def test_averages_of_states_that_are_rarely_left(e):
    """Kakade's states, left with probabilities 2e and e, however small."""
    found = kakade().evaluate([[1.0 - 2.0 * e, 2.0 * e], [1.0 - e, e]])
    assert found.visits[0] == pytest.approx(1 / 3, abs=1e-10)
    assert pytest.approx(5 / 3 - 2 * e, abs=1e-10) == found.J
    assert e * (found.V[0] - found.V[1]) == pytest.approx(-1 / 3, abs=1e-8)


def test_states_that_are_left_for_ever_and_two_that_swap():
    P = np.array([[0, 0.5, 0, 0.5], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0]])[:, None]
    r = np.array([[3.0], [1.0], [-1.0], [2.0]])
    found = MDP(P, r, average=True).evaluate(np.ones((4, 1)))
    assert np.allclose(found.visits, [0.0, 0.5, 0.5, 0.0], atol=1e-15)
    assert pytest.approx(0.0, abs=1e-15) == found.J
    assert np.allclose(r[:, 0] + P[:, 0] @ found.V, found.V, atol=1e-14)


def test_transient_states_are_not_visited_on_average():
    mdp = MDP([[[0.0, 1.0]], [[0.0, 1.0]]], [[7.0], [2.0]], average=True)
    found = mdp.evaluate(np.ones((2, 1)))
    assert np.allclose(found.visits, [0.0, 1.0])
    assert pytest.approx(2.0) == found.J
    assert np.allclose(found.V, [5.0, 0.0])


def test_terminal_states_pay_nothing_and_keep_the_process():
    P = np.full((3, 1, 3), 1 / 3)
    mdp = MDP(P, np.ones((3, 1)), [0.5, 0.5, 0.0], gamma=0.5, terminal=[False, False, True])
    assert np.array_equal(mdp.P[2, 0], [0.0, 0.0, 1.0])
    assert mdp.r[2, 0] == 0.0
    assert P[2, 0, 0] == 1 / 3
    found = mdp.evaluate(np.ones((3, 1)))
    assert np.allclose(found.V, [1.5, 1.5, 0.0])  # v = 1 + v / 3


@pytest.mark.parametrize("branching", [1, 3, 40])
@pytest.mark.parametrize("horizon", [2, 12])
def test_sparse_and_full_rows_and_short_and_long_horizons(branching, horizon):
    """The kernel has a path for each: indices or none, one matrix for all steps or none."""
    mdp = garnet(40, 3, branching, seed=1, horizon=horizon)
    assert ((mdp.P > 0.0).sum(axis=2) == branching).all()
    rng = np.random.default_rng(2)
    for shape in ((40,), (horizon, 40)):
        pi = rng.dirichlet(np.ones(3), size=shape)
        found, each = mdp.evaluate(pi), shaped(mdp, pi)
        V = np.zeros(40)
        for h in reversed(range(horizon)):
            assert np.allclose(found.Q[h], mdp.r + mdp.P @ V, atol=1e-11)
            V = (each[h] * (mdp.r + mdp.P @ V)).sum(axis=1)
            assert np.allclose(found.V[h], V, atol=1e-11)
        visits = finite_mdp.finite_visits(mdp.P, mdp.start, each)
        assert np.allclose(found.visits, visits, atol=1e-13)


@pytest.mark.parametrize(
    ("n", "horizon"), [(150, 20), pytest.param(1000, 100, marks=pytest.mark.slow)]
)
def test_many_states_and_every_transition_possible(n, horizon):
    """10 actions: the slowest kind."""
    rng = np.random.default_rng(0)
    P = rng.random((n, 10, n))
    P /= P.sum(axis=2, keepdims=True)
    mdp, policy = MDP(P, rng.normal(size=(n, 10)), horizon=horizon), TabularSoftmax(n, 10)
    found = mdp.evaluate(policy)
    moves, rewards = P.mean(axis=1), mdp.r.mean(axis=1)
    V, visits = np.zeros(n), mdp.start
    for h in range(horizon):
        assert np.allclose(found.visits[h], visits, rtol=1e-11, atol=0.0)
        visits = visits @ moves
        V = rewards + moves @ V
        assert np.allclose(found.V[horizon - 1 - h], V, rtol=0.0, atol=1e-9)
    assert found.visits[-1].sum() == pytest.approx(1.0)


@dozens(st.integers(0, 1000), st.integers(1, 8), st.integers(1, 3), st.integers(1, 6))
def test_the_optimum_over_a_horizon(seed, states, actions, horizon):
    mdp = garnet(states, actions, 1 + seed % states, seed=seed, horizon=horizon)
    V, Q = mdp.transitions.finite_optimum(mdp.r, horizon, 1.0)
    assert np.allclose(V, finite_mdp.finite_optimum(mdp.P, mdp.r, horizon), atol=1e-12)
    greedy = np.eye(actions)[Q.reshape(horizon, states, actions).argmax(axis=2)]
    assert np.allclose(mdp.evaluate(greedy).V, V, atol=1e-12)


def test_the_best_policy_of_a_horizon_sees_the_time():
    mdp = chain(4, slip=0.0, horizon=4)
    V, Q = mdp.transitions.finite_optimum(mdp.r, 4, 1.0)
    choice = Q.reshape(4, 4, 2).argmax(axis=2)[:, 0]
    assert V[0, 0] == pytest.approx(1.0)
    assert choice.tolist() == [1, 0, 0, 0]


def test_expectations_of_columns(rng):
    mdp = garnet(7, 2, 3, gamma=0.5)
    values = rng.normal(size=(7, 4))
    expected = (mdp.P @ values).reshape(14, 4)
    assert np.allclose(mdp.transitions.expect(values), expected, atol=1e-14)
    assert (mdp.transitions.states, mdp.transitions.actions) == (7, 2)
    dense = _core.Transitions(np.full((2, 2), 0.5), 1)
    assert np.allclose(dense.expect(np.eye(2)), 0.5)


def test_values_do_not_follow_arrays_that_change():
    pi = np.full((3, 2), 0.5)
    r = np.ones((3, 2))
    mdp = MDP(np.full((3, 2, 3), 1 / 3), r, horizon=2)
    found = mdp.evaluate(pi)
    r[:] = 0.0
    pi[:] = 0.0
    assert mdp.r.min() == 1.0
    assert found.pi.min() == 0.5
    assert mdp.evaluate(TabularSoftmax(3, 2)).J == 2.0
