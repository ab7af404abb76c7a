"""The expectation of each estimator, on a decision problem with a known gradient (L1, L12).

The state is observed one-hot, so a linear softmax without its constant is the tabular policy. The
exact side is `tests/tabular.py`, on purpose not `fastpg.tabular`, which is held against it.
"""

import numpy as np
import pytest

import fastpg
from tabular import Tabular

THETA = np.array([[0.4, -0.3], [-0.2, 0.5]])
MDP = Tabular(seed=3)
H, S = MDP.horizon, MDP.states


def policy():
    """theta with a row of zeros for the constant feature."""
    return fastpg.LinearSoftmax(S, MDP.actions, np.vstack([THETA, np.zeros((1, MDP.actions))]))


def episode_gradients(s, a, advantages):
    """(count, S, A): sum_h grad ln pi A_h of every episode, by fastpg's own score."""
    model = policy()
    out = []
    for n in range(s.shape[1]):
        phi = model.features(np.eye(S)[s[:, n]])
        dist = model.log_probs(phi)
        out.append(H * model.score_gradient(phi, dist, a[:, n], advantages[:, n])[:S])
    return np.array(out)


def weighted(function, theta=THETA):
    """The exact mean over trajectories of a (S, A) estimate."""
    return MDP.expectation(theta, function)


def estimate(s, a, r, values, gamma=1.0, lam=1.0):
    """sum_h grad ln pi A_h of one trajectory, A by fastpg.gae from a table of values (H + 1, S)."""
    v = values[np.arange(H), s]
    following = np.append(v[1:], 0.0)
    ended = np.arange(H) == H - 1
    advantages, _ = fastpg.gae(r, v, following, ended, ended, gamma, lam)
    return episode_gradients(s[:, None], a[:, None], advantages[:, None])[0]


def test_any_baseline_leaves_the_mean_exact():
    exact = MDP.gradient(THETA)
    rng = np.random.default_rng(0)
    for values in (np.zeros((H + 1, S)), MDP.values(THETA), rng.normal(size=(H + 1, S))):
        mean = weighted(lambda s, a, r, v=values: estimate(s, a, r, v))
        assert np.allclose(mean, exact, atol=1e-8)


def test_the_true_value_makes_every_lambda_exact():
    for lam in (0.0, 0.5, 1.0):
        mean = weighted(lambda s, a, r, lam=lam: estimate(s, a, r, MDP.values(THETA), 1.0, lam))
        assert np.allclose(mean, MDP.gradient(THETA), atol=1e-8)


def test_a_wrong_value_biases_lambda_below_one():
    wrong = np.random.default_rng(1).normal(size=(H + 1, S))
    mean = weighted(lambda s, a, r: estimate(s, a, r, wrong, 1.0, 0.5))
    assert not np.allclose(mean, MDP.gradient(THETA), atol=1e-2)


@pytest.mark.parametrize("keeps_weights", [True, False])
def test_discounting_is_exact_only_with_its_weights(keeps_weights):
    gamma = 0.6

    def discounted(s, a, r):
        returns = fastpg.discounted_returns(r, np.arange(H) == H - 1, gamma)
        weights = gamma ** np.arange(H) if keeps_weights else np.ones(H)
        return episode_gradients(s[:, None], a[:, None], (weights * returns)[:, None])[0]

    mean = weighted(discounted)
    assert np.allclose(mean, MDP.gradient(THETA, gamma), atol=1e-8) == keeps_weights


def test_fitting_on_the_same_two_trajectories_halves_the_mean_exactly():
    """A per-step mean over every pair of trajectories: over both, or over the one not weighted."""
    p, states, actions, rewards = zip(*MDP.trajectories(THETA), strict=True)
    returns = [np.cumsum(r[::-1])[::-1] for r in rewards]
    one = np.eye(H)
    scores = np.array(
        [
            [episode_gradients(s[:, None], a[:, None], one[h][:, None])[0] for h in range(H)]
            for s, a in zip(states, actions, strict=True)
        ]
    )

    def baseline(*episodes):
        fitted = fastpg.MeanBaseline(S)
        obs = np.concatenate([np.eye(S)[states[k]] for k in episodes])
        steps = np.tile(np.arange(H), len(episodes))
        fitted.fit(obs, steps, np.concatenate([returns[k] for k in episodes]))
        return fitted.means

    def gradient(episode, means):
        return np.tensordot(returns[episode] - means, scores[episode], axes=1)

    alone = [baseline(k) for k in range(len(p))]
    same, fresh = np.zeros((S, 2)), np.zeros((S, 2))
    for i in range(len(p)):
        for j in range(i + 1):
            probability = p[i] * p[j] * (1 if i == j else 2)
            both = baseline(i, j)
            same += probability * (gradient(i, both) + gradient(j, both)) / 2
            fresh += probability * (gradient(i, alone[j]) + gradient(j, alone[i])) / 2
    exact = MDP.gradient(THETA)
    assert np.allclose(same, 0.5 * exact, atol=1e-8)
    assert np.allclose(fresh, exact, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 5])
