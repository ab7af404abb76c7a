"""PPO's coordinates: features of unit scale and uncorrelated, whatever their units were."""

import numpy as np
import pytest

import fastpg
import reference
from fastpg import _core
from fastpg.algorithms.checkpointing import restore
from fastpg.functional.solvers import Adam, FeatureMoments, Sgd, ppo_epochs

EPSILON = 0.01  # added to eigenvalues whose mean is 1


def moments(*batches):
    made = FeatureMoments(batches[0].shape[1])
    assert all(made.add(phi) for phi in batches)
    return made


def correlated(rng, n=400, d=5):
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * 10.0 ** np.arange(d)


def test_a_matrix_by_hand():
    """Two features that never occur together, S = (2, 4), C = diag(1, 3) / 2."""
    phi = np.array([[2.0, 0.0], [0.0, 4.0], [0.0, 4.0], [0.0, -4.0], [0.0, 0.0]])
    expected = [1 / np.sqrt(0.5 + EPSILON) / 2, 1 / np.sqrt(1.5 + EPSILON) / 4]
    assert np.allclose(moments(phi).whitening().matrix, np.diag(expected), rtol=1e-14)


def test_equal_features_by_hand():
    """C is all ones: eigenvalues 2 along (1, 1) and 0 along (1, -1)."""
    phi = np.repeat(np.array([[3.0], [-3.0]]), 2, axis=1)
    along, across = 1 / np.sqrt(2 + EPSILON), 1 / np.sqrt(EPSILON)
    rotation = np.array([[along + across, along - across], [along - across, along + across]]) / 2
    assert np.allclose(moments(phi).whitening().matrix, rotation / 3, rtol=1e-9)


def test_against_numpy(rng):
    first, second = correlated(rng), correlated(rng)
    phi = np.concatenate([first, second])
    scale = np.sqrt(np.sum(phi**2, 0) / np.sum(phi**4, 0))
    c = (phi * scale).T @ (phi * scale)
    values, vectors = np.linalg.eigh(c / np.mean(np.diag(c)))
    rotation = vectors / np.sqrt(values + EPSILON) @ vectors.T
    matrix = moments(first, second).whitening().matrix
    assert np.allclose(matrix, scale[:, None] * rotation, rtol=1e-9, atol=1e-12)


def test_what_it_is_for(rng):
    """In these coordinates the features are uncorrelated and of one size."""
    phi = rng.normal(size=(5000, 3)) @ [[1, 0.5, 0], [0, 2, 0], [0, 0.1, 0.3]] * [1.0, 1e3, 1e-3]
    white = phi @ moments(phi).whitening().matrix
    second = white.T @ white / len(phi)
    assert np.allclose(second / second[0, 0], np.eye(3), atol=0.1)


def test_a_direction_that_never_occurs_moves_nothing(rng):
    """One-hot features and a constant, their sum: what is blown up is what no policy can see."""
    phi = np.eye(5)[rng.integers(0, 5, 1000)]
    phi = np.column_stack([phi, np.ones(len(phi))])
    white = phi @ moments(phi).whitening().matrix
    assert np.linalg.svd(white, compute_uv=False)[-1] < 1e-7 * np.sqrt(len(phi))
    assert np.max(np.abs(np.unique(white, axis=0))) < 2.0


def test_one_hot_features(rng):
    """Equally frequent ones stay as they are; the step of a rare one is at most 10 times longer."""
    equal = np.repeat(np.eye(4), 3, axis=0)
    assert np.allclose(moments(equal).whitening().matrix, np.eye(4) / np.sqrt(1 + EPSILON))
    frequency = np.array([0.9, 0.09, 0.009, 0.001])
    rare = np.repeat(np.eye(4), [900, 90, 9, 1], axis=0)
    expected = np.diag(1 / np.sqrt(4 * frequency + EPSILON))
    assert np.allclose(moments(rare).whitening().matrix, expected)
    assert expected.max() < 10


def test_a_feature_that_never_occurred_keeps_to_itself(rng):
    phi = correlated(rng, d=3)
    phi[:, 1] = 0.0
    matrix = moments(phi).whitening().matrix
    assert matrix[1, 1] == pytest.approx(1 / np.sqrt(EPSILON))
    assert np.all(matrix[1, [0, 2]] == 0.0)
    assert np.all(matrix[[0, 2], 1] == 0.0)


