"""Estimates by the algorithms' own code have the exact quantities as their means.

Settings in which that holds: gamma = lambda = 1, whole episodes, a baseline that the batch has not
seen. `test_tabular_gradient.py` shows the same for parts alone, without `fastpg.tabular`.
"""

import numpy as np
import pytest

import fastpg
from fastpg import tabular
from fastpg.policies.features import Identity
from fastpg.rollouts.collect import make_collector
from fastpg.tabular import MDP, FeatureSoftmax

S, A, H = 3, 2, 4
EPISODES, BATCHES = 32, 400
RNG = np.random.default_rng(11)
THETA = 0.7 * RNG.normal(size=(S + 1, A))
ELSEWHERE = THETA + 0.5 * RNG.normal(size=(S + 1, A))
ENDLESS = tabular.garnet(S, A, 2, seed=5, horizon=H)
ENDING = MDP(
    np.random.default_rng(1).dirichlet(np.ones(S), size=(S, A)),
    ENDLESS.r,
    [0.5, 0.5, 0.0],
    horizon=H,
    terminal=[False, False, True],
)
EXACT = {"gamma": 1.0, "gae_lambda": 1.0, "normalize_advantage": False, "n_steps": H}
NATURAL = EXACT | {"ent_coef": 0.0}
ASCENT = EXACT | {
    "optimizer": "sgd", "learning_rate": 1.0, "n_epochs": 1, "batch_size": EPISODES * H,
}  # fmt: skip


class Sampled:
    """An algorithm with a fixed policy and a fixed baseline, batches, and exact quantities."""

    def __init__(self, kind, mdp, **options):
        self.mdp, self.env = mdp, tabular.make_vec(mdp, EPISODES)
        self.policy = fastpg.LinearSoftmax(S, A, THETA)
        self.algo = kind(self.policy, self.env, seed=2, baseline_time=True, **options)
        self.exact = FeatureSoftmax.of(self.policy, self.env.features)
        self.collector = make_collector(self.env, self.policy, 3)
        self.collector.reset(3)
        first = self.batch()
        self.algo.baseline.fit(first.observations, first.step_index, first.targets + 1.0)

    def batch(self):
        self.policy.theta = THETA
        return self.algo.estimate(self.collector.episodes(EPISODES))

    def means(self, statistic, batches=BATCHES):
        """The mean of statistic(batch), and its standard error."""
        found = np.array([statistic(self.batch()) for _ in range(batches)])
        return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(batches)

    def agree(self, statistic, expected, **size):
        mean, error = self.means(statistic, **size)
        assert np.max(error) < 0.1 * np.max(np.abs(expected))  # the test is sensitive enough
        assert (np.abs(mean - expected) <= 4.5 * error + 1e-12).all()

    def dist(self, batch, theta=THETA):
        return self.policy.distribution(batch.phi, theta)

    def moved(self, batch):
        """The change of theta by an update; theta is then restored."""
        record = self.algo.update(batch)
        assert record["train/status"] == "accepted"
        return self.policy.theta - THETA

    def baseline_gap(self):
        """E sum_h V_h(s_h) - b(s_h, h): what the baseline adds to l-hat."""
        found = self.mdp.evaluate(self.exact)
        b = [self.algo.baseline.predict(self.env.features, np.full(S, h)) for h in range(H)]
        return np.sum(tabular.state_weights(self.mdp, found) * (found.V[:-1] - b))


@pytest.mark.parametrize("mdp", [ENDLESS, ENDING], ids=["horizon", "terminal"])
def test_reinforce_s_step_is_the_gradient(mdp):
    sampled = Sampled(fastpg.REINFORCE, mdp, optimizer="sgd", learning_rate=1.0)
    sampled.agree(sampled.moved, tabular.gradient(mdp, sampled.exact))


