"""Statistics over runs: by hand, against SciPy, and against plain loops."""

import numpy as np
import pytest

from fastpg.experiments import statistics as st


def test_by_hand():
    scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0]
    assert st.iqm(scores) == 4.5  # 3, 4, 5, 6
    assert st.mean(scores) == 16.0
    assert st.median(scores) == 4.5
    assert st.iqm([5.0]) == 5.0
    assert st.iqm([1.0, 2.0, 9.0]) == 4.0  # nothing is cut of fewer than four
    assert st.optimality_gap(scores, 4.0) == pytest.approx(0.75)  # 3, 2 and 1 are missing
    table = [[0.0, 10.0], [2.0, 30.0], [4.0, 20.0]]
    assert st.median(table) == 11.0  # of the means 2 and 20
    assert st.performance_profile([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 4.0]).tolist() == [1.0, 0.5, 0.0]


def test_the_interquartile_mean_is_scipy_s_trimmed_mean(rng):
    stats = pytest.importorskip("scipy.stats")
    for shape in [(1,), (2,), (3,), (4,), (5,), (7,), (50,), (13, 3), (50, 4)]:
        scores = rng.normal(size=shape)
        assert st.iqm(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))


@pytest.mark.parametrize("shape", [(20,), (10, 3)])
@pytest.mark.parametrize("statistic", ["iqm", "mean", "median"])
def test_the_bootstrap_is_that_of_a_loop(monkeypatch, rng, shape, statistic):
    """Also where the resamples are made in several parts."""
    scores = rng.normal(size=shape)
    found = st.interval(scores, statistic, n_bootstraps=300, seed=5)
    table = scores.reshape(len(scores), -1)
    rows = np.random.default_rng(5).integers(len(table), size=(300, *table.shape))
    of = getattr(st, statistic)
    each = [of(np.take_along_axis(table, r, axis=0)) for r in rows]
    low, high = np.quantile(each, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.value == pytest.approx(of(scores))
    monkeypatch.setattr(st, "_NUMBERS_AT_ONCE", 7 * scores.size)
    assert st.interval(scores, statistic, n_bootstraps=300, seed=5).value == found.value


def test_intervals_cover_the_mean():
    """A percentile interval of 30 runs covers about 93 % of the time."""
    rng = np.random.default_rng(0)
    hits = 0
    for k in range(300):
        found = st.interval(rng.normal(size=30), "mean", n_bootstraps=400, seed=k)
        hits += found.low <= 0.0 <= found.high
    assert 0.87 < hits / 300 < 0.98


def test_probability_of_improvement(rng):
    assert st.probability_of_improvement([2.0, 3.0], [1.0, 2.0]).value == 3.5 / 4
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)) + 0.3
    found = st.probability_of_improvement(x, y, n_bootstraps=200)
    stats = pytest.importorskip("scipy.stats")
    expected = [
        stats.mannwhitneyu(x[:, k], y[:, k]).statistic / (len(x) * len(y)) for k in range(2)
    ]
    assert found.value == pytest.approx(np.mean(expected))
    assert found.low < found.value < found.high
    other = st.probability_of_improvement(y, x, n_bootstraps=200)
    assert found.value + other.value == pytest.approx(1.0)


def test_curves():
    steps = [100.0, 200.0, 400.0]
    returns = [[0.0, 10.0, 20.0], [5.0, 5.0, 5.0]]
    assert st.area_under_curve(steps, returns).tolist() == [pytest.approx(3500 / 300), 5.0]
    at, reached = st.steps_to_threshold(steps, returns, 10.0)
    assert at.tolist() == [200.0, 400.0]
    assert reached.tolist() == [True, False]


def test_the_median_of_censored_steps():
    assert st.median_steps([1.0, 2.0, 3.0], [True, True, True]) == 2.0
    assert st.median_steps([1.0, 9.0, 9.0], [True, False, False]) == np.inf
    # Kaplan & Meier by hand: 1 - 1/4 = 3/4 at 1; the one censored at 2 leaves; 3/4 (1 - 1/2) at 3.
    assert st.median_steps([1.0, 2.0, 3.0, 9.0], [True, False, True, False]) == 3.0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: st.iqm([]), ValueError, "at least one"),
        (lambda: st.iqm([1.0, np.nan]), ValueError, "scores: expected finite"),
        (lambda: st.iqm("abc"), TypeError, "scores"),
        (lambda: st.interval([1.0], "best"), ValueError, "expected one of iqm, mean, median"),
        (lambda: st.interval([1.0], confidence=1.0), ValueError, "confidence"),
        (lambda: st.interval([1.0], n_bootstraps=0), ValueError, "n_bootstraps"),
        (lambda: st.probability_of_improvement([[1.0, 2.0]], [[1.0]]), ValueError, "2 tasks"),
        (lambda: st.area_under_curve([1.0], [[1.0]]), ValueError, "two points"),
        (lambda: st.area_under_curve([2.0, 1.0], [[1.0, 1.0]]), ValueError, "increasing"),
    ],
)
def test_wrong_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call()
