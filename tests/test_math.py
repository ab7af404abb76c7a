"""The vector sine and cosine against mpmath: at most 1 ulp, for any finite double."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastpg import _core

mpmath.mp.prec = 1200  # enough to reduce the largest double by pi


def ulps(value, true):
    return float(abs(mpmath.mpf(value) - true) / mpmath.mpf(float(np.spacing(abs(float(true))))))


def assert_within_one_ulp(x):
    sine, cosine = _core.sincos(np.array(x, dtype=np.float64), False)
    for one, s, c in zip(x, sine, cosine, strict=True):
        assert ulps(s, mpmath.sin(mpmath.mpf(float(one)))) <= 1.0, float(one).hex()
        assert ulps(c, mpmath.cos(mpmath.mpf(float(one)))) <= 1.0, float(one).hex()


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 0.2, 0.8, 3.2, 100.0, 1e5, 1e6, 1e9, 1e300])
def test_random_arguments(rng, scale):
    assert_within_one_ulp(rng.uniform(-scale, scale, 300))


def test_neighbours_of_multiples_of_a_quarter_turn():
    k = np.concatenate([np.arange(-40, 41), [1000, 99_991, 636_619]])
    near = k * (np.pi / 2)
    assert_within_one_ulp(np.concatenate([near, np.nextafter(near, 1e9), np.nextafter(near, -1e9)]))


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=300, deadline=None)
def test_any_finite_double(x):
    assert_within_one_ulp([x])


def test_special_values():
    sine, cosine = _core.sincos(np.array([0.0, -0.0, np.inf, -np.inf, np.nan]), False)
    assert np.signbit(sine[:2]).tolist() == [False, True]
    assert cosine[:2].tolist() == [1.0, 1.0]
    assert np.isnan(sine[2:]).all()
    assert np.isnan(cosine[2:]).all()


def test_exact_is_the_c_library(rng):
    x = rng.uniform(-10, 10, 1000)
    sine, cosine = _core.sincos(x, True)
    assert np.array_equal(sine, np.sin(x))
    assert np.array_equal(cosine, np.cos(x))


def test_pythagoras(rng):
    sine, cosine = _core.sincos(rng.uniform(-1e6, 1e6, 10_000), False)
    assert np.allclose(sine**2 + cosine**2, 1.0, rtol=0, atol=4e-16)
