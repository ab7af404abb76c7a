"""Kernels over a batch: numbers of threads, sizes at the edges of blocks, features and actions."""

import numpy as np
import pytest

import fastpg
import reference
from fastpg.functional import solvers
from fastpg.functional.solvers import line_search, natural_gradient

THREADS = (1, 2, 3, 8)


def softmax_batch(n, d, n_actions, seed=0):
    rng = np.random.default_rng(seed)
    total = int(np.sum(n_actions))
    policy = fastpg.LinearSoftmax(d - 1, n_actions, 0.4 * rng.normal(size=(d, total)))
    phi = np.hstack([rng.normal(size=(n, d - 1)), np.ones((n, 1))])
    dist = policy.distribution(phi)
    choices = 1 if np.isscalar(n_actions) else len(n_actions)
    uniforms = rng.random((n, choices)) * 0.98 + 0.01
    return policy, phi, dist, policy.sample(dist, uniforms), rng.normal(size=n), rng


def gaussian_batch(n, d, size, seed=0):
    rng = np.random.default_rng(seed)
    theta = 0.4 * rng.normal(size=(d + 1) * size)
    policy = fastpg.LinearGaussian(d - 1, size, theta)
    phi = np.hstack([rng.normal(size=(n, d - 1)), np.ones((n, 1))])
    dist = policy.distribution(phi)
    actions = policy.sample(dist, rng.random((n, size)) * 0.98 + 0.01)
    return policy, phi, dist, actions, rng.normal(size=n), rng


BATCHES = {
    "softmax few": lambda n: softmax_batch(n, 5, 2),
    "softmax many": lambda n: softmax_batch(n, 70, 9),
    "several choices": lambda n: softmax_batch(n, 20, [3, 2, 1, 4]),
    "gaussian": lambda n: gaussian_batch(n, 9, 3),
}


def results(batch, num_threads):
    """Every kernel that takes a number of threads."""
    policy, phi, dist, actions, weights, _ = batch
    vector = np.random.default_rng(1).normal(size=policy.shape)
    given = {"num_threads": num_threads}
    gradient = policy.score_gradient(phi, dist, actions, weights, **given)
    out = {"gradient": gradient}
    for name, taken in (("exact", None), ("sampled", actions)):
        out[f"{name} product"] = policy.fisher_vector_product(phi, dist, vector, taken, **given)
        if policy.theta.size <= 100:
            out[f"{name} fisher"] = policy.fisher(phi, dist, taken, **given)
        found = natural_gradient(
            policy, phi, dist, gradient, actions=taken, cg_max_steps=5, **given
        )
        out[f"{name} direction"] = found.direction
        out[f"{name} curvature"] = np.array(found.curvature)
    return out


@pytest.mark.parametrize("name", BATCHES)
def test_equal_bits_on_any_number_of_threads(name):
    batch = BATCHES[name](6000)
    one, *others = (results(batch, k) for k in THREADS)
    for other in others:
        for key, value in one.items():
            assert np.array_equal(value, other[key]), key


def test_float32_features_are_refused():
    policy, phi, dist, *_ = softmax_batch(10, 3, 2)
    with pytest.raises(TypeError, match=r"phi: expected .*float64.* got .*float32"):
        policy.fisher(phi.astype(np.float32), dist)
    with pytest.raises(ValueError, match=r"dtype: expected float64, got .*float32"):
        policy.features(np.ones((3, 2)), dtype=np.float32)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 127, 128, 129, 130, 300])
@pytest.mark.parametrize(("d", "n_actions"), [(2, 2), (3, 3), (8, 1), (9, 5), (17, 2), (40, 3)])
def test_edges_of_blocks_and_vectors(n, d, n_actions):
    policy, phi, dist, actions, weights, rng = softmax_batch(n, d, n_actions)
    pi = reference.softmax(phi @ policy.theta)
    assert np.allclose(dist, np.log(pi), atol=1e-13)
    residual = np.eye(n_actions)[actions] - pi
    gradient = phi.T @ (residual * weights[:, None]) / n
    assert np.allclose(policy.score_gradient(phi, dist, actions, weights), gradient, atol=1e-13)
    vector = rng.normal(size=policy.shape)
    u = phi @ vector
    expected = phi.T @ (pi * (u - (pi * u).sum(axis=1, keepdims=True))) / n
    product = policy.fisher_vector_product(phi, dist, vector)
    assert np.allclose(product, expected, atol=1e-12)
    s = residual * (residual * u).sum(axis=1, keepdims=True)
    product = policy.fisher_vector_product(phi, dist, vector, actions)
    assert np.allclose(product, phi.T @ s / n, atol=1e-12)
    for taken in (None, actions):
        dense = policy.fisher(phi, dist, taken)
        product = policy.fisher_vector_product(phi, dist, vector, taken)
        assert np.allclose(dense @ vector.ravel(), product.ravel(), atol=1e-12)
        assert np.array_equal(dense, dense.T)