def test_fitting_on_the_same_batch_shrinks_the_mean_by_one_over_n(rng, n):
    """A per-step mean over the same N trajectories: the mean of g' is (1 - 1/N) grad J exactly."""
    batches = 6000
    s, a, r = MDP.sample(THETA, n * batches, rng)
    returns = np.cumsum(r[::-1], axis=0)[::-1]
    same, fresh = [], []
    baselines = []
    for k in range(batches):
        part = slice(k * n, (k + 1) * n)
        baseline = fastpg.MeanBaseline(S)
        steps = np.repeat(np.arange(H), n)
        obs = np.eye(S)[s[:, part].ravel()]
        baseline.fit(obs, steps, returns[:, part].ravel())
        baselines.append(baseline.means)
        same.append(returns[:, part] - baseline.means[:, None])
        fresh.append(returns[:, part] - baselines[k - 1][:, None] if k else np.zeros((H, n)))
    same_g = episode_gradients(s, a, np.hstack(same)).reshape(batches, n, S, 2).mean(axis=1)
    fresh_g = episode_gradients(s, a, np.hstack(fresh)).reshape(batches, n, S, 2).mean(axis=1)[1:]
    exact = MDP.gradient(THETA)
    for g, expected in ((same_g, (1 - 1 / n) * exact), (fresh_g, exact)):
        error = g.std(axis=0) / np.sqrt(len(g))
        assert (np.abs(g.mean(axis=0) - expected) < 4.5 * error).all()
    assert np.abs(same_g.mean(axis=0) - exact).max() > 4.5 * same_g.std(axis=0).max() / np.sqrt(
        batches
    )


def surrogate_gradient(s, a, r, theta, old, values, kl_coef):
    """Of sum_h w (R_h - b) + lambda ln pi at theta, data from old: L12, written with fastpg."""
    model = policy()
    model.theta = np.vstack([theta, np.zeros((1, 2))])
    phi = model.features(np.eye(S)[s])
    new_dist = model.log_probs(phi)
    old_dist = model.log_probs(phi, np.vstack([old, np.zeros((1, 2))]))
    returns = np.cumsum(r[::-1])[::-1]
    ratio = fastpg.importance_weights(model.log_prob(new_dist, a), model.log_prob(old_dist, a))
    weights = ratio * (returns - values[np.arange(H), s]) + kl_coef
    return H * model.score_gradient(phi, new_dist, a, weights)[:S]


def exact_surrogate(theta, old, kl_coef):
    """l^k: states of the old policy, advantages of the old policy, penalty + lambda ln pi."""
    v = MDP.values(old)

    def value(s, a, r):
        total = 0.0
        for h in range(H):
            q = MDP.reward[s[h]] + MDP.transition[s[h]] @ v[h + 1]
            advantage = q - v[h, s[h]]
            total += MDP.pi(theta)[s[h]] @ advantage
            total += kl_coef * np.log(MDP.pi(theta)[s[h], a[h]])
        return total

    return MDP.expectation(old, value)


@pytest.mark.parametrize("offset", [0.0, 0.8])
@pytest.mark.parametrize("kl_coef", [0.0, 0.3])
def test_the_relaxed_objective_s_gradient_is_exact_at_theta_k_and_elsewhere(offset, kl_coef):
    theta = THETA + offset * np.array([[1.0, -0.5], [-0.7, 0.2]])
    values = np.random.default_rng(2).normal(size=(H + 1, S))
    mean = weighted(
        lambda s, a, r: surrogate_gradient(s, a, r, theta, THETA, values, kl_coef), THETA
    )
    numeric = np.zeros_like(theta)
    for index in np.ndindex(theta.shape):
        unit = np.zeros_like(theta)
        unit[index] = 1e-6
        numeric[index] = exact_surrogate(theta + unit, THETA, kl_coef) - exact_surrogate(
            theta - unit, THETA, kl_coef
        )
    assert np.allclose(mean, numeric / 2e-6, atol=1e-7)
    if offset == 0.0:
        assert np.allclose(mean, MDP.gradient(THETA), atol=1e-7)


def test_fisher_of_trajectories_is_the_sum_of_the_fishers_of_steps():
    """E[grad ln rho grad ln rho^T] = E sum_h F(s_h): cross terms have mean zero (lecture L7)."""
    model = policy()

    def whole(s, a, r):
        g = episode_gradients(s[:, None], a[:, None], np.ones((H, 1)))[0].ravel()
        return np.outer(g, g)

    def steps(s, a, r):
        phi = model.features(np.eye(S)[s])
        return H * model.fisher(phi, model.log_probs(phi))[: 2 * S, : 2 * S]

    assert np.allclose(weighted(whole), weighted(steps), atol=1e-12)


def test_trajectory_kl_is_the_expected_sum_of_the_kls_of_steps():
    other = THETA + np.array([[0.5, 0.0], [-0.4, 0.3]])

    def log_ratio(s, a, r):
        return sum(np.log(MDP.pi(THETA)[s, a] / MDP.pi(other)[s, a]))

    def steps(s, a, r):
        model = policy()
        phi = model.features(np.eye(S)[s])
        new = model.log_probs(phi, np.vstack([other, np.zeros((1, 2))]))
        return model.kl(model.log_probs(phi), new).sum()

    assert weighted(log_ratio) == pytest.approx(weighted(steps), abs=1e-12)
