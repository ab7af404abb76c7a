"""PPO's minibatch epochs: against the reference, and by their properties."""

import numpy as np
import pytest

import fastpg
import reference
from fastpg.algorithms.ppo import adapted
from fastpg.functional.solvers import Adam, Sgd, ppo_epochs


def clipped_gradient(batch, theta, weights, clip, ent_coef):
    """Gradient of mean min(w A, clip(w) A) + ent_coef H at theta, by finite differences."""

    def objective(other):
        pi = reference.softmax(batch.phi @ other)
        rows = np.arange(len(batch.phi))
        ratio = pi[rows, batch.actions] / batch.pi[rows, batch.actions]
        clipped = np.clip(ratio, 1 - clip, 1 + clip)
        entropy = -np.sum(pi * np.log(pi), axis=1)
        return np.mean(np.minimum(ratio * weights, clipped * weights) + ent_coef * entropy)

    return reference.numerical_gradient(objective, theta, 1e-6)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("ent_coef", [0.0, 0.1])
def test_full_batches_against_the_reference(batch, normalize, ent_coef):
    adam = Adam(batch.policy.theta.size)
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, adam, seed=0, n_epochs=6,
        batch_size=len(batch.phi), learning_rate=0.05, ent_coef=ent_coef,
        normalize_advantage=normalize,
    )  # fmt: skip
    a = batch.advantages
    weights = (a - a.mean()) / (a.std() + 1e-8) if normalize else a

    def gradient(theta):
        return clipped_gradient(batch, theta, weights, 0.2, ent_coef)

    expected = reference.adam(batch.policy.theta, [gradient] * 6, 0.05)
    assert np.allclose(result.theta, expected, atol=2e-5)
    assert (result.n_epochs, result.n_updates, adam.count) == (6, 6, 6)
    new = reference.softmax(batch.phi @ result.theta)
    assert result.kl == pytest.approx(reference.mean_kl(batch.pi, new), abs=1e-12)


def test_ratio_is_one_on_the_first_minibatch(batch):
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, Adam(batch.policy.theta.size),
        seed=0, n_epochs=1, batch_size=len(batch.phi), normalize_advantage=False,
    )  # fmt: skip
    assert result.policy_loss == pytest.approx(-batch.advantages.mean(), abs=1e-14)
    assert result.clip_fraction == 0.0


@pytest.mark.parametrize("batch_size", [1, 2, 6, 7, 59, 60, 61, 1000])
def test_any_minibatch_size(batch, batch_size):
    """Sizes differ by at most one, so no single sample is left over; every sample counts once."""
    n = len(batch.phi)
    adam = Adam(batch.policy.theta.size)
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, adam, seed=1, n_epochs=2,
        batch_size=batch_size,
    )  # fmt: skip
    assert result.n_updates == 2 * -(-n // batch_size)
    assert np.isfinite(result.theta).all()


def test_each_sample_once_an_epoch(batch):
    """With a vanishing rate, sums over minibatches are the sums over the whole batch."""
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, Adam(batch.policy.theta.size),
        seed=3, n_epochs=1, batch_size=7, learning_rate=1e-300, normalize_advantage=False,
    )  # fmt: skip
    assert result.policy_loss == pytest.approx(-batch.advantages.mean(), abs=1e-13)
    assert result.entropy == pytest.approx(-np.sum(batch.pi * batch.log_pi, 1).mean())


@pytest.mark.parametrize("advantages", [np.full(60, 3.0), np.zeros(60)])
def test_constant_advantages_are_finite_and_do_nothing(advantages):
    policy = fastpg.LinearSoftmax(1, 2)
    phi = policy.features(np.ones((60, 1)))
    actions = np.zeros(60, dtype=np.int32)
    result = ppo_epochs(policy, phi, actions, advantages, Adam(4), seed=0)
    assert np.array_equal(result.theta, policy.theta)


def test_clipping_stops_the_push():
    """One state, one action of advantage 1: the ratio stops growing beyond 1 + clip_range."""
    policy = fastpg.LinearSoftmax(1, 2)
    phi = policy.features(np.ones((4, 1)))
    result = ppo_epochs(
        policy, phi, np.zeros(4, dtype=np.int32), np.ones(4), Adam(4), seed=0, n_epochs=200,
        learning_rate=0.001, normalize_advantage=False, clip_range=0.2,
    )  # fmt: skip
    ratio = np.exp(policy.log_probs(phi, result.theta)[0, 0]) / 0.5
    assert 1.2 < ratio < 1.25


def test_target_kl_stops_where_it_was_passed(batch):
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, Adam(batch.policy.theta.size),
        seed=0, n_epochs=500, learning_rate=0.01, target_kl=1e-3, clip_range=10.0,
    )  # fmt: skip
    if batch.policy.n_actions == 1:
        assert (result.n_epochs, result.kl) == (500, 0.0)
    else:
        assert result.stopped
        assert result.n_epochs < 500
        assert result.kl > 1e-3  # one minibatch is all of these samples


