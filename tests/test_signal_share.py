"""The signal share of a natural gradient, from two halves of the environments."""

import math

import numpy as np
import pytest

import fastpg
from fastpg.rollouts.rollout import contrast


def rollout_of(n_envs, **steps):
    env = fastpg.make_vec("CartPole-v1", n_envs)
    return fastpg.collect(env, fastpg.LinearSoftmax(4, 2), seed=0, **steps)


def test_weights_of_equal_halves_by_hand():
    assert np.array_equal(contrast(rollout_of(4, n_steps=2)), [1, 1, -1, -1] * 2)


def test_weights_of_unequal_halves_by_hand():
    """Of three environments one is the first half: sqrt(2 / 1) against -sqrt(1 / 2)."""
    expected = [math.sqrt(2), -math.sqrt(0.5), -math.sqrt(0.5)] * 2
    assert np.allclose(contrast(rollout_of(3, n_steps=2)), expected)


def test_one_environment_has_no_halves():
    assert contrast(rollout_of(1, n_steps=5)) is None


@pytest.mark.parametrize("n_envs", [2, 3, 5, 8])
def test_weights_of_episodes(n_envs):
    """Only valid samples have weight, and the common part cancels."""
    rollout = rollout_of(n_envs, n_episodes=2 * n_envs)
    weights = contrast(rollout)
    assert len(weights) == rollout.sample_count
    assert np.sum(weights) == pytest.approx(0.0, abs=1e-9)
    assert np.mean(weights**2) == pytest.approx(1.0)


def update_of(algo):
    """The ascent of the first iteration, and its batch."""
    seen = []
    ascend = algo.ascend
    algo.ascend = lambda batch: seen.append((ascend(batch), batch)) or seen[-1][0]
    algo.learn(algo.options.n_envs * algo.options.n_steps)
    return seen[0]


@pytest.mark.parametrize(
    ("kind", "env_id"), [(fastpg.NPG, "CartPole-v1"), (fastpg.TRPO, "Pendulum-v1")]
)
@pytest.mark.parametrize("n_envs", [2, 5])
def test_against_numpy(kind, env_id, n_envs):
    algo = kind("linear", env_id, n_envs=n_envs, n_steps=64, seed=3, cg_damping=0.01)
    ascent, batch = update_of(algo)
    lanes = np.arange(len(batch.actions)) % n_envs
    first = lanes < n_envs // 2
    algo.policy.theta = algo.policy._initial_theta()  # as before the step
    phi, dist = batch.phi, ascent.dist

    def gradient(rows):
        return algo.policy.score_gradient(
            phi[rows], dist[rows], batch.actions[rows], ascent.advantages[rows]
        ).ravel()

    k, n = np.count_nonzero(first), len(first)
    noise = math.sqrt(k * (n - k)) / n * (gradient(first) - gradient(~first))
    fisher = algo.policy.fisher(phi, dist)
    damped = fisher + 0.01 * np.mean(np.diag(fisher)) * np.eye(len(fisher))
    g = ascent.gradient.ravel()
    assert ascent.natural.noise == pytest.approx(noise @ np.linalg.solve(damped, noise), rel=1e-9)
    share = 1 - ascent.natural.noise / (g @ np.linalg.solve(damped, g))
    assert ascent.natural.signal_share == pytest.approx(max(share, 0.0), rel=1e-9)
    assert algo.history[0]["train/signal_share"] == ascent.natural.signal_share


def test_noise_alone_is_not_taken_for_signal():
    """Random advantages: e^T F^-1 e has the mean of g^T F^-1 g; with one action better it has not.

    Over 200 batches each is the mean of chi-squared numbers: the standard error is 4 %.
    """
    algo = fastpg.NPG(
        "linear", "CartPole-v1", n_envs=128, n_steps=4, seed=0, ent_coef=0.0, target_kl=0.01
    )
    _, batch = update_of(algo)
    algo.policy.theta = algo.policy._initial_theta()
    rng = np.random.default_rng(0)

    def lengths(signal):
        noise = rng.normal(size=(200, len(batch.actions)))
        chosen = signal * (2.0 * batch.actions.ravel() - 1.0)
        ascents = [algo.ascend(batch._replace(advantages=row + chosen)) for row in noise]
        whole = [np.vdot(a.gradient, a.natural.direction) for a in ascents]
        shares = [a.natural.signal_share for a in ascents]
        return np.mean([a.natural.noise for a in ascents]) / np.mean(whole), np.mean(shares)

    ratio, _ = lengths(0.0)
    assert 0.8 < ratio < 1.2
    ratio, share = lengths(1.0)
    assert ratio < 0.1
    assert share > 0.9


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ({"n_envs": 2}, True),
        ({"n_envs": 1}, False),
        ({"n_envs": 2, "solver": "cg"}, False),
        ({"n_envs": 2, "fisher": "sampled", "fisher_subsample": 0.5}, True),
    ],
)
def test_where_it_is_known(options, known):
    algo = fastpg.NPG("linear", "CartPole-v1", n_steps=64, seed=0, **options).learn(256)
    assert all(("train/signal_share" in record) is known for record in algo.history)


def test_it_falls_once_the_pole_stands():
    history = fastpg.TRPO("linear", "CartPole-v1", seed=1).learn(60_000).history
    shares = np.array([record["train/signal_share"] for record in history])
    assert np.mean(shares[:5]) > 0.8
    assert np.mean(shares[-10:]) < 0.5
