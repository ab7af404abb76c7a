"""The linear baseline on observations of hundreds of numbers, of which few may vary."""

import itertools

import numpy as np
import pytest
from hypothesis import strategies

import fastpg
from properties import tried_on

# Columns of zeros, of another constant, and of one-hot codes; 1,024 and more are added in longer
# blocks than 130.
SIZES = (130, 300)
LONG = [(kind, 1030, 0.6) for kind in ("dense", "one-hot", "none varies")]


def fitted_by_least_squares(batches, memory, ridge):
    """A function of observations: least squares of weighted, standardised rows and a penalty."""
    ages = np.arange(len(batches))[::-1]
    x = np.vstack([states for states, _ in batches]).astype(np.float64).clip(-10.0, 10.0)
    y = np.concatenate([targets for _, targets in batches])
    counts = [len(targets) for _, targets in batches]
    weight = np.repeat(np.where(ages > 0, float(memory) ** ages, 1.0), counts)
    weight /= weight.sum()
    center, middle = weight @ x, weight @ y
    deviation = np.sqrt(weight @ (x - center) ** 2)
    varies = deviation > 1e-12 * (1.0 + np.abs(center))
    z = (x - center)[:, varies] / deviation[varies]
    rows = np.sqrt(weight)[:, None]
    matrix = np.vstack([rows * z, np.sqrt(ridge) * np.eye(z.shape[1])])
    wanted = np.concatenate([rows[:, 0] * (y - middle), np.zeros(z.shape[1])])
    if ridge >= 0.1:  # well conditioned
        w = np.linalg.solve(matrix.T @ matrix, matrix.T @ wanted)
    else:
        q, r = np.linalg.qr(matrix)
        w = np.linalg.solve(r, q.T @ wanted)

    def predict(states):
        given = states.astype(np.float64).clip(-10.0, 10.0)
        return middle + (given - center)[:, varies] / deviation[varies] @ w

    return predict


