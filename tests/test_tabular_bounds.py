"""Inequalities of the literature on random MDPs: trust regions, mixtures, natural gradients."""

import numpy as np
import pytest
from hypothesis import strategies as st

import finite_mdp
from fastpg import tabular
from fastpg.tabular import MDP, TabularSoftmax
from tabular_cases import cases, hundreds

seeds = st.integers(0, 2**32 - 1)
mixtures = st.sampled_from([0.01, 0.1, 0.5, 1.0])


def expected_advantage(evaluation, table):
    """E_{s ~ d, a ~ table} A with d normalised, and max_s |E_{a ~ table} A(s, a)|."""
    each = (table * evaluation.advantage).sum(axis=1)
    return evaluation.visits @ each, np.abs(each).max()


def slack(mdp):
    return 1e-9 / (1.0 - mdp.gamma) ** 2


@hundreds(cases(criteria=("discounted",)), mixtures)
def test_the_trust_region_bound(case, alpha):
    """J' >= J + E A / (1 - gamma) - 4 eps gamma / (1 - gamma)^2 TV^2 (Schulman et al. 2015).

    TV, the largest total variation, is at most sqrt(max KL / 2), which gives the bound with the KL.
    """
    mdp, gamma = case.mdp, case.mdp.gamma
    old, other = (case.mdp.evaluate(policy) for policy in (case.old, case.new))
    for table in (other.pi, (1.0 - alpha) * old.pi + alpha * other.pi):
        gain, _ = expected_advantage(old, table)
        assert tabular.surrogate(mdp, old.pi, table) == pytest.approx(
            gain / (1.0 - gamma), abs=slack(mdp)
        )
        epsilon = np.abs(old.advantage).max()
        squared = (0.5 * np.abs(table - old.pi).sum(axis=1).max()) ** 2
        assert squared <= 0.5 * tabular.state_kl(old.pi, table).max() + 1e-12
        bound = gain / (1.0 - gamma) - 4.0 * epsilon * gamma / (1.0 - gamma) ** 2 * squared
        assert bound - slack(mdp) <= mdp.evaluate(table).J - old.J


@hundreds(cases(criteria=("discounted",)), mixtures)
def test_the_conservative_policy_iteration_bound(case, alpha):
    """Improvement >= alpha / (1 - gamma) (A - 2 alpha gamma eps / (1 - gamma (1 - alpha)))."""
    mdp, gamma = case.mdp, case.mdp.gamma
    old, other = (case.mdp.evaluate(policy) for policy in (case.old, case.new))
    greedy = np.eye(mdp.n_actions)[old.Q.argmax(axis=1)]
    for target in (other.pi, greedy):
        gain, epsilon = expected_advantage(old, target)
        bound = gain - 2.0 * alpha * gamma * epsilon / (1.0 - gamma * (1.0 - alpha))
        mixed = mdp.evaluate((1.0 - alpha) * old.pi + alpha * target)
        assert alpha / (1.0 - gamma) * bound - slack(mdp) <= mixed.J - old.J


def random_mdp(seed, gamma, n=4, m=3):
    """Rewards in [0, 1] and a uniform start: every state is reached."""
    rng = np.random.default_rng(seed)
    return MDP(rng.dirichlet(np.ones(n), size=(n, m)), rng.random((n, m)), gamma=gamma), rng


def natural_direction(mdp, policy, per):
    F, g = tabular.fisher(mdp, policy, per=per), tabular.gradient(mdp, policy)
    return (np.linalg.pinv(F, rcond=1e-12, hermitian=True) @ g.ravel()).reshape(g.shape)


@pytest.mark.parametrize("per", ["step", "trajectory"])
@hundreds(seeds, st.sampled_from([0.0, 0.5, 0.9]))
def test_the_natural_direction_is_the_advantage(per, seed, gamma):
    """A / (1 - gamma) for F of steps, A for F of trajectories, up to a constant a state (5.1)."""
    mdp, rng = random_mdp(seed, gamma)
    policy = TabularSoftmax(4, 3, rng.normal(size=(4, 3)))
    found = natural_direction(mdp, policy, per)
    expected = mdp.evaluate(policy).advantage / (1.0 - gamma if per == "step" else 1.0)
    rest = found - expected
    assert np.allclose(rest - rest.mean(axis=1, keepdims=True), 0.0, atol=1e-8)


@hundreds(seeds, st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.01, 0.3, 3.0]))
def test_every_natural_step_improves_every_state(seed, gamma, eta):
    """For softmax tables and any step size, from every start (Agarwal et al. 2021, lemma 5.2)."""
    mdp, rng = random_mdp(seed, gamma)
    policy = TabularSoftmax(4, 3, 0.5 * rng.normal(size=(4, 3)))
    before = mdp.evaluate(policy).V
    moved = policy.with_theta(policy.theta + eta * natural_direction(mdp, policy, "step"))
    assert (before - 1e-10 <= mdp.evaluate(moved).V).all()


@hundreds(seeds, st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.05, 0.5, 10.0]))
def test_the_rate_of_natural_gradients(seed, gamma, eta):
    """V(T) >= V* - ln A / (eta T) - 1 / ((1 - gamma)^2 T) from theta = 0 (theorem 5.3)."""
    mdp, _ = random_mdp(seed, gamma)
    best = mdp.start @ finite_mdp.optimal_values(mdp.P, mdp.r, gamma)
    path = tabular.npg(mdp, TabularSoftmax(4, 3), 30, step_size=eta / (1.0 - gamma))
    gaps, steps = best - path.J, np.arange(1, 31)
    assert (gaps[1:] <= np.log(3) / (eta * steps) + 1.0 / ((1.0 - gamma) ** 2 * steps)).all()
    assert gaps[0] > gaps[-1] > -1e-10


def test_a_bound_needs_its_penalty():
    """For a distant policy the surrogate exceeds the true gain, so the bounds are not trivial."""
    mdp = tabular.garnet(5, 3, 2, seed=2, gamma=0.9)
    broken = 0
    for seed in range(50):
        old = np.random.default_rng(seed).dirichlet(np.ones(3), size=5)
        found = mdp.evaluate(old)
        greedy = np.eye(3)[found.Q.argmax(axis=1)]
        gain = mdp.evaluate(greedy).J - found.J
        broken += gain < tabular.surrogate(mdp, old, greedy) - 1e-9
    assert broken > 0
