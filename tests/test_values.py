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


def test_a_mean_baseline_without_memory_forgets_how_long_episodes_were(rng):
    def fitted(*lengths, memory=0.0, restored=False):
        baseline = fastpg.MeanBaseline(1, memory=memory)
        for n in lengths:
            baseline.fit(np.zeros((n, 1)), np.arange(n), np.arange(n) + float(n))
        if restored:
            baseline.restore(fastpg.MeanBaseline(1).state())
        return baseline.predict(np.zeros((4, 1)), [2, 3, 7, 20]).tolist()

    assert fitted(10, 3) == fitted(3) == [5.0, 5.0, 5.0, 5.0]
    assert fitted(10, 3, memory=1.0) == [8.5, 13.0, 17.0, 19.0]
    assert fitted(10, restored=True) == [0.0] * 4


@pytest.mark.parametrize("bad", [-500, -1, 2**62 + 1])
@pytest.mark.parametrize("kind", [list, np.array])
def test_steps_out_of_range_are_errors_in_every_array(bad, kind):
    observations, steps = np.zeros((2, 2), np.float32), kind([bad, 0])
    for baseline in (fastpg.LinearBaseline(2), fastpg.MlpBaseline(2), fastpg.MeanBaseline(2)):
        with pytest.raises(ValueError, match=f"step_index: expected .*{bad}"):
            baseline.predict(observations, steps)
        with pytest.raises(ValueError, match="step_index: expected"):
            baseline.fit(observations, steps, [1.0, 2.0])
    with pytest.raises(ValueError, match="step_index: expected"):
        fastpg.LinearSoftmax(2, 2).features(observations, steps)


def test_features_of_any_unit_are_standardised(rng):
    x, steps = rng.normal(size=(500, 2)), np.zeros(500, np.int64)
    y = x[:, 0] * x[:, 1] + x[:, 0]
    for unit in (1e-9, 1e-6, 1.0):  # above 1 they are clipped
        baseline = fastpg.LinearBaseline(2, ridge=1e-9, time=False)
        baseline.fit(x * unit, steps, y)
        assert np.var(y - baseline.predict(x * unit, steps)) < 1e-3 * np.var(y)


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


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 300])
@pytest.mark.parametrize("size", [1, 4, 33, 130])
@pytest.mark.parametrize("time", [True, False])
def test_prediction_is_features_times_weights(rng, n, size, time):
    observations, steps, targets = data(rng, n, size)
    observations[0] = 100.0  # clipped
    baseline = fastpg.LinearBaseline(size, time=time)
    baseline.fit(observations, steps, targets)
    expected = baseline.features(observations, steps) @ baseline.weights
    scale = np.abs(baseline.features(observations, steps)) @ np.abs(baseline.weights)
    found = baseline.predict(observations, steps)
    assert np.abs(found - expected).max() <= 1e-13 * scale.max()
    one = baseline.predict(observations[-1:], steps[-1:])
    assert one.tolist() == found[-1:].tolist()


@pytest.mark.parametrize(("n", "size"), [(1, 2), (8, 2), (257, 2), (1000, 4), (150, 20)])
def test_moments_are_those_of_the_features(rng, n, size):
    observations, steps, targets = data(rng, n, size)
    targets += 1e6
    baseline = fastpg.LinearBaseline(size)
    baseline.fit(observations, steps, targets)
    z = np.column_stack([baseline.features(observations, steps)[:, 1:], targets])
    z = z.astype(np.longdouble)
    mean = z.mean(0)
    state = baseline.state()
    assert state["baseline_weight"] == n
    assert np.allclose(state["baseline_mean"], mean.astype(float), rtol=1e-14, atol=1e-14)
    expected = ((z - mean).T @ (z - mean)).astype(float)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert (np.abs(state["baseline_comoment"] - expected) <= 1e-9 * scale + 1e-12).all()
    assert np.array_equal(state["baseline_comoment"], state["baseline_comoment"].T)


def test_a_forgotten_past_leaves_no_rounding_error(rng):
    observations, steps, targets = data(rng)
    fresh, used = fastpg.LinearBaseline(4), fastpg.LinearBaseline(4)
    used.fit(observations, steps, targets + 1e12)
    for baseline in (fresh, used):
        baseline.fit(observations, steps, targets)
    assert np.array_equal(fresh.weights, used.weights)


def test_what_cannot_be_fitted_changes_nothing(rng):
    observations, steps, targets = data(rng)
    baseline = fastpg.LinearBaseline(4, memory=0.5)
    baseline.fit(observations, steps, targets)
    before, weights = baseline.state(), baseline.weights.copy()
    for name, bad, at, text in [
        ("observations", np.nan, (200, 3), r"observations: .* got nan at index \(200, 3\)"),
        ("observations", np.inf, (299, 0), r"observations: .* got inf at index \(299, 0\)"),
        ("targets", -np.inf, 17, r"targets: .* got -inf at index \(17,\)"),
        ("targets", 1e200, 17, "squares can be summed"),
    ]:
        given = {"observations": observations.copy(), "targets": targets.copy()}
        given[name][at] = bad
        with pytest.raises(ValueError, match=text) as error:
            baseline.fit(given["observations"], steps, given["targets"])
        notes = getattr(error.value, "__notes__", [])
        assert any("more samples a batch" in note for note in notes) == ("squares" in text)
        if name == "observations":
            for read in (baseline.predict, baseline.features):
                with pytest.raises(ValueError, match=text):
                    read(given["observations"], steps)
    with pytest.raises(ValueError, match="targets: expected size 300, got 299"):
        baseline.fit(observations, steps, targets[1:])
    after = baseline.state()
    assert all(np.array_equal(before[key], after[key]) for key in before)
    assert np.array_equal(baseline.weights, weights)


def test_a_fit_that_cannot_be_solved_changes_nothing(rng):
    observations, steps, targets = data(rng)
    baseline = fastpg.LinearBaseline(4, memory=0.5)
    baseline.ridge = 1e-300  # not to be had otherwise
    baseline.fit(observations, steps, targets)
    before, weights = baseline.state(), baseline.weights.copy()
    baseline.memory = 0.0
    flags = (observations > 0).astype(np.float32)  # their squares are themselves
    with pytest.raises(ValueError, match="positive semi-definite"):
        baseline.fit(flags, steps, targets)
    after = baseline.state()
    assert all(np.array_equal(before[key], after[key]) for key in before)
    assert np.array_equal(baseline.weights, weights)