@pytest.mark.parametrize("n", [1, 9, 300])
@pytest.mark.parametrize("d", [2, 4, 5, 8, 17])
def test_products_of_several_choices_are_those_of_the_dense_matrix(n, d):
    policy, phi, dist, actions, _, rng = softmax_batch(n, d, [3, 2, 1])
    vector = rng.normal(size=policy.shape)
    for taken in (None, actions):
        dense = policy.fisher(phi, dist, taken)
        product = policy.fisher_vector_product(phi, dist, vector, taken)
        assert np.allclose(dense @ vector.ravel(), product.ravel(), atol=1e-12)
    found = natural_gradient(policy, phi, dist, vector, cg_damping=0.5, solver="cg")
    expected = 0.5 * np.trace(policy.fisher(phi, dist)) / dense.shape[0]
    assert found.damping == pytest.approx(expected, rel=1e-12)


def test_one_action_by_hand():
    """phi = (2), pi = (1/4, 3/4): F = 4 (3/16) [[1, -1], [-1, 1]]."""
    policy = fastpg.LinearSoftmax(1, 2, [[0.0, np.log(3.0)], [0.0, 0.0]])
    phi = np.array([[1.0, 0.0]])
    dist = policy.distribution(phi)
    product = policy.fisher_vector_product(2 * phi, dist, [[1.0, 0.0], [5.0, 7.0]])
    assert np.allclose(product, [[0.75, -0.75], [0.0, 0.0]], atol=1e-15)
    gradient = policy.score_gradient(2 * phi, dist, [0], [4.0])
    assert np.allclose(gradient, [[6.0, -6.0], [0.0, 0.0]], atol=1e-15)


def test_iterating_on_the_dense_matrix_changes_nothing():
    """With 10 parameters F is formed; the reference multiplies by the features every time."""
    policy, phi, dist, actions, weights, _ = softmax_batch(500, 5, 2)
    gradient = policy.score_gradient(phi, dist, actions, weights)
    found = natural_gradient(policy, phi, dist, gradient, cg_max_steps=6, cg_damping=0.1)
    pi = np.exp(dist)
    damping = 0.1 * np.trace(reference.fisher(phi, pi)) / 10

    def product(v):
        u = phi @ v
        w = pi * (u - (pi * u).sum(axis=1, keepdims=True))
        return phi.T @ w / len(phi) + damping * v

    x, r = np.zeros_like(gradient), gradient.copy()
    p, rho = r.copy(), np.sum(r * r)
    for _ in range(found.iterations):
        q = product(p)
        alpha = rho / np.sum(p * q)
        x, r = x + alpha * p, r - alpha * q
        rho, before = np.sum(r * r), rho
        p = r + rho / before * p
    assert found.damping == pytest.approx(damping, rel=1e-12)
    assert np.allclose(found.direction, x, rtol=0, atol=1e-10 * np.abs(x).max())
    expected = np.sum(x * (product(x) - damping * x))
    assert found.curvature == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("solver", ["cg", "cholesky"])