def states_of(rng, kind, n, size):
    states = np.zeros((n, size), dtype=np.float32)
    if kind == "dense":
        states[:] = 20.0 * rng.normal(size=(n, size))  # some are clipped
    elif kind == "one-hot":
        states[np.arange(n), rng.integers(0, size // 2, n)] = 1.0
    elif kind == "some vary":
        states[:, ::3] = 0.7
        states[:, 5:12] = rng.normal(size=(n, 7))
    elif kind == "twice the same":
        states[:, : size // 2] = rng.normal(size=(n, size // 2))
        states[n // 2 :] = states[: n - n // 2]
    return states


KINDS = ("dense", "one-hot", "some vary", "twice the same", "none varies")


@pytest.mark.parametrize(
    ("kind", "size", "memory"), [*itertools.product(KINDS, SIZES, (0.0, 0.6, 1.0)), *LONG]
)
def test_against_least_squares(rng, kind, size, memory):
    baseline = fastpg.LinearBaseline(size, memory=memory, ridge=0.2, time=False)
    batches = []
    for n in (70, 1, 300):
        states, targets = states_of(rng, kind, n, size), 5.0 + rng.normal(size=n)
        baseline.fit(states, np.zeros(n, np.int64), targets)
        batches.append((states, targets))
        expected = fitted_by_least_squares(batches, memory, 0.2)(states)
        found = baseline.predict(states, np.zeros(n, np.int64))
        assert np.allclose(found, expected, atol=1e-10)


@tried_on(10, 100, 1000)(
    strategies.tuples(
        strategies.integers(0, 10**6),
        strategies.sampled_from(KINDS),
        strategies.integers(129, 300),
        strategies.lists(strategies.integers(1, 260), min_size=1, max_size=4),
        strategies.sampled_from([0.0, 0.3, 0.9, 1.0]),
        strategies.sampled_from([1e-6, 1e-2, 1.0]),
    )
)
def test_any_batches_against_least_squares(case):
    seed, kind, size, counts, memory, ridge = case
    rng = np.random.default_rng(seed)
    baseline = fastpg.LinearBaseline(size, memory=memory, ridge=ridge, time=False)
    batches = []
    for n in counts:
        batches.append((states_of(rng, kind, n, size), rng.normal(size=n)))
        baseline.fit(batches[-1][0], np.zeros(n, np.int64), batches[-1][1])
    states = np.vstack([states for states, _ in batches])
    expected = fitted_by_least_squares(batches, memory, ridge)(states)
    found = baseline.predict(states, np.zeros(len(states), np.int64))
    assert np.allclose(found, expected, atol=1e-13 / ridge + 1e-10)


def test_worked_by_hand():
    """A Discrete(300) in its states 3 and 5 alone: both columns say the same, with opposite signs.

    Standardised they are z and -z with z = +-1; the fit a z + b (-z) has a = -b, and
    (1 + ridge) a + a = cov(z, y) = 2 for the targets 1 and 5 in turns.
    """
    states = np.zeros((2, 300), dtype=np.float32)
    states[0, 3] = states[1, 5] = 1.0
    baseline = fastpg.LinearBaseline(300, ridge=0.5, time=False)
    baseline.fit(states, [0, 1], [1.0, 5.0])
    slope = 2.0 / 2.5
    found = baseline.predict(states, [0, 1])
    assert np.allclose(found, [3.0 - 2.0 * slope, 3.0 + 2.0 * slope], rtol=1e-14)
    assert np.count_nonzero(baseline.weights[1:]) == 2


def test_columns_that_never_vary_change_nothing(rng):
    """The same values as those of the columns that do, in a narrow baseline without products."""
    n = 200
    part = rng.normal(size=(n, 129)).astype(np.float32)
    whole = np.full((n, 1030), 0.3, dtype=np.float32)
    whole[:, 400:529] = part
    steps, targets = rng.integers(0, 90, n), rng.normal(size=n)
    narrow, wide = fastpg.LinearBaseline(129, memory=0.5), fastpg.LinearBaseline(1030, memory=0.5)
    for some in (slice(0, 90), slice(90, n)):
        narrow.fit(part[some], steps[some], targets[some])
        wide.fit(whole[some], steps[some], targets[some])
    assert np.allclose(wide.predict(whole, steps), narrow.predict(part, steps), atol=1e-11)


@pytest.mark.parametrize("memory", [0.0, 0.6])
def test_moments_of_few_and_of_many_columns_that_vary_have_the_same_bits(rng, memory):
    """Columns of zeros are left out of products, and leave no sign of it."""
    few, many = fastpg.LinearBaseline(150, memory=memory), fastpg.LinearBaseline(150, memory=memory)
    for _ in range(3):
        states = states_of(rng, "one-hot", 130, 150)
        targets, steps = rng.normal(size=130), np.arange(130)
        few.fit(states, steps, targets)
        states[:, 75:] = rng.normal(size=(130, 75))
        many.fit(states, steps, targets)
    rows = [*range(75), 150, 151, 152, 153]
    for name in ("baseline_mean", "baseline_comoment"):
        one, other = few.state()[name], many.state()[name]
        at = np.ix_(*[rows] * one.ndim)
        assert one[at].tobytes() == other[at].tobytes()


def test_a_restored_baseline_goes_on_with_the_same_bits(rng):
    baseline = fastpg.LinearBaseline(300, memory=0.6)
    steps = np.arange(100)
    for _ in range(2):
        baseline.fit(states_of(rng, "one-hot", 100, 300), steps, rng.normal(size=100))
    restored = fastpg.LinearBaseline(300, memory=0.6)
    restored.restore(baseline.state())
    assert np.array_equal(restored.weights, baseline.weights)
    states, targets = states_of(rng, "one-hot", 100, 300), rng.normal(size=100)
    for one in (baseline, restored):
        one.fit(states, steps, targets)
    assert np.array_equal(restored.weights, baseline.weights)
    for name, array in baseline.state().items():
        assert np.array_equal(array, restored.state()[name])


@pytest.mark.parametrize("at", [(0, 0), (69, 199), (35, 17)])
def test_what_is_not_finite_in_a_row_of_zeros_is_found(at):
    states = np.zeros((70, 200), dtype=np.float32)
    states[at] = np.nan
    baseline = fastpg.LinearBaseline(200)
    with pytest.raises(
        ValueError, match=rf"observations: .* got nan at index \({at[0]}, {at[1]}\)"
    ):
        baseline.fit(states, np.zeros(70, np.int64), np.zeros(70))
    assert baseline.weights is None
