"""Statistics over runs: by hand, against SciPy, and against plain loops."""

import numpy as np
import pytest

from fastpg import _core
from fastpg.experiments import resampling
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


def resampled(table, counts):
    """A resample (runs, tasks) of a table by how often each run is drawn, (tasks, runs)."""
    columns = [np.repeat(column, times) for column, times in zip(table.T, counts, strict=True)]
    return np.stack(columns, axis=1)


def resamples(table, count, seed):
    counts = st.resample_counts(*table.shape, n_bootstraps=count, seed=seed)
    return [resampled(table, each) for each in counts]


SHAPES = [(1,), (2,), (3,), (5,), (8,), (20,), (10, 3), (1, 4), (1000,), (300, 4), (1400, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("statistic", ["iqm", "mean", "median", "optimality_gap"])
def test_the_bootstrap_is_that_of_a_loop(rng, shape, ties, statistic):
    scores = rng.normal(size=shape)
    scores = np.round(scores) if ties else scores
    rest = (0.5,) if statistic == "optimality_gap" else ()
    target = {"target": 0.5} if rest else {}
    found = st.interval(scores, statistic, n_bootstraps=40, seed=5, **target)
    of = getattr(st, statistic)
    each = [of(x, *rest) for x in resamples(scores.reshape(len(scores), -1), 40, 5)]
    low, high = np.quantile(each, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.value == pytest.approx(of(scores, *rest))


def drawn(runs, seed, resample, task):
    """The runs of a resample, in Python's integers, from blocks of Philox."""
    per_word = next(k for k in (8, 5, 3, 2, 1) if k == 1 or runs**k <= 2**52)
    seed_key = [seed % 2**32, seed >> 32]
    key = _core.philox4x32([_core.RandomStream.bootstrap.value, 0, 0, 0], seed_key)[:2]
    blocks, out, first = min((-(-runs // per_word) + 1) // 2, 128), [], 0
    while len(out) < runs:
        made = [
            _core.philox4x32([first + i, task, resample % 2**32, resample >> 32], key)
            for i in range(blocks)
        ]
        first += blocks
        words = [b[0] + (b[1] << 32) for b in made] + [b[2] + (b[3] << 32) for b in made]
        for word in words:
            number, rest = divmod(word * runs**per_word, 2**64)
            if rest >= 2**64 % runs**per_word:
                out += [number // runs**k % runs for k in range(per_word - 1, -1, -1)]
    return out[:runs]


@pytest.mark.parametrize("runs", [1, 2, 7, 90, 91, 1000, 1351, 1352, 165140, 165141])
def test_draws_are_digits_of_words_of_philox(runs):
    first, seed = 2**33 + 1, 2**40 + 3
    found = st.resample_counts(runs, 2, n_bootstraps=2, seed=seed, first=first)
    assert found.shape == (2, 2, runs)
    for resample, task in [(0, 0), (1, 1)]:
        numbers = drawn(runs, seed, first + resample, task)
        assert np.array_equal(found[resample, task], np.bincount(numbers, minlength=runs))


@pytest.mark.parametrize("runs", [2, 90, 91, 1000, 1352])
def test_draws_are_uniform_and_independent(runs):
    """Chi-squared of all draws, and the variance of a run's count, that of a binomial one."""
    count = 200_000 // runs + 200
    found = st.resample_counts(runs, 3, n_bootstraps=count, seed=1).astype(float)
    assert (found.sum(axis=2) == runs).all()
    times = found.sum(axis=(0, 1))
    chi = ((times - 3 * count) ** 2 / (3 * count)).sum()
    assert abs(chi - (runs - 1)) < 5 * np.sqrt(2 * (runs - 1))
    assert found.var() == pytest.approx(1 - 1 / runs, rel=0.05)
    between = np.corrcoef(found[:, 0].ravel(), found[:, 1].ravel())[0, 1]
    assert abs(between) < 5 / np.sqrt(count * runs)
    after = np.corrcoef(found[:-1, 0].ravel(), found[1:, 0].ravel())[0, 1]
    assert abs(after) < 5 / np.sqrt(count * runs)


@pytest.mark.parametrize("statistic", list(_core.ScoreStatistic))
def test_any_number_of_threads_gives_the_same_bits(rng, statistic):
    scores = rng.normal(size=(40, 700))
    alone = _core.bootstrap(scores, statistic, 3, 200, 1)
    for threads in (2, 5):
        assert np.array_equal(alone, _core.bootstrap(scores, statistic, 3, 200, threads))
    counts = _core.resample_counts(40, 700, 3, 0, 100, 1)
    assert np.array_equal(counts, _core.resample_counts(40, 700, 3, 0, 100, 3))
    assert np.array_equal(counts[60:], _core.resample_counts(40, 700, 3, 60, 40, 2))


def test_curves_share_their_draws(rng):
    returns = rng.normal(size=(30, 2, 4)).cumsum(axis=2)
    for statistic, target in (("iqm", None), ("optimality_gap", 1.0)):
        found = st.curve_intervals(returns, statistic, n_bootstraps=50, seed=2, target=target)
        for k in range(4):
            point = st.interval(returns[:, :, k], statistic, n_bootstraps=50, seed=2, target=target)
            assert (found.value[k], found.low[k], found.high[k]) == (
                point.value, point.low, point.high,
            )  # fmt: skip
    alone = st.curve_intervals(returns[:, 0], n_bootstraps=50)
    assert np.array_equal(alone.low, st.curve_intervals(returns[:, :1], n_bootstraps=50).low)


@pytest.mark.parametrize("shape", [(20,), (30, 3)])
def test_profiles_with_intervals_are_those_of_a_loop(monkeypatch, rng, shape):
    scores, at = np.round(rng.normal(size=shape), 1), np.linspace(-3, 3, 13)
    found = st.profile_intervals(scores, at, n_bootstraps=60, seed=4)
    table = scores.reshape(len(scores), -1)
    each = [st.performance_profile(x, at) for x in resamples(table, 60, 4)]
    low, high = np.quantile(each, [0.025, 0.975], axis=0)
    assert np.array_equal(found.value, st.performance_profile(scores, at))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    monkeypatch.setattr(resampling, "_COUNTS_AT_ONCE", 7 * scores.size)  # in several parts
    assert np.array_equal(found.low, st.profile_intervals(scores, at, n_bootstraps=60, seed=4).low)


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


def test_improvement_is_that_of_a_loop(monkeypatch, rng):
    x, y = np.round(rng.normal(size=(12, 2)), 1), np.round(rng.normal(size=(9, 2)), 1)
    found = st.probability_of_improvement(x, y, n_bootstraps=50, seed=2**64 - 1)
    both = zip(resamples(x, 50, 2**64 - 1), resamples(y, 50, 0), strict=True)
    each = [
        np.mean((one[:, None] > other[None]) + 0.5 * (one[:, None] == other[None]))
        for one, other in both
    ]
    low, high = np.quantile(each, [0.025, 0.975])
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    monkeypatch.setattr(resampling, "_COUNTS_AT_ONCE", 7 * x.size)
    again = st.probability_of_improvement(x, y, n_bootstraps=50, seed=2**64 - 1)
    assert again == found


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
        (lambda: st.interval([1.0], "optimality_gap"), TypeError, "target: expected a number"),
        (lambda: st.interval([1.0], target=1.0), TypeError, "target: has a meaning"),
        (lambda: st.interval([1.0], num_threads=0), ValueError, "num_threads"),
        (lambda: st.interval([1.0], seed=-1), ValueError, "seed"),
        (lambda: st.resample_counts(0), ValueError, "runs"),
        (lambda: st.resample_counts(3, 0), ValueError, "tasks"),
        (lambda: st.resample_counts(3, first=-1), ValueError, "first"),
        (lambda: st.resample_counts(2**31 - 1, 2**31 - 1), MemoryError, "alloc"),
        (lambda: st.curve_intervals([1.0]), ValueError, "returns"),
        (lambda: st.profile_intervals([1.0], [np.inf]), ValueError, "thresholds"),
        (lambda: st.probability_of_improvement([1.0], [np.nan]), ValueError, "others"),
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