@pytest.mark.parametrize("scale", [1.0, 1e-170])
def test_slope_and_norms(solver, scale):
    """Squares of the smallest numbers are 0; those of the largest are refused."""
    policy, phi, dist, actions, weights, _ = softmax_batch(50, 3, 2)
    gradient = scale * policy.score_gradient(phi, dist, actions, weights)
    found = natural_gradient(policy, phi, dist, gradient, solver=solver, cg_damping=0.1)
    unit_g, unit_d = gradient / scale, found.direction / scale
    assert found.gradient_norm == pytest.approx(scale * np.linalg.norm(unit_g), rel=1e-12)
    assert found.norm == pytest.approx(scale * np.linalg.norm(unit_d), rel=1e-12)
    if scale == 1.0:
        assert found.slope == pytest.approx(np.vdot(gradient, found.direction), rel=1e-12)
    none = natural_gradient(policy, phi, dist, 0.0 * gradient, solver=solver, cg_damping=0.1)
    assert (none.slope, none.gradient_norm, none.norm) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_found(bad):
    policy, phi, dist, actions, weights, _ = softmax_batch(700, 6, 3)
    gradient = policy.score_gradient(phi, dist, actions, weights)
    adam = solvers.Adam(policy.theta.size)
    phi[651, 4] = bad
    calls = [
        lambda: policy.distribution(phi),
        lambda: policy.score_gradient(phi, dist, actions, weights),
        lambda: policy.entropy_gradient(phi, dist),
        lambda: policy.fisher_vector_product(phi, dist, gradient),
        lambda: policy.fisher(phi, dist),
        lambda: natural_gradient(policy, phi, dist, gradient),
        lambda: natural_gradient(policy, phi, dist, gradient, solver="cholesky"),
        lambda: line_search(policy, phi, dist, actions, weights, gradient, target_kl=0.1),
        lambda: solvers.ppo_epochs(policy, phi, actions, weights, adam, seed=0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"phi: expected finite .* at index \(651, 4\)"):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_found(bad):
    policy, phi, dist, actions, weights, _ = softmax_batch(700, 6, 3)
    weights[13] = bad
    with pytest.raises(ValueError, match=r"weights: expected finite values.* \(13,\)"):
        policy.score_gradient(phi, dist, actions, weights)
    for call in (
        lambda: policy.compare(dist, dist, actions, weights),
        lambda: line_search(policy, phi, dist, actions, weights, policy.theta, target_kl=0.1),
        lambda: solvers.ppo_epochs(policy, phi, actions, weights, solvers.Adam(18), seed=0),
    ):
        with pytest.raises(ValueError, match=r"advantages: expected finite values.* \(13,\)"):
            call()


def test_number_of_threads_is_checked(monkeypatch):
    policy, phi, dist, actions, weights, _ = softmax_batch(10, 3, 2)
    for bad in (0, -1, 257):
        with pytest.raises(ValueError, match="num_threads"):
            policy.score_gradient(phi, dist, actions, weights, num_threads=bad)
    with pytest.raises(TypeError, match="num_threads"):
        natural_gradient(policy, phi, dist, policy.theta, num_threads=1.5)
    monkeypatch.setenv("FASTPG_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="FASTPG_NUM_THREADS"):
        policy.fisher(phi, dist)


def test_features_of_any_layout(rng):
    policy, phi, dist, actions, weights, _ = softmax_batch(40, 6, 3)
    expected = policy.score_gradient(phi, dist, actions, weights)
    read_only = phi.copy()
    read_only.flags.writeable = False
    misaligned = np.zeros(phi.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(phi.shape)
    misaligned[...] = phi
    for same in (np.asfortranarray(phi), np.repeat(phi, 2, axis=0)[::2], read_only, misaligned,
                 phi.astype(">f8"), phi.tolist()):  # fmt: skip
        assert np.array_equal(policy.score_gradient(same, dist, actions, weights), expected)
    integers = np.rint(phi).astype(np.int8)
    assert np.array_equal(
        policy.score_gradient(integers, dist, actions, weights),
        policy.score_gradient(integers.astype(float), dist, actions, weights),
    )


def test_actions_of_any_integer_type_and_none_that_wraps_around():
    policy, phi, dist, actions, weights, _ = softmax_batch(40, 6, 3)
    expected = policy.score_gradient(phi, dist, actions, weights)
    for dtype in (np.int8, np.uint8, np.int64, np.uint64):
        found = policy.score_gradient(phi, dist, actions.astype(dtype), weights)
        assert np.array_equal(found, expected)
    for bad in (np.full(40, 2**32), np.full(40, 3, np.int32), np.full(40, -1, np.int32)):
        with pytest.raises(ValueError, match=r"actions: expected values in \[0, 3\)"):
            policy.score_gradient(phi, dist, bad, weights)
