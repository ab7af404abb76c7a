"""Gradients, Fisher matrices and KLs of random MDPs: differences, enumeration, identities."""

import numpy as np
import pytest
from hypothesis import assume

import finite_mdp
from fastpg import tabular
from fastpg.tabular import MDP
from tabular_cases import cases, dozens, hundreds, slope, tiny

PER = ("trajectory", "step")


def started(mdp, start):
    return MDP(
        mdp.P,
        mdp.r,
        start,
        horizon=mdp.horizon,
        gamma=None if mdp.average or mdp.gamma == 1.0 else mdp.gamma,
        average=mdp.average,
        terminal=None if mdp.average else mdp.terminal,
    )


def score(policy, h, s, a):
    """grad ln pi(a|s), flat, from an indicator."""
    weights = np.zeros(policy.table_shape)
    weights[(h, s, a) if weights.ndim == 3 else (s, a)] = 1.0
    return policy.score_sum(weights).ravel()


def of_episodes(case, function, policy=None):
    mdp = case.mdp
    pi = finite_mdp.timed((policy or case.new).probabilities(), mdp.horizon)
    return finite_mdp.expectation(mdp.P, mdp.start, pi, mdp.terminal, function)


def total_score(policy, states, actions):
    steps = enumerate(zip(states, actions, strict=True))
    return sum((score(policy, h, s, a) for h, (s, a) in steps), np.zeros(policy.theta.size))


@hundreds(cases())
def test_performance_difference_both_ways(case):
    """Lecture L2, for every criterion: states of the new policy, advantages of the old."""
    mdp = case.mdp
    gain = mdp.evaluate(case.new).J - mdp.evaluate(case.old).J
    scale = 1e-10 * (1.0 + abs(mdp.evaluate(case.old).J))
    forth = tabular.performance_difference(mdp, case.old, case.new)
    back = tabular.performance_difference(mdp, case.new, case.old)
    assert forth == pytest.approx(gain, abs=scale)
    assert back == pytest.approx(-gain, abs=scale)


@dozens(cases(criteria=("finite", "discounted")))
def test_performance_difference_from_every_state(case):
    first = (0,) if case.mdp.horizon else ()
    old, new = (case.mdp.evaluate(policy).V for policy in (case.old, case.new))
    for s in range(case.mdp.n_states):
        mdp = started(case.mdp, np.eye(case.mdp.n_states)[s])
        found = tabular.performance_difference(mdp, case.old, case.new)
        assert found == pytest.approx((new - old)[(*first, s)], abs=1e-9)


@hundreds(cases())
def test_gradients_by_differences(case):
    mdp, g = case.mdp, tabular.gradient(case.mdp, case.new)
    assert g.shape == case.new.theta.shape
    for _ in range(2):
        v = case.direction()
        expected = slope(lambda policy: mdp.evaluate(policy).J, case, v)
        assert np.sum(g * v) == pytest.approx(expected, abs=2e-6, rel=2e-6)


@dozens(tiny())
def test_gradients_and_baselines_by_enumeration(case):
    """E sum_h grad ln pi (R_h - b(s_h, h)) = grad J for every b (lecture L1)."""
    mdp, policy = case.mdp, case.new
    assume(mdp.gamma == 1.0)
    baseline = case.rng.normal(size=(mdp.horizon, mdp.n_states))

    def estimate(states, actions):
        rewards = mdp.r[list(states), list(actions)]
        total = np.zeros(policy.theta.size)
        for h, (s, a) in enumerate(zip(states, actions, strict=True)):
            total += score(policy, h, s, a) * (rewards[h:].sum() - baseline[h, s])
        return total

    expected = tabular.gradient(mdp, policy).ravel()
    assert np.allclose(of_episodes(case, estimate), expected, atol=1e-11)


@hundreds(cases())
def test_no_baseline_moves_the_gradient(case):
    found = case.mdp.evaluate(case.new)
    b = case.rng.normal(size=found.Q.shape[:-1])[..., None]
    weights = found.occupancy[..., None] * found.pi
    expected = tabular.gradient(case.mdp, case.new)
    for values in (found.Q, found.Q - b):
        assert np.allclose(case.new.score_sum(weights * values), expected, atol=1e-9, rtol=1e-9)


@dozens(tiny())
def test_fisher_matrices_by_enumeration(case):
    """E[grad ln rho grad ln rho^T]; per step, it is divided by the mean length (lecture L7)."""

    def outer(states, actions):
        g = total_score(case.new, states, actions)
        return np.outer(g, g)

    expected = of_episodes(case, outer)
    length = of_episodes(case, lambda states, actions: len(states))
    assert np.allclose(tabular.fisher(case.mdp, case.new), expected, atol=1e-12)
    per_step = tabular.fisher(case.mdp, case.new, per="step")
    assert np.allclose(per_step * length, expected, atol=1e-12)