def test_reinforce_s_discounted_step_is_exact_with_its_weights():
    mdp = ENDLESS.with_criterion(horizon=H, gamma=0.6)
    options = {"optimizer": "sgd", "learning_rate": 1.0, "gamma": 0.6}
    exact = Sampled(fastpg.REINFORCE, mdp, discount_weighting=True, **options)
    expected = tabular.gradient(mdp, exact.exact)
    exact.agree(exact.moved, expected)
    biased = Sampled(fastpg.REINFORCE, mdp, discount_weighting=False, **options)
    mean, error = biased.means(biased.moved)
    assert (np.abs(mean - expected) > 4.5 * error).any()


@pytest.mark.parametrize("kind", [fastpg.NPG, fastpg.TRPO])
def test_the_gradient_before_a_natural_step(kind):
    sampled = Sampled(kind, ENDLESS, **NATURAL)
    expected = tabular.gradient(ENDLESS, sampled.exact)
    sampled.agree(lambda batch: H * sampled.algo.ascend(batch).gradient, expected)


@pytest.mark.parametrize("mdp", [ENDLESS, ENDING], ids=["horizon", "terminal"])
@pytest.mark.parametrize("fisher", ["exact", "sampled"])
def test_fisher_matrices(fisher, mdp):
    sampled = Sampled(fastpg.NPG, mdp, fisher=fisher, **NATURAL)

    def of_batch(batch):
        taken = batch.actions if fisher == "sampled" else None
        mean = sampled.policy.fisher(batch.phi, sampled.dist(batch), taken)
        return len(batch.actions) / batch.n_episodes * mean

    sampled.agree(of_batch, tabular.fisher(mdp, sampled.exact))


@pytest.mark.parametrize("mdp", [ENDLESS, ENDING], ids=["horizon", "terminal"])
def test_the_measured_kl_and_surrogate_elsewhere(mdp):
    sampled = Sampled(fastpg.TRPO, mdp, **NATURAL)
    old, new = sampled.exact, sampled.exact.with_theta(ELSEWHERE)

    def measured(batch):
        ascent = sampled.algo.ascend(batch)
        sampled.policy.theta = ELSEWHERE
        record = sampled.algo.record(batch, ascent)
        length = len(batch.actions) / batch.n_episodes
        return length * record["train/kl"], length * record["train/policy_objective"]

    expected = (
        tabular.kl(mdp, old, new),
        tabular.surrogate(mdp, old, new) + sampled.baseline_gap(),
    )
    sampled.agree(measured, np.array(expected))


def test_kl_per_step_and_per_trajectory():
    sampled = Sampled(fastpg.TRPO, ENDLESS, **NATURAL)
    sampled.algo.learn(10 * EPISODES * H)
    assert sampled.algo.mean_length == H
    record = sampled.algo.history[-1]
    assert record["train/kl_trajectory"] == pytest.approx(H * record["train/kl"])


@pytest.mark.parametrize("estimator", ["exact", "sampled", None])
def test_ppo_s_first_step_is_the_gradient_for_every_penalty(estimator):
    """The clipped surrogate, and the relaxed one with its penalty of either form (lecture L10)."""
    penalty = {"objective": "kl_penalty", "kl_coef": 0.7, "kl_estimator": estimator}
    sampled = Sampled(fastpg.PPO, ENDLESS, **ASCENT, **(penalty if estimator else {}))
    expected = tabular.gradient(ENDLESS, sampled.exact)
    sampled.agree(lambda batch: H * sampled.moved(batch), expected)


def relaxed(sampled, batch, theta, penalty):
    """Weights of grad ln pi in the gradient of l-hat at theta, and the mean of its terms."""
    policy = sampled.policy
    new = policy.log_prob(sampled.dist(batch, theta), batch.actions)
    old = policy.log_prob(sampled.dist(batch), batch.actions)
    ratio = fastpg.importance_weights(new, old)
    return ratio * batch.advantages + penalty, ratio * batch.advantages + penalty * new


def relaxed_gradient(sampled, batch, theta, penalty):
    weights, _ = relaxed(sampled, batch, theta, penalty)
    dist = sampled.dist(batch, theta)
    return sampled.policy.score_gradient(batch.phi, dist, batch.actions, weights)