@pytest.mark.parametrize(("size", "turned"), [(128, True), (129, False)])
def test_many_features_are_only_scaled(rng, size, turned):
    phi = rng.normal(size=(50, size))
    matrix = moments(phi).whitening().matrix
    assert np.array_equal(matrix, np.diag(np.diag(matrix))) != turned
    assert moments(phi).products.shape == ((size, size) if turned else (0, 0))


def test_batches_whose_sums_are_not_finite_are_left_out():
    made = moments(np.ones((3, 2)))
    before = made.square, made.fourth, made.products
    assert not made.add(np.full((2, 2), 1e100))
    after = made.square, made.fourth, made.products
    assert all(map(np.array_equal, before, after))
    assert np.isfinite(made.whitening().matrix).all()
    assert np.isfinite(FeatureMoments(3).whitening().matrix).all()


def test_tiny_features_have_a_finite_matrix():
    assert np.isfinite(moments(np.full((3, 2), 1e-100)).whitening().matrix).all()
    assert np.isfinite(moments(np.full((3, 2), 1e-160)).whitening().matrix).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-np.ones(2), np.ones(2), np.eye(2)), "at least 0"),
        ((np.ones(3), np.ones(2), np.eye(2)), "square"),
        ((np.ones(2), np.ones(2), np.eye(3)), "products"),
        ((np.ones(2), np.full(2, np.inf), np.eye(2)), "finite"),
    ],
)
def test_moments_that_cannot_be(arguments, message):
    made = FeatureMoments(2)
    with pytest.raises(ValueError, match=message):
        made.restore(*arguments)
    assert np.array_equal(made.square, np.zeros(2))


def test_it_is_made_of_moments_alone():
    with pytest.raises(TypeError):
        _core.Whitening()
    with pytest.raises(ValueError, match="phi"):
        FeatureMoments(2).add(np.ones((3, 3)))


def epochs(batch, phi, theta, whitening, optimizer=Adam, **options):
    policy = batch.policy
    policy.theta = theta
    settings = {"seed": 0, "n_epochs": 3, "batch_size": 16, "learning_rate": 0.05, "ent_coef": 0.01}
    result = ppo_epochs(
        policy, phi, batch.actions, batch.advantages, optimizer(theta.size), whitening=whitening,
        **settings | options,
    )  # fmt: skip
    return result.theta


def test_a_plain_step_is_the_preconditioned_gradient(batch):
    """theta += rate W W^T g, g the gradient of the unclipped ratio at its start."""
    theta, whitening = batch.policy.theta, moments(batch.phi).whitening()
    one = {"n_epochs": 1, "batch_size": len(batch.phi), "optimizer": Sgd}
    gradient = epochs(batch, batch.phi, theta, None, **one) - theta
    step = epochs(batch, batch.phi, theta, whitening, **one) - theta
    matrix = whitening.matrix
    assert np.allclose(step, matrix @ matrix.T @ gradient, rtol=1e-9, atol=1e-14)


def test_adam_ascends_in_the_coordinates(batch):
    """theta = W t, t by Adam on W^T g: the reference's own steps on features phi W."""
    theta, whitening = batch.policy.theta, moments(batch.phi).whitening()
    matrix = whitening.matrix
    moved = epochs(batch, batch.phi, theta, whitening)
    white = batch.phi @ matrix
    again = epochs(batch, white, np.linalg.solve(matrix, theta), None)
    assert np.allclose(moved, matrix @ again, rtol=1e-6, atol=1e-8)


def test_learning_does_not_depend_on_the_units_of_the_features(batch):
    units = 2.0 ** np.arange(-3, batch.phi.shape[1] - 3)
    theta = batch.policy.theta
    moved = epochs(batch, batch.phi, theta, moments(batch.phi).whitening())
    phi = batch.phi * units
    other = epochs(batch, phi, theta / units[:, None], moments(phi).whitening())
    assert np.allclose(batch.phi @ moved, phi @ other, rtol=1e-9, atol=1e-12)


