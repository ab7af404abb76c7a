"""Features of which most are 0, as in one-hot codes: rows of tables instead of products."""

import numpy as np
import pytest

import fastpg
import reference
from fastpg import _core
from fastpg.functional import solvers
from fastpg.functional.solvers import Adam, natural_gradient, ppo_epochs

ACTIONS = ([3], [9], [3, 2, 4])


def one_hot(rng, n, widths, constant=True):
    """Codes side by side, and a constant."""
    parts = [np.eye(width)[rng.integers(0, width, n)] for width in widths]
    return np.hstack([*parts, np.ones((n, 1))] if constant else parts)


def few_of_many(rng, n, d):
    """Any numbers, up to seven in a row; some rows have none."""
    phi = np.zeros((n, d))
    for row in phi:
        at = rng.choice(d, rng.integers(0, 8), replace=False)
        row[at] = rng.normal(size=len(at))
    return phi


FEATURES = {
    "one code": lambda rng, n: one_hot(rng, n, [70]),
    "three codes": lambda rng, n: one_hot(rng, n, [40, 25, 60]),
    "any numbers": lambda rng, n: few_of_many(rng, n, 90),
}


def policy_at(rng, phi, choices):
    n_actions = choices if len(choices) > 1 else choices[0]
    theta = 0.4 * rng.normal(size=(phi.shape[1], sum(choices)))
    return fastpg.LinearSoftmax(phi.shape[1] - 1, n_actions, theta)


def sampled(rng, policy, phi, choices):
    dist = policy.distribution(phi)
    return dist, policy.sample(dist, rng.random((len(phi), len(choices))) * 0.98 + 0.01)


def test_worked_by_hand():
    """Two states of a Discrete(63), their constant the last feature: logits are rows of theta."""
    phi = np.zeros((2, 64))
    phi[0, 3] = phi[1, 10] = phi[:, 63] = 1.0
    theta = np.zeros((64, 2))
    theta[3] = [np.log(2.0), 0.0]
    theta[10] = [0.0, np.log(4.0)]
    theta[63] = [0.0, np.log(1.5)]
    policy = fastpg.LinearSoftmax(63, 2, theta)
    dist = policy.distribution(phi)
    pi = np.array([[4 / 7, 3 / 7], [1 / 7, 6 / 7]])
    assert np.allclose(np.exp(dist), pi, rtol=1e-15)
    gradient = policy.score_gradient(phi, dist, np.array([0, 1]), np.array([7.0, 14.0]))
    expected = np.zeros((64, 2))
    expected[3] = [1.5, -1.5]  # 7 (1 - 4/7) / 2
    expected[10] = [-1.0, 1.0]  # 14 (1 - 6/7) / 2
    expected[63] = expected[3] + expected[10]
    assert np.allclose(gradient, expected, rtol=1e-14)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("choices", ACTIONS, ids=str)
@pytest.mark.parametrize("n", [1, 7, 8, 128, 129, 300])
def test_outputs_have_the_bits_of_dense_rows(rng, name, choices, n):
    phi = FEATURES[name](rng, n)
    policy = policy_at(rng, phi, choices)
    dense = np.vstack([phi, rng.normal(size=(n, phi.shape[1]))])  # too many to be sparse
    assert np.array_equal(policy.distribution(phi), policy.distribution(dense)[:n])
    if n > 1:
        assert np.array_equal(policy.distribution(phi)[1:2], policy.distribution(phi[1:2]))


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("n", [1, 9, 300])
def test_against_the_reference(rng, name, n):
    phi = FEATURES[name](rng, n)
    policy = policy_at(rng, phi, [3])
    dist, actions = sampled(rng, policy, phi, [3])
    weights, vector = rng.normal(size=n), rng.normal(size=policy.shape)
    pi = reference.softmax(phi @ policy.theta)
    assert np.allclose(dist, np.log(pi), atol=1e-13)
    residual = np.eye(3)[actions] - pi
    gradient = phi.T @ (residual * weights[:, None]) / n
    assert np.allclose(policy.score_gradient(phi, dist, actions, weights), gradient, atol=1e-13)
    fisher, of_actions = reference.fisher(phi, pi), reference.sampled_fisher(phi, pi, actions)
    for taken, expected in ((None, fisher), (actions, of_actions)):
        product = policy.fisher_vector_product(phi, dist, vector, taken)
        assert np.allclose(product.ravel(), expected @ vector.ravel(), atol=1e-12)
        assert np.allclose(policy.fisher(phi, dist, taken), expected, atol=1e-13)
        found = natural_gradient(
            policy, phi, dist, gradient, actions=taken, cg_damping=0.1, cg_max_steps=400,
            cg_tol=1e-13,
        )  # fmt: skip
        damping = 0.1 * np.trace(expected) / len(expected)
        solved = np.linalg.solve(expected + damping * np.eye(len(expected)), gradient.ravel())
        assert np.allclose(found.direction.ravel(), solved, atol=1e-8 * np.abs(solved).max())