def test_ppo_s_second_step_is_the_gradient_of_the_estimate_where_it_stands():
    options = ASCENT | {"n_epochs": 2, "learning_rate": 0.3, "ent_coef": 0.0}
    sampled = Sampled(
        fastpg.PPO, ENDLESS, objective="kl_penalty", kl_coef=0.7, kl_estimator="sampled", **options
    )
    for _ in range(5):
        batch = sampled.batch()
        first = THETA + 0.3 * relaxed_gradient(sampled, batch, THETA, 0.7)
        second = first + 0.3 * relaxed_gradient(sampled, batch, first, 0.7)
        assert np.allclose(THETA + sampled.moved(batch), second, atol=1e-12)


@pytest.mark.parametrize("penalty", [0.0, 0.7])
@pytest.mark.parametrize("theta", [THETA, ELSEWHERE], ids=["theta_k", "elsewhere"])
def test_the_relaxed_objective_s_estimate(theta, penalty):
    """l-hat and its gradient at any fixed theta (lecture L12)."""
    sampled = Sampled(fastpg.PPO, ENDLESS, **EXACT)
    old, new = sampled.exact, sampled.exact.with_theta(theta)
    value = tabular.penalised(ENDLESS, old, new, penalty) + sampled.baseline_gap()
    gradient = tabular.penalised_gradient(ENDLESS, old, new, penalty)

    def estimates(batch):
        terms = relaxed(sampled, batch, theta, penalty)[1]
        g = relaxed_gradient(sampled, batch, theta, penalty)
        return H * np.append(g.ravel(), terms.mean())

    sampled.agree(estimates, np.append(gradient.ravel(), value))


@pytest.mark.parametrize("fisher", ["exact", "sampled"])
def test_a_large_batch_takes_the_exact_natural_step(fisher):
    options = NATURAL | {"n_steps": 1000 * H, "cg_damping": 0.0, "solver": "cg"}
    sampled = Sampled(
        fastpg.NPG, ENDLESS, fisher=fisher, target_kl=1e-3, max_step_size=None, **options
    )
    batch = sampled.algo.estimate(sampled.collector.steps(1000 * H))
    g = tabular.gradient(ENDLESS, sampled.exact).ravel()
    F = tabular.fisher(ENDLESS, sampled.exact)
    x = np.linalg.pinv(F, rcond=1e-10, hermitian=True) @ g
    expected = np.sqrt(2e-3 * H / (g @ x)) * x
    record = sampled.algo.update(batch)
    moved = (sampled.policy.theta - THETA).ravel()
    assert record["train/status"] == "accepted"
    assert np.linalg.norm(moved - expected) < 0.05 * np.linalg.norm(expected)
    kl = tabular.kl(
        ENDLESS, sampled.exact, sampled.exact.with_theta(sampled.policy.theta), per="step"
    )
    assert kl == pytest.approx(1e-3, rel=0.1)
    assert record["train/kl"] == pytest.approx(kl, rel=0.02)


@pytest.mark.parametrize("time", [False, True])
def test_the_exact_side_of_a_linear_softmax(time, rng):
    observations = rng.normal(size=(5, 3)).astype(np.float32)
    features = Identity(3, time=time)
    theta = rng.normal(size=(features.size, 4))
    policy = fastpg.LinearSoftmax(3, 4, theta, features=features)
    exact = FeatureSoftmax.of(policy, observations, horizon=6 if time else None)
    steps = range(6) if time else [0]
    for h in steps:
        phi = policy.features(observations, np.full(5, h))
        dist = policy.distribution(phi)
        table = exact.log_probabilities()
        assert np.allclose(table[h] if time else table, dist, atol=1e-13)
    weights = rng.random(5)
    if not time:
        rows = np.repeat(np.arange(5), 4)
        taken = np.tile(np.arange(4), 5)
        w = rng.normal(size=20)
        g = 20 * policy.score_gradient(phi[rows], dist[rows], taken, w)
        assert np.allclose(exact.score_sum(w.reshape(5, 4)), g, atol=1e-12)
        one_by_one = [w * policy.fisher(phi[[s]], dist[[s]]) for s, w in enumerate(weights)]
        assert np.allclose(exact.fisher(weights), sum(one_by_one), atol=1e-12)