def test_nor_on_the_units_of_the_actions():
    """An action, a mean and sigma counted in tenths."""
    rng = np.random.default_rng(5)
    observations, advantages = rng.normal(size=(64, 2)), rng.normal(size=64)
    means = []
    for unit in (1.0, 0.1):
        policy = fastpg.LinearGaussian(2, 1)
        theta = np.array([0.3, -0.2, 0.1, 0.4])
        theta[:3] *= unit
        theta[3] += np.log(unit)
        policy.theta = theta
        phi = policy.features(observations)
        noise = np.random.default_rng(6).normal(size=(64, 1))
        actions = phi @ theta[:3, None] + np.exp(theta[3]) * noise
        result = ppo_epochs(
            policy, phi, actions, advantages, Adam(4), seed=0, batch_size=16, n_epochs=4,
            learning_rate=0.02, whitening=moments(phi).whitening(),
        )  # fmt: skip
        moved = result.theta
        assert np.any(np.abs(moved[:3] - theta[:3]) > 0.01 * unit)
        means.append(np.append(moved[:3] / unit, moved[3] - np.log(unit)))
    assert np.allclose(means[0], means[1], rtol=1e-9)


def test_a_whitening_of_other_features_is_refused(batch):
    other = moments(np.ones((3, batch.phi.shape[1] + 1))).whitening()
    with pytest.raises(ValueError, match="whitening"):
        epochs(batch, batch.phi, batch.policy.theta, other)


SMALL = {"n_envs": 4, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "seed": 0}


def test_the_algorithm_counts_every_batch():
    algo = fastpg.PPO("linear", "CartPole-v1", **SMALL)
    seen = []
    update = algo.update
    algo.update = lambda batch: seen.append(np.array(batch.phi, float)) or update(batch)
    algo.learn(600)
    phi = np.concatenate(seen)
    assert np.allclose(algo.moments.products, phi.T @ phi, rtol=1e-12)
    assert np.allclose(algo.moments.fourth, np.sum(phi**4, 0), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "whitens"),
    [({}, True), ({"optimizer": "sgd"}, False), ({"whiten_features": False}, False),
     ({"optimizer": "sgd", "whiten_features": True}, True)],
)  # fmt: skip
def test_when_it_whitens(options, whitens):
    algo = fastpg.PPO("linear", "CartPole-v1", **SMALL, **options).learn(256)
    assert bool(algo.moments.square.any()) is whitens


def test_files_from_before_it_go_on_without_it():
    algo = fastpg.PPO("linear", "CartPole-v1", **SMALL, whiten_features=False).learn(256)
    stored, meta = algo.state()
    assert not any(name.endswith("of_features") for name in stored)
    thetas = []
    for named in (True, False):
        if not named:
            del meta["options"]["whiten_features"]
        loaded = restore(fastpg.PPO, (stored, meta))
        loaded.use_env("CartPole-v1")
        thetas.append(loaded.learn(256).policy.theta)
        assert loaded.options.whiten_features is False
    assert np.array_equal(*thetas)


def test_cubic_features_do_not_blow_up_a_gaussian_policy():
    """Features up to 512, whose KL was beyond 10 nats an iteration in their own coordinates."""
    kwargs = {"features": "polynomial", "features_kwargs": {"degree": 3}}
    options = {"policy_kwargs": kwargs, "seed": 1, "learning_rate": 0.02, "target_kl": None}
    kl = {}
    for whitens in (False, True):
        algo = fastpg.PPO("linear", "Pendulum-v1", whiten_features=whitens, **options).learn(8_192)
        kl[whitens] = max(record["train/kl"] for record in algo.history)
    assert kl[True] < 0.1 < 1.0 < kl[False]


def test_the_reference_agrees_on_the_adam_of_a_whole_batch(batch):
    """Against tests/reference.py alone: softmax, its gradient and Adam, at features phi W."""
    matrix = moments(batch.phi).whitening().matrix
    whole = {"n_epochs": 4, "batch_size": len(batch.phi), "ent_coef": 0.0}
    theta, white = batch.policy.theta, batch.phi @ matrix
    a = batch.advantages
    weights = (a - a.mean()) / (a.std() + 1e-8)
    rows = np.arange(len(a))

    def gradient(t):
        def objective(other):
            ratio = reference.softmax(white @ other)[rows, batch.actions]
            ratio = ratio / batch.pi[rows, batch.actions]
            return np.mean(np.minimum(ratio * weights, np.clip(ratio, 0.8, 1.2) * weights))

        return reference.numerical_gradient(objective, t, 1e-6)

    expected = reference.adam(np.linalg.solve(matrix, theta), [gradient] * 4, 0.05)
    moved = epochs(batch, batch.phi, theta, moments(batch.phi).whitening(), **whole)
    assert np.allclose(batch.phi @ moved, white @ expected, atol=1e-4)
