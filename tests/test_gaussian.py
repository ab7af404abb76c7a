"""LinearGaussian: against the formulas of the lecture, by finite differences, and by samples."""

import gymnasium
import numpy as np
import pytest
from scipy.special import kolmogorov, ndtr

import fastpg
import reference


@pytest.fixture
def batch(rng):
    theta = np.concatenate([rng.normal(size=8), [-0.3, 0.4]])
    policy = fastpg.LinearGaussian(3, 2, theta)
    phi = policy.features(rng.normal(size=(60, 3)))
    dist = policy.distribution(phi)
    actions = policy.sample(dist, rng.random((60, 2)) * 0.998 + 0.001)
    return policy, phi, dist, actions, rng.normal(size=60)


def test_distribution_and_log_prob(batch):
    policy, phi, dist, actions, _ = batch
    mean, sigma = phi @ policy.weights, np.exp(policy.log_std)
    assert np.allclose(dist[:, :2], mean, atol=1e-14)
    assert np.array_equal(dist[:, 2:], np.tile(policy.log_std, (60, 1)))
    density = np.exp(-0.5 * ((actions - mean) / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma)
    expected = np.log(density).sum(axis=1)
    assert np.allclose(policy.log_prob(dist, actions), expected, atol=1e-12)
    assert np.allclose(policy.entropy(dist), np.log(np.sqrt(2.0 * np.pi * np.e) * sigma).sum())
    assert np.array_equal(policy.mode(dist), dist[:, :2])


def test_samples_are_normal(rng):
    policy = fastpg.LinearGaussian(1, 1, [2.0, -1.0, np.log(0.5)])
    dist = policy.distribution(np.repeat(policy.features([[1.0]]), 50_000, axis=0))
    actions = policy.sample(dist, rng.random((50_000, 1)) * (1 - 2e-9) + 1e-9)
    cdf, shares = ndtr((np.sort(actions[:, 0]) - 1.0) / 0.5), np.arange(50_001) / 50_000
    distance = max((shares[1:] - cdf).max(), (cdf - shares[:-1]).max())
    assert kolmogorov(np.sqrt(50_000) * distance) > 1e-3


def test_samples_invert_the_normal_distribution():
    """One sample of N(0, 1): the quantile of its uniform number."""
    policy = fastpg.LinearGaussian(1, 1)
    uniforms = np.array([[0.5], [0.975], [1e-10], [0.1], [0.9]])
    z = policy.sample(np.zeros((5, 2)), uniforms)[:, 0]
    assert z[0] == 0.0
    assert z[1] == pytest.approx(1.959963984540054, rel=0, abs=1e-15)
    assert z[2] == pytest.approx(-6.361340902404056, rel=0, abs=1e-14)
    assert z[3] + z[4] == pytest.approx(0.0, abs=1e-15)


def test_gradients_by_finite_differences(batch):
    policy, phi, dist, actions, weights = batch

    def surrogate(theta):
        return np.mean(weights * policy.log_prob(policy.distribution(phi, theta), actions))

    def mean_entropy(theta):
        return policy.entropy(policy.distribution(phi, theta)).mean()

    gradient = policy.score_gradient(phi, dist, actions, weights)
    assert np.allclose(gradient, reference.numerical_gradient(surrogate, policy.theta), atol=1e-7)
    gradient = policy.entropy_gradient(phi, dist)
    assert np.allclose(
        gradient, reference.numerical_gradient(mean_entropy, policy.theta), atol=1e-8
    )


def test_kl(batch, rng):
    policy, phi, dist, _, _ = batch
    new = policy.distribution(phi, policy.theta + 0.3 * rng.normal(size=10))
    m, s, m2, s2 = dist[:, :2], np.exp(dist[:, 2:]), new[:, :2], np.exp(new[:, 2:])
    expected = np.log(s2 / s) + (s**2 + (m - m2) ** 2) / (2 * s2**2) - 0.5
    assert np.allclose(policy.kl(dist, new), expected.sum(axis=1), atol=1e-13)
    assert not np.allclose(policy.kl(dist, new), policy.kl(new, dist))
    assert (policy.kl(dist, dist) == 0.0).all()


def test_equal_variances_by_hand():
    policy = fastpg.LinearGaussian(1, 2)
    one, other = np.array([[0.0, 0.0, 0.5, 0.5]]), np.array([[3.0, 4.0, 0.5, 0.5]])
    assert policy.kl(one, other)[0] == pytest.approx(25.0 / (2.0 * np.exp(1.0)), rel=1e-14)


def test_fisher(batch, rng):
    policy, phi, dist, actions, _ = batch
    dense = policy.fisher(phi, dist)
    sigma = np.exp(policy.log_std)
    expected = np.zeros((10, 10))
    expected[:8, :8] = np.kron(phi.T @ phi / 60, np.diag(1 / sigma**2))
    expected[8:, 8:] = 2.0 * np.eye(2)
    assert np.allclose(dense, expected, atol=1e-13)
    z = (actions - dist[:, :2]) / sigma
    scores = np.array(
        [np.append(np.kron(p, a / sigma), a**2 - 1) for p, a in zip(phi, z, strict=True)]
    )
    taken = policy.fisher(phi, dist, actions)
    assert np.allclose(taken, scores.T @ scores / 60, atol=1e-12)
    v = rng.normal(size=10)
    for matrix, chosen in ((dense, None), (taken, actions)):
        product = policy.fisher_vector_product(phi, dist, v, chosen)
        assert np.allclose(product, matrix @ v, atol=1e-12)


def test_fisher_is_the_hessian_of_the_kl(batch):
    policy, phi, dist, _, _ = batch

    def kl_gradient(theta):
        def mean_kl(other):
            return policy.kl(dist, policy.distribution(phi, other)).mean()

        return reference.numerical_gradient(mean_kl, theta, 1e-5)

    dense = policy.fisher(phi, dist)
    for k, unit in enumerate(1e-4 * np.eye(10)):
        change = kl_gradient(policy.theta + unit) - kl_gradient(policy.theta - unit)
        assert np.allclose(change / 2e-4, dense[k], atol=1e-5)


def test_steps_stop_at_the_bounds_of_log_std():
    policy = fastpg.LinearGaussian(1, 1)
    policy.move_to([0.0, 0.0, -200.0])
    assert policy.log_std.tolist() == [-10.0]
    dist = policy.distribution(policy.features([[1.0]]))
    assert np.isfinite(policy.log_prob(dist, [[1.0]])).all()
    policy.move_to(np.array([0.5, 0.0, 50.0]))
    assert policy.theta.tolist() == [0.5, 0.0, 2.0]


def test_a_step_takes_a_copy_and_nothing_that_is_not_finite():
    policy, theta = fastpg.LinearGaussian(1, 1), np.array([0.5, 0.0, 50.0])
    policy.move_to(theta)
    assert theta[2] == 50.0
    assert not policy.theta.flags.writeable
    for bad in ([0.0, 0.0, np.nan], [0.0, np.inf, 0.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="theta"):
            policy.move_to(bad)
    assert policy.theta.tolist() == [0.5, 0.0, 2.0]


@pytest.mark.parametrize("value", [-10.0, -9.5, 0, 2])
def test_a_log_std_within_the_bounds_is_kept(value):
    theta = [0.0, 0.0, 0.0, 0.0, 0.5, value]
    assert fastpg.LinearGaussian(1, 2, theta).theta.tolist() == theta
    assert fastpg.LinearGaussian(1, 2, log_std_init=value).log_std.tolist() == [value, value]
    policy = fastpg.LinearGaussian(1, 2)
    policy.theta = theta
    assert policy.theta.tolist() == theta


@pytest.mark.parametrize("value", [6.0, np.nextafter(2.0, 3.0), -10.5, 1e100, -1e100])
def test_a_log_std_that_cannot_be_kept_is_an_error(value):
    theta = [0.0, 0.0, 0.0, 0.0, 0.5, value]
    with pytest.raises(ValueError, match=r"log_std_init: expected a number in \[-10, 2\]"):
        fastpg.LinearGaussian(1, 2, log_std_init=value)
    with pytest.raises(ValueError, match=r"theta: expected ln sigma in \[-10, 2\]"):
        fastpg.LinearGaussian(1, 2, theta)
    policy = fastpg.LinearGaussian(1, 2)
    with pytest.raises(ValueError, match=r"theta: expected ln sigma in \[-10, 2\]"):
        policy.theta = theta
    assert not policy.theta.any()


@pytest.mark.parametrize(
    ("name", "options"),
    [("ppo", {"learning_rate": 30.0}), ("npg", {"step_size": 1e4}), ("reinforce", {})],
)
def test_learning_stops_at_the_bounds_and_is_loaded_again(tmp_path, name, options):
    env = fastpg.make_vec("Pendulum-v1", 4)
    policy = fastpg.LinearGaussian.for_env(env, log_std_init=2.0)
    algo = fastpg.train(name, env, policy=policy, total_timesteps=4000, seed=0, **options)
    assert (algo.policy.log_std >= -10.0).all()
    assert (algo.policy.log_std <= 2.0).all()
    loaded = fastpg.load(algo.save(tmp_path / "x"))
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)


def test_the_raw_action_is_scored_and_the_clipped_one_sent():
    env = gymnasium.make_vec("Pendulum-v1", 3, vectorization_mode="sync")
    policy = fastpg.LinearGaussian.for_env(env, log_std_init=2.0)
    rollout = fastpg.collect(env, policy, n_steps=50, seed=0)
    assert np.abs(rollout.actions).max() > 2.0
    assert np.abs(policy.for_environment(rollout.actions)).max() == 2.0
    env.close()


def test_what_a_step_did(batch, rng):
    policy, phi, dist, actions, advantages = batch
    new = policy.distribution(phi, policy.theta + 0.1 * rng.normal(size=policy.shape))
    found = policy.compare(dist, new, actions, advantages)
    w = np.exp(policy.log_prob(new, actions) - policy.log_prob(dist, actions))
    assert found.kl == pytest.approx(policy.kl(dist, new).mean())
    assert found.approx_kl == pytest.approx(np.mean(w - 1.0 - np.log(w)), rel=1e-12)
    assert found.effective_sample_size == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert found.entropy == pytest.approx(policy.entropy(new).mean())
    assert found.objective == pytest.approx((w * advantages).mean())