@pytest.mark.parametrize("per", PER)
@hundreds(cases())
def test_fisher_is_the_hessian_of_the_kl(per, case):
    mdp, policy, v = case.mdp, case.new, case.direction()
    F = tabular.fisher(mdp, policy, per=per)
    assert np.allclose(F, F.T, rtol=1e-12, atol=1e-300)
    assert np.linalg.eigvalsh(F).min() > -1e-12 * (1.0 + np.abs(F).max())
    bend = slope(lambda new: tabular.kl_gradient(mdp, policy, new, per=per), case, v)
    size = 1.0 + np.abs(F).max()
    assert np.allclose(F @ v.ravel(), bend.ravel(), atol=1e-7 * size)
    assert np.allclose(tabular.kl_hessian(mdp, policy, policy, per=per), F, atol=1e-13 * size)
    assert np.abs(tabular.kl_gradient(mdp, policy, policy, per=per)).max() < 1e-13 * size


@pytest.mark.parametrize("per", PER)
@hundreds(cases())
def test_kl_derivatives_elsewhere(per, case):
    mdp, v = case.mdp, case.direction()
    gradient = tabular.kl_gradient(mdp, case.old, case.new, per=per)
    weight = tabular.state_weights(mdp, mdp.evaluate(case.old), per).sum()
    expected = slope(lambda new: tabular.kl(mdp, case.old, new, per=per), case, v)
    assert np.sum(gradient * v) == pytest.approx(expected, abs=1e-7 * (1.0 + weight), rel=1e-6)
    hessian = tabular.kl_hessian(mdp, case.old, case.new, per=per)
    bend = slope(lambda new: tabular.kl_gradient(mdp, case.old, new, per=per), case, v)
    assert np.allclose(hessian @ v.ravel(), bend.ravel(), atol=1e-7 * (1.0 + weight))


@hundreds(cases())
def test_kl_is_zero_only_between_equals(case):
    mdp = case.mdp
    for policy in (case.old, case.new):
        assert tabular.kl(mdp, policy, policy) == 0.0
    kl = tabular.kl(mdp, case.old, case.new)
    weights = tabular.state_weights(mdp, mdp.evaluate(case.old))
    apart = np.abs(case.old.probabilities() - case.new.probabilities()).max(axis=-1)
    seen = weights * apart
    assert kl >= 0.0
    assert kl >= 0.5 * np.sum(weights * apart**2) * (1.0 - 1e-9)  # Pinsker
    assert (kl > 0.0) == bool(seen.max() > 1e-7) or seen.max() < 1e-6
    once = tabular.kl(mdp, case.old, case.new, per="step")
    assert once * weights.sum() == pytest.approx(kl, rel=1e-9, abs=1e-15)


@dozens(tiny())
def test_the_trajectory_kl_by_enumeration(case):
    """sum_tau rho ln rho / rho': the dynamics cancel (lecture L5)."""
    old, new = (
        finite_mdp.timed(policy.probabilities(), case.mdp.horizon)
        for policy in (case.old, case.new)
    )

    def log_ratio(states, actions):
        at = np.arange(len(states)), list(states), list(actions)
        return np.log(old[at] / new[at]).sum()

    expected = of_episodes(case, log_ratio, case.old)
    assert tabular.kl(case.mdp, case.old, case.new) == pytest.approx(expected, abs=1e-12)


def test_kl_is_not_symmetric_and_can_be_infinite():
    mdp = tabular.two_actions()
    even, sure = [[0.5, 0.5]], [[1.0, 0.0]]
    assert tabular.kl(mdp, sure, even) == pytest.approx(np.log(2.0))
    assert tabular.kl(mdp, even, sure) == np.inf
    assert np.array_equal(tabular.state_kl(even, sure), [np.inf])
    skewed = [[0.9, 0.1]]
    assert tabular.kl(mdp, even, skewed) == pytest.approx(np.log(0.5 / 0.3), abs=1e-12)
    assert tabular.kl(mdp, skewed, even) != pytest.approx(tabular.kl(mdp, even, skewed), abs=0.1)


def test_states_that_are_never_seen_count_for_nothing():
    """Neither unreachable nor terminal states, whatever is done there."""
    P = np.zeros((3, 2, 3))
    P[0, :, 1] = P[1, :, 1] = P[2, :, 0] = 1.0
    mdp = MDP(P, np.ones((3, 2)), [1.0, 0.0, 0.0], horizon=4, terminal=[False, True, False])
    old, new = np.full((3, 2), 0.5), np.array([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]])
    assert tabular.kl(mdp, old, new) == 0.0
    policy = tabular.TabularSoftmax(3, 2)
    F = tabular.fisher(mdp, policy)
    assert np.array_equal(F[2:], np.zeros((4, 6)))
    assert F[0, 0] == pytest.approx(0.25)
    assert np.array_equal(tabular.fisher(mdp, policy, per="step"), F)  # episodes of one step


@dozens(cases())
def test_an_action_s_logits_shifted_together_change_nothing(case):
    mdp, policy = case.mdp, case.new
    assume(policy.kind != "one_logit")
    same = case.moved(np.full(policy.theta.shape[-1], 3.0))
    assert np.allclose(policy.probabilities(), same.probabilities(), atol=1e-12)
    assert np.allclose(tabular.gradient(mdp, policy).sum(axis=-1), 0.0, atol=1e-9)
