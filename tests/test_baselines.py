"""The linear baseline: against least squares, on degenerate data, and its memory."""

import numpy as np
import pytest

import fastpg
import reference


def data(rng, n=300, size=4):
    observations = rng.normal(size=(n, size)).astype(np.float32)
    return observations, rng.integers(0, 500, n), rng.normal(size=n)


def test_features(rng):
    observations, steps, _ = data(rng)
    observations[0] = 100.0
    baseline = fastpg.LinearBaseline(4)
    expected = reference.value_features(observations, steps)
    assert np.allclose(baseline.features(observations, steps), expected, rtol=1e-14)
    untimed = fastpg.LinearBaseline(4, time=False).features(observations, steps)
    assert np.array_equal(untimed, baseline.features(observations, steps)[:, :-3])


def test_vanishing_ridge_is_least_squares(rng):
    observations, steps, targets = data(rng)
    baseline = fastpg.LinearBaseline(4, ridge=1e-12)
    baseline.fit(observations, steps, targets)
    phi = reference.value_features(observations, steps)
    expected = phi @ np.linalg.lstsq(phi, targets, rcond=None)[0]
    assert np.allclose(baseline.predict(observations, steps), expected, atol=1e-6)


def test_ridge_against_the_normal_equations(rng):
    observations, steps, targets = data(rng)
    ridge = 0.37
    baseline = fastpg.LinearBaseline(4, ridge=ridge)
    baseline.fit(observations, steps, targets)
    z = reference.value_features(observations, steps)[:, 1:]
    scaled = (z - z.mean(0)) / z.std(0)
    w = np.linalg.solve(
        scaled.T @ scaled / len(z) + ridge * np.eye(z.shape[1]),
        scaled.T @ (targets - targets.mean()) / len(z),
    )
    expected = targets.mean() + scaled @ w
    assert np.allclose(baseline.predict(observations, steps), expected, atol=1e-9)


def test_it_recovers_a_quadratic_of_time_and_state(rng):
    observations, steps, _ = data(rng)
    t = steps / 100
    targets = 3 + observations[:, 0] * observations[:, 2] - t**2 + 2.0 * observations[:, 1]
    baseline = fastpg.LinearBaseline(4, ridge=1e-10)
    baseline.fit(observations, steps, targets)
    assert np.allclose(baseline.predict(observations, steps), targets, atol=1e-5)


@pytest.mark.parametrize("kind", ["constant", "collinear", "one sample", "huge offset"])
def test_degenerate_data_are_fitted_without_an_accident(rng, kind):
    observations, steps, targets = data(rng)
    if kind == "constant":
        observations[:] = 0.3
        steps[:] = 7
    elif kind == "collinear":
        observations[:, 1:] = observations[:, :1]
    elif kind == "one sample":
        observations, steps, targets = observations[:1], steps[:1], targets[:1]
    else:
        targets += 1e9
    baseline = fastpg.LinearBaseline(4)
    baseline.fit(observations, steps, targets)
    fitted = baseline.predict(observations, steps)
    assert np.isfinite(baseline.weights).all()
    assert fitted.mean() == pytest.approx(targets.mean(), rel=1e-9)
    assert np.var(targets - fitted) <= np.var(targets) * (1 + 1e-9)


def test_memory_one_is_the_fit_to_everything(rng):
    observations, steps, targets = data(rng)
    whole = fastpg.LinearBaseline(4)
    whole.fit(observations, steps, targets)
    parts = fastpg.LinearBaseline(4, memory=1.0)
    for piece in np.array_split(np.arange(300), 7):
        parts.fit(observations[piece], steps[piece], targets[piece])
    assert np.allclose(parts.weights, whole.weights, rtol=1e-6, atol=1e-8)


def test_memory_weights_old_batches_geometrically(rng):
    observations, steps, targets = data(rng)
    faded = fastpg.LinearBaseline(4, memory=0.5, ridge=1e-3)
    for half in (slice(0, 150), slice(150, 300)):
        faded.fit(observations[half], steps[half], targets[half])
    z = reference.value_features(observations, steps)[:, 1:]
    weight = np.where(np.arange(300) < 150, 0.5, 1.0)
    weight /= weight.sum()
    mean = weight @ z
    scaled = (z - mean) / np.sqrt(weight @ (z - mean) ** 2)
    w = np.linalg.solve(
        scaled.T * weight @ scaled + 1e-3 * np.eye(z.shape[1]),
        scaled.T * weight @ (targets - weight @ targets),
    )
    expected = weight @ targets + scaled @ w
    assert np.allclose(faded.predict(observations, steps), expected, atol=1e-8)


def test_memory_zero_forgets(rng):
    observations, steps, targets = data(rng)
    twice, once = fastpg.LinearBaseline(4), fastpg.LinearBaseline(4)
    twice.fit(observations, steps, -targets)
    for baseline in (twice, once):
        baseline.fit(observations, steps, targets)
    assert np.allclose(twice.weights, once.weights, rtol=1e-12)


def test_it_is_zero_before_the_first_fit():
    assert fastpg.LinearBaseline(2).predict(np.ones((3, 2), np.float32), [0, 1, 2]).tolist() == [
        0.0,
        0.0,
        0.0,
    ]


def test_mean_baseline_bootstraps_from_its_last_step(rng):
    baseline = fastpg.MeanBaseline(1)
    baseline.fit(np.zeros((6, 1)), [0, 0, 1, 1, 2, 2], [1.0, 3.0, 5.0, 7.0, 9.0, 11.0])
    assert baseline.predict(np.zeros((4, 1)), [0, 1, 2, 3]).tolist() == [2.0, 6.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("size", "columns"), [(1, 3), (32, 561), (33, 67), (128, 257), (129, 130), (400, 401)]
)
def test_long_observations_have_squares_alone_or_no_products(size, columns, rng):
    observations = rng.normal(size=(2, size)).astype(np.float32)
    features = fastpg.LinearBaseline(size, time=False).features(observations, [0, 0])
    assert features.shape == (2, columns)
    assert np.array_equal(features[:, 1 : size + 1], observations)
    if 32 < size <= 128:
        assert np.array_equal(features[:, size + 1 :], observations.astype(np.float64) ** 2)