def test_gradient_norm_is_bounded(batch):
    """Plain statistics are of the gradient before the bound; a tiny bound changes the path."""
    norms = {}
    for bound in (None, 1e-9):
        adam = Adam(batch.policy.theta.size)
        ppo_epochs(
            batch.policy, batch.phi, batch.actions, batch.advantages, adam, seed=0, n_epochs=1,
            batch_size=1000, max_grad_norm=bound,
        )  # fmt: skip
        norms[bound] = np.linalg.norm(adam.mean) / 0.1
    if batch.policy.n_actions > 1:
        assert norms[None] > 1e-4
        assert norms[1e-9] == pytest.approx(1e-9, rel=1e-6)


def test_shuffles_differ_by_epoch_and_repeat_by_seed(batch):
    def theta(seed, epoch_count):
        return ppo_epochs(
            batch.policy, batch.phi, batch.actions, batch.advantages,
            Adam(batch.policy.theta.size), seed=seed, first_epoch=epoch_count, batch_size=5,
        ).theta  # fmt: skip

    assert np.array_equal(theta(0, 0), theta(0, 0))
    if batch.policy.n_actions > 1:
        assert not np.array_equal(theta(0, 0), theta(1, 0))
        assert not np.array_equal(theta(0, 0), theta(0, 10))


def test_a_gradient_that_overflows_changes_nothing(batch):
    adam = Adam(batch.policy.theta.size)
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, np.full(len(batch.phi), 1e308), adam, seed=0,
        normalize_advantage=False, ent_coef=1e308,
    )  # fmt: skip
    assert np.isfinite(result.theta).all()
    if not result.finite:
        assert np.array_equal(result.theta, batch.policy.theta)
        assert adam.count == 0


def penalised_gradient(batch, theta, weights, kl_coef, estimator):
    """Of mean w A - kl_coef KL(old | new), or + kl_coef ln pi, by finite differences."""

    def objective(other):
        pi = reference.softmax(batch.phi @ other)
        rows = np.arange(len(batch.phi))
        ratio = pi[rows, batch.actions] / batch.pi[rows, batch.actions]
        if estimator == "exact":
            penalty = -np.sum(batch.pi * (np.log(batch.pi) - np.log(pi)), axis=1)
        else:
            penalty = np.log(pi[rows, batch.actions])
        return np.mean(ratio * weights + kl_coef * penalty)

    return reference.numerical_gradient(objective, theta, 1e-6)


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_penalised_objective_against_the_reference(batch, estimator):
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, Adam(batch.policy.theta.size),
        seed=0, n_epochs=5, batch_size=len(batch.phi), learning_rate=0.05, objective="kl_penalty",
        kl_coef=0.7, kl_estimator=estimator, normalize_advantage=False,
    )  # fmt: skip

    def gradient(theta):
        return penalised_gradient(batch, theta, batch.advantages, 0.7, estimator)

    expected = reference.adam(batch.policy.theta, [gradient] * 5, 0.05)
    assert np.allclose(result.theta, expected, atol=2e-5)


@pytest.mark.parametrize("optimizer", [Sgd, Adam])
@pytest.mark.parametrize("kl_coef", [0.0, 5.0])
def test_at_theta_k_the_exact_penalty_has_no_gradient(batch, optimizer, kl_coef):
    """The first step is the plain policy gradient, for every lambda (lecture L10)."""
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages,
        optimizer(batch.policy.theta.size), seed=0, n_epochs=1, batch_size=1000, learning_rate=0.1,
        objective="kl_penalty", kl_coef=kl_coef, normalize_advantage=False,
    )  # fmt: skip
    g = batch.policy.score_gradient(batch.phi, batch.log_pi, batch.actions, batch.advantages)
    step = 0.1 * g if optimizer is Sgd else 0.1 * g / (np.abs(g) + 1e-5)
    assert np.allclose(result.theta, batch.policy.theta + step, atol=1e-12)


@pytest.mark.slow
def test_near_theta_k_the_penalised_maximum_is_the_natural_step(batch):
    """F^-1 g / lambda, with KL about g^T F^-1 g / (2 lambda^2) (lecture L10)."""
    if batch.policy.n_actions == 1:
        return
    kl_coef = 300.0
    result = ppo_epochs(
        batch.policy, batch.phi, batch.actions, batch.advantages, Sgd(batch.policy.theta.size),
        seed=0, n_epochs=60_000, batch_size=1000, learning_rate=2e-3, objective="kl_penalty",
        kl_coef=kl_coef, normalize_advantage=False,
    )  # fmt: skip
    g = batch.policy.score_gradient(batch.phi, batch.log_pi, batch.actions, batch.advantages)
    d = np.linalg.pinv(reference.fisher(batch.phi, batch.pi), rcond=1e-10) @ g.ravel()
    moved = (result.theta - batch.policy.theta).ravel()
    assert np.linalg.norm(moved - d / kl_coef) < 0.05 * np.linalg.norm(d / kl_coef)
    assert result.kl == pytest.approx(g.ravel() @ d / (2 * kl_coef**2), rel=0.1)