@pytest.mark.parametrize("choices", ACTIONS, ids=str)
def test_products_of_the_fisher_matrix_are_those_of_the_dense_one(rng, choices):
    phi = one_hot(rng, 200, [30, 40])
    policy = policy_at(rng, phi, choices)
    dist, actions = sampled(rng, policy, phi, choices)
    vector = rng.normal(size=policy.shape)
    for taken in (None, actions):
        dense = policy.fisher(phi, dist, taken)
        product = policy.fisher_vector_product(phi, dist, vector, taken)
        assert np.allclose(dense @ vector.ravel(), product.ravel(), atol=1e-13)


def test_columns_of_zeros_change_nothing(rng):
    """The same numbers with 12 features, dense, and with 80, most of them never seen."""
    n = 500
    few = one_hot(rng, n, [6, 5])
    at = rng.permutation(80)[:12]
    many = np.zeros((n, 80))
    many[:, at] = few
    theta = 0.4 * rng.normal(size=(12, 3))
    wide = np.zeros((80, 3))
    wide[at] = theta
    small, large = fastpg.LinearSoftmax(11, 3, theta), fastpg.LinearSoftmax(79, 3, wide)
    dist, actions = sampled(rng, small, few, [3])
    assert np.allclose(large.distribution(many), dist, atol=1e-14)
    advantages = rng.normal(size=n)
    gaussian = fastpg.LinearGaussian(11, 1), fastpg.LinearGaussian(79, 1)
    moved = []
    for policy, phi in ((small, few), (large, many)):
        adam = Adam(policy.theta.size)
        moved.append(
            ppo_epochs(
                policy, phi, actions, advantages, adam, seed=3, n_epochs=3, batch_size=70,
                learning_rate=0.05, ent_coef=0.01,
            )
        )  # fmt: skip
    assert np.allclose(moved[1].theta[at], moved[0].theta, atol=1e-9)
    assert moved[1].kl == pytest.approx(moved[0].kl, abs=1e-9)
    step = 0.1 * rng.normal(size=(12, 3))
    searched = []
    for policy, phi, chosen in ((small, few, slice(None)), (large, many, at)):
        whole = np.zeros(policy.shape)
        whole[chosen] = step
        searched.append(
            solvers.line_search(policy, phi, dist, actions, advantages, whole, target_kl=0.01)
        )
    assert searched[0].kl == pytest.approx(searched[1].kl, abs=1e-13)
    numbers = rng.normal(size=(n, 1))
    found = [
        policy.score_gradient(phi, policy.distribution(phi), numbers, advantages)
        for policy, phi in zip(gaussian, (few, many), strict=True)
    ]
    assert np.allclose(found[0][:12], found[1][at], atol=1e-13)
    assert found[0][-1] == pytest.approx(found[1][-1], abs=1e-13)


def test_equal_bits_on_any_number_of_threads(rng):
    n = 6000
    phi = one_hot(rng, n, [300])
    policy = policy_at(rng, phi, [6])
    dist, actions = sampled(rng, policy, phi, [6])
    weights = rng.normal(size=n)
    steps = np.arange(n) % 50
    states = phi[:, :300].astype(np.float32)

    def found(threads):
        gradient = policy.score_gradient(phi, dist, actions, weights, num_threads=threads)
        natural = natural_gradient(policy, phi, dist, gradient, num_threads=threads)
        baseline = fastpg.LinearBaseline(300, num_threads=threads)
        baseline.fit(states, steps, weights)
        batch = policy.core_batch(states, steps, actions.astype(np.int32), None, threads)
        return (
            gradient,
            natural.direction,
            baseline.weights,
            baseline.predict(states, steps),
            (batch.phi),
        )

    one = found(1)
    for threads in (2, 3, 8):
        assert all(map(np.array_equal, one, found(threads)))


@pytest.mark.parametrize("n", [1, 2, 8, 200])
def test_acting_is_drawing_from_the_distribution(rng, n):
    states = one_hot(rng, n, [50, 60], constant=False).astype(np.float32)
    policy = fastpg.LinearSoftmax(110, 5, rng.normal(size=(111, 5)))
    dist = policy.distribution(policy.features(states))
    stream = _core.LaneStream(7, _core.RandomStream.action)
    assert np.array_equal(policy.act(states, None, None, None, 0), policy.mode(dist))
    drawn = policy.sample(dist, stream.uniforms(n, 4, 1))
    assert np.array_equal(policy.act(states, None, None, stream, 4), drawn)


@pytest.mark.parametrize("time", [False, True])
@pytest.mark.parametrize("d", [31, 32, 200])
@pytest.mark.parametrize("normalized", [False, True])
def test_features_of_long_observations(rng, time, d, normalized):
    states = rng.normal(size=(70, d)).astype(np.float32)
    states[rng.random(states.shape) < 0.8] = 0.0
    steps = np.arange(70)
    policy = fastpg.LinearSoftmax(
        d, 2, features_kwargs={"time": time}, normalize_observations=normalized
    )
    policy.observe(states)
    x = states.astype(np.float64)
    if normalized:
        x = np.clip((x - x.mean(0)) / x.std(0), -10.0, 10.0)
    parts = [x, steps[:, None] / 100.0, np.ones((70, 1))] if time else [x, np.ones((70, 1))]
    atol = 1e-12 if normalized else 0.0
    assert np.allclose(policy.features(states, steps), np.hstack(parts), rtol=0.0, atol=atol)
