"""The vector functions against mpmath: at most 1 ulp wherever they are defined."""

import mpmath
import numpy as np
import pytest
from hypothesis import strategies as st

from fastpg import _core
from properties import tried_on

doubles = tried_on(60, 3000, 1_000_000)

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
    assert_within_one_ulp(rng.uniform(-scale, scale, 100))


def test_neighbours_of_multiples_of_a_quarter_turn():
    k = np.concatenate([np.arange(-40, 41), [1000, 99_991, 636_619]])
    near = k * (np.pi / 2)
    assert_within_one_ulp(np.concatenate([near, np.nextafter(near, 1e9), np.nextafter(near, -1e9)]))


@doubles(st.floats(allow_nan=False, allow_infinity=False))
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


def assert_exp_and_log(x):
    for one, e in zip(x, _core.exp(np.array(x, dtype=np.float64)), strict=True):
        assert ulps(e, mpmath.exp(mpmath.mpf(float(one)))) <= 1.0, float(one).hex()
    positive = np.exp2(np.array(x) / 708.0 * 1020.0)
    for one, y in zip(positive, _core.log(positive), strict=True):
        if one != 1.0:
            assert ulps(y, mpmath.log(mpmath.mpf(float(one)))) <= 1.0, float(one).hex()


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 0.2, 0.7, 3.0, 40.0, 708.0])
def test_exponentials_and_logarithms(rng, scale):
    assert_exp_and_log(rng.uniform(-scale, scale, 100))


@doubles(st.floats(-708.0, 708.0))
def test_exponential_and_logarithm_of_any_double(x):
    assert_exp_and_log([x])


def test_special_exponentials():
    x = np.array([0.0, -0.0, 709.0, 710.0, -708.0, -709.0, np.inf, -np.inf, np.nan])
    found = _core.exp(x)
    assert found[:2].tolist() == [1.0, 1.0]
    assert found[3:8].tolist() == [np.inf, found[4], 0.0, np.inf, 0.0]
    assert np.isnan(found[8])


def test_logarithm_near_one():
    x = np.concatenate([1.0 + np.arange(-40, 41) * 2.0**-52, [np.sqrt(0.5), np.sqrt(2.0)]])
    for one, y in zip(x, _core.log(x), strict=True):
        true = mpmath.log(mpmath.mpf(float(one)))
        assert y == 0.0 if one == 1.0 else ulps(y, true) <= 1.0
