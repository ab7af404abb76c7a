"""Distributions that rounding leaves off a sum of 1: how far is told, and float32 is taken."""

import numpy as np
import pytest

from fastpg import tabular
from fastpg.tabular import MDP, TabularSoftmax

S, A = 5, 3
R = np.zeros((S, A))


def rows(dtype=np.float64):
    """P (S, A, S) as it comes out of division in this precision."""
    P = np.random.default_rng(0).random((S, A, S)).astype(dtype)
    return P / P.sum(axis=-1, keepdims=True)


def test_the_error_says_how_far_off_and_where():
    P = rows()
    P[3, 1, 0] += 3.2e-7
    text = r"^P: expected sums of 1 along the last axis within 1e-9, got 1 \+ 3\.2e-07 at state 3, "
    with pytest.raises(ValueError, match=text + "action 1$"):
        MDP(P, R, horizon=2)
    P[3, 1, 0] -= 6.4e-7
    P[3, 2, 0] += 1e-8  # the worst is told
    with pytest.raises(ValueError, match=r"got 1 - 3\.2e-07 at state 3, action 1$"):
        MDP(P, R, horizon=2)
    P[0, 0] = 0.0
    with pytest.raises(ValueError, match=r"got 0 at state 0, action 0$"):
        MDP(P, R, horizon=2)


def test_huge_numbers_are_no_distribution():
    for huge in (np.full((S, A, S), 1e308), np.full((S, A, S), 1e38, dtype=np.float32)):
        with pytest.raises(ValueError, match=r"^P: expected sums of 1"):
            MDP(huge, R, horizon=2)


def test_starts_and_policies_say_how_far_off():
    with pytest.raises(ValueError, match=r"^start: .* within 1e-9, got 1 \+ 1e-07$"):
        MDP(rows(), R, [0.2, 0.2, 0.2, 0.2, 0.2 + 1e-7], horizon=2)
    mdp, pi = MDP(rows(), R, horizon=2), np.full((2, S, A), 1 / 3)
    pi[1, 2, 0] -= 1e-4
    with pytest.raises(ValueError, match=r"^policy: .*, got 1 - 0\.0001 at index \(1, 2\)$"):
        mdp.evaluate(pi)


def test_float32_rows_are_taken_and_add_up_in_double():
    P = rows(np.float32)
    assert np.abs(P.astype(np.float64).sum(axis=-1) - 1.0).max() > 1e-9
    mdp = MDP(P, R, P[0, 0], horizon=2)
    for table in (mdp.P, mdp.start):
        assert table.dtype == np.float64
        assert np.abs(table.sum(axis=-1) - 1.0).max() < 1e-15
    assert np.abs(mdp.P - P).max() < 1e-7
    pi = np.random.default_rng(1).random((S, A)).astype(np.float32)
    pi /= pi.sum(axis=1, keepdims=True)
    found = mdp.evaluate(pi).pi
    assert np.abs(found.sum(axis=1) - 1.0).max() < 1e-15
    assert np.array_equal(tabular.penalised_table(pi, R, 1.0).sum(axis=1).round(12), np.ones(S))
    policy = TabularSoftmax(S, A).with_probabilities(pi)
    assert np.allclose(policy.probabilities(), found, rtol=1e-12)
    assert np.array_equal(tabular.state_kl(pi, pi), np.zeros(S))


def test_float32_has_its_own_tolerance_and_double_keeps_its_own():
    P = rows(np.float32)
    P[2, 0, 4] += np.float32(1e-5)
    with pytest.raises(ValueError, match=r"^P: .* within 1e-6, got 1 \+ .* at state 2, action 0$"):
        MDP(P, R, horizon=2)
    with pytest.raises(ValueError, match=r"^P: .* within 1e-9"):
        MDP(rows(np.float32).astype(np.float64), R, horizon=2)


def test_double_rows_keep_their_bits():
    P, start = rows(), rows()[0, 0]
    P[0, 0, 0] += 5e-10
    mdp = MDP(P, R, start, horizon=2)
    assert np.array_equal(mdp.P, P)
    assert np.array_equal(mdp.start, start)


def test_rows_of_terminal_states_may_be_anything():
    P = rows()
    P[1] = 7.0
    mdp = MDP(P, R, horizon=2, terminal=np.arange(S) == 1)
    assert np.array_equal(mdp.P[1, :, 1], np.ones(A))
