"""Statistics between the estimates and the step."""

import numpy as np
import pytest

from fastpg import _core
from fastpg.functional.advantages import prediction_error, standardize


def test_numbers_whose_squares_overflow_are_standardised():
    found = standardize(np.array([1e200, -1e200, 3e200]))
    assert np.allclose(found, standardize(np.array([1.0, -1.0, 3.0])), rtol=1e-7)


@pytest.mark.parametrize("n", [2, 7, 8, 9, 1000])
def test_standardized_numbers(rng, n):
    x = rng.normal(3.0, 5.0, n)
    found = standardize(x)
    assert np.allclose(found, (x - x.mean()) / (x.std() + 1e-8), rtol=1e-12, atol=1e-12)


def test_constants_become_zero():
    assert not standardize(np.full(999, 123456789.1)).any()
    assert standardize(np.array([5.0])).tolist() == [0.0]
    assert standardize(np.array([1e9, 1e9 + 1.0])) == pytest.approx([-1.0, 1.0], rel=1e-6)


def test_prediction_error_by_hand():
    targets = np.array([1.0, 2.0, 3.0])
    assert prediction_error(targets, targets) == (1.0, 0.0)
    assert prediction_error(np.full(3, 2.0), targets) == pytest.approx((0.0, 2.0 / 3.0))
    assert prediction_error(targets, np.ones(3)) == pytest.approx((0.0, 5.0 / 3.0))


@pytest.mark.parametrize("n", [1, 5, 64, 777])
def test_prediction_error_of_random_numbers(rng, n):
    values, targets = rng.normal(size=(2, n))
    explained, square = prediction_error(values, targets)
    expected = 1.0 - np.var(targets - values) / np.var(targets) if n > 1 else 0.0
    assert explained == pytest.approx(expected, abs=1e-12)
    assert square == pytest.approx(np.mean((targets - values) ** 2), rel=1e-12)


@pytest.mark.parametrize("bad", [np.zeros(0), np.array([np.nan, 1.0]), np.array([np.inf])])
def test_statistics_refuse_what_is_not_finite(bad):
    with pytest.raises(ValueError, match="values: expected"):
        _core.standardize(bad)
    with pytest.raises(ValueError, match="values: expected"):
        _core.prediction_error(bad, bad)
