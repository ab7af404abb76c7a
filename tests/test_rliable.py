"""Statistics against rliable, on the same scores with the same draws."""

import numpy as np
import pytest

from fastpg.experiments import Results
from fastpg.experiments import statistics as st

try:
    from rliable import library, metrics
except Exception as error:  # with pandas 3 its dependencies raise a TypeError
    pytest.skip(f"rliable is not installed, or not usable: {error}", allow_module_level=True)

SHAPES = [(5, 2), (11, 3), (50, 7), (300, 4)]
REPS = 60


def replay(monkeypatch, shapes, seeds):
    """Make bootstraps of rliable draw what ours draw."""
    counts = [
        st.resample_counts(*shape, n_bootstraps=REPS, seed=seed)
        for shape, seed in zip(shapes, seeds, strict=True)
    ]
    at = [iter(each) for each in counts]

    def rows(k):
        drawn = [np.repeat(np.arange(len(times)), times) for times in next(at[k])]
        return np.stack(drawn, axis=1), np.arange(shapes[k][1])

    def alone(self):
        return rows(0)

    def several(self):
        return [rows(k) for k in range(len(shapes))], {}

    monkeypatch.setattr(library.StratifiedBootstrap, "update_indices", alone)
    monkeypatch.setattr(library.StratifiedIndependentBootstrap, "update_indices", several)


def theirs(monkeypatch, scores, function, seeds=(3,)):
    arrays = scores if isinstance(scores, list) else [scores]
    replay(monkeypatch, [array.shape[:2] for array in arrays], seeds)
    points, ends = library.get_interval_estimates({"a": scores}, function, reps=REPS)
    return points["a"], *ends["a"]


def same(found, expected):
    for ours, their in zip((found.value, found.low, found.high), expected, strict=True):
        assert np.ravel(ours) == pytest.approx(np.ravel(their), rel=1e-12, abs=1e-14)


def scores_of(shape, ties):
    scores = np.random.default_rng(sum(shape)).normal(size=shape)
    return np.round(scores, 1) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_intervals(monkeypatch, shape, ties):
    scores = scores_of(shape, ties)
    for name in ("iqm", "mean", "median", "optimality_gap"):
        of = getattr(metrics, f"aggregate_{name}")
        rest = {"gamma": 0.3} if name == "optimality_gap" else {}
        expected = theirs(
            monkeypatch, scores, lambda x, of=of, rest=rest: np.array([of(x, **rest)])
        )
        target = {"target": 0.3} if rest else {}
        same(st.interval(scores, name, n_bootstraps=REPS, seed=3, **target), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_performance_profiles(monkeypatch, shape):
    scores, at = scores_of(shape, ties=True), np.linspace(-3.0, 3.0, 21)
    expected = theirs(monkeypatch, scores, lambda x: library.score_distributions(x, at))
    same(st.profile_intervals(scores, at, n_bootstraps=REPS, seed=3), expected)


@pytest.mark.parametrize("runs", [9, 20])
def test_probability_of_improvement(monkeypatch, runs):
    x, y = scores_of((20, 3), ties=True), scores_of((runs, 3), ties=True) + 0.2

    def function(one, other):
        return np.array([metrics.probability_of_improvement(one, other)])

    expected = theirs(monkeypatch, [x, y], function, (3, 4))
    same(st.probability_of_improvement(x, y, n_bootstraps=REPS, seed=3), expected)


def test_sample_efficiency_curves(monkeypatch):
    returns = np.random.default_rng(0).normal(size=(25, 2, 6)).cumsum(axis=2)

    def function(x):
        return np.array([metrics.aggregate_iqm(x[..., k]) for k in range(6)])

    replay(monkeypatch, [(25, 2)], (3,))
    update = library.StratifiedBootstrap.update_indices

    def curves(self):
        rows, tasks = update(self)
        return rows[:, :, None], tasks[None, :, None], np.arange(6)

    monkeypatch.setattr(library.StratifiedBootstrap, "update_indices", curves)
    points, ends = library.get_interval_estimates({"a": returns}, function, reps=REPS)
    found = st.curve_intervals(returns, n_bootstraps=REPS, seed=3)
    same(found, (points["a"], *ends["a"]))


def test_results_go_to_rliable_as_they_are():
    results = Results(["a", "b"], list(range(12)), [10])
    results.returns[:] = np.random.default_rng(1).normal(size=results.returns.shape)
    results.seconds[:] = 1.0
    points, ends = library.get_interval_estimates(
        results.to_rliable(), lambda x: np.array([metrics.aggregate_iqm(x)]), reps=20
    )
    for name in ("a", "b"):
        assert points[name] == pytest.approx([st.iqm(results.of(name)[:, -1])])
        assert ends[name].shape == (2, 1)
    profiles, _ = library.create_performance_profile(results.to_rliable(), np.zeros(1), reps=20)
    assert profiles["b"] == st.performance_profile(results.of("b")[:, -1], [0.0])