def test_target_kl_stops_within_an_epoch():
    options = {"learning_rate": 0.01, "batch_size": 64, "n_steps": 128, "n_envs": 16}
    bound = fastpg.PPO("linear", "CartPole-v1", seed=0, target_kl=1e-3, **options).learn(2048)
    free = fastpg.PPO("linear", "CartPole-v1", seed=0, **options).learn(2048)
    assert 1 < bound.history[0]["train/n_updates"] < 2048 // 64
    assert bound.history[0]["train/step_limited_by"] == "target_kl"
    assert free.history[0]["train/n_updates"] == 10 * 2048 // 64
    assert free.history[0]["train/step_limited_by"] == "n_epochs"
    assert bound.history[0]["train/kl"] < 0.5 * free.history[0]["train/kl"]


def test_adaptive_coefficient():
    assert adapted(1.0, 0.0066, 0.01) == 0.5
    assert adapted(1.0, 0.0067, 0.01) == 1.0
    assert adapted(1.0, 0.0149, 0.01) == 1.0
    assert adapted(1.0, 0.0151, 0.01) == 2.0
    assert adapted(0.1, 0.0, 0.01) == 0.1
    assert adapted(1e3, 1e9, 0.01) == 1e3


def test_the_coefficient_in_the_history_follows_the_rule():
    algo = fastpg.PPO(
        "linear", "CartPole-v1", seed=0, objective="kl_penalty", target_kl=1e-3, adaptive_kl=True
    ).learn(30_000)
    for before, after in zip(algo.history, algo.history[1:], strict=False):
        expected = adapted(before["train/kl_coef"], before["train/kl"], 1e-3)
        assert after["train/kl_coef"] == expected
    fixed = fastpg.PPO("linear", "CartPole-v1", seed=0, objective="kl_penalty", kl_coef=2.0)
    assert {r["train/kl_coef"] for r in fixed.learn(8000).history} == {2.0}


def test_gaussian_epochs_against_the_reference(rng):
    theta = np.concatenate([rng.normal(size=3), [-0.3]])
    policy = fastpg.LinearGaussian(2, 1, theta)
    phi = policy.features(rng.normal(size=(40, 2)))
    dist = policy.distribution(phi)
    actions = policy.sample(dist, rng.random((40, 1)) * 0.98 + 0.01)
    a = rng.normal(size=40)
    result = ppo_epochs(
        policy, phi, actions, a, Adam(4), seed=0, n_epochs=4, batch_size=40, learning_rate=0.05,
        normalize_advantage=False,
    )  # fmt: skip

    def log_prob(t):
        z = (actions[:, 0] - phi @ t[:3]) / np.exp(t[3])
        return -0.5 * z**2 - t[3]

    def gradient(t):
        def objective(other):
            ratio = np.exp(log_prob(other) - log_prob(theta))
            return np.mean(np.minimum(ratio * a, np.clip(ratio, 0.8, 1.2) * a))

        return reference.numerical_gradient(objective, t)

    expected = reference.adam(theta, [gradient] * 4, 0.05)
    assert np.allclose(result.theta, expected, atol=2e-5)


@pytest.mark.parametrize("kind", [fastpg.LinearSoftmax, fastpg.LinearGaussian])
def test_equal_bits_on_any_number_of_threads(rng, kind):
    policy = kind(6, 3)
    phi, n = policy.features(rng.normal(size=(9000, 6))), 9000
    uniforms = rng.random((n, policy._distribution.action_size)) * 0.98 + 0.01
    actions, a = policy.sample(policy.distribution(phi), uniforms), rng.normal(size=n)
    optimizers = Adam(policy.theta.size), Adam(policy.theta.size)
    one, three = (
        ppo_epochs(
            policy, phi, actions, a, optimizer, seed=0, n_epochs=3, batch_size=5000, ent_coef=0.01,
            max_grad_norm=0.5, target_kl=1.0, num_threads=k,
        )
        for optimizer, k in zip(optimizers, (1, 3), strict=True)
    )  # fmt: skip
    assert one.n_updates == 6
    assert np.array_equal(one.theta, three.theta)
    assert one[1:] == three[1:]
    assert np.array_equal(optimizers[0].square, optimizers[1].square)
