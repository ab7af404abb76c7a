"""Conjugate gradient: by hand, against dense algebra, and its statuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpg


def spectrum_matrix(rng, eigenvalues):
    q, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues),) * 2))
    return (q * eigenvalues) @ q.T


def test_two_by_two_by_hand():
    result = fastpg.conjugate_gradient([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0])
    assert np.allclose(result.x, [1 / 11, 7 / 11], atol=1e-15)
    assert (result.status, result.iterations) == ("converged", 2)
    assert result.residual <= 1e-10


@given(seed=st.integers(0, 10**6), size=st.integers(1, 12), damping=st.floats(0, 10))
@settings(max_examples=60, deadline=None)
def test_against_dense_solve(seed, size, damping):
    rng = np.random.default_rng(seed)
    a = spectrum_matrix(rng, rng.uniform(0.1, 10.0, size))
    b = rng.normal(size=size)
    result = fastpg.conjugate_gradient(a, b, max_steps=10 * size, tol=1e-12, damping=damping)
    expected = np.linalg.solve(a + damping * np.eye(size), b)
    assert result.status == "converged"
    assert np.allclose(result.x, expected, rtol=1e-8, atol=1e-10)


def test_singular_matrix_with_rhs_in_its_range(rng):
    a = spectrum_matrix(rng, np.array([0.0, 0.0, 1.0, 2.0, 3.0]))
    b = a @ rng.normal(size=5)
    result = fastpg.conjugate_gradient(a, b, max_steps=20, tol=1e-12)
    assert result.status == "converged"
    assert np.allclose(result.x, np.linalg.pinv(a) @ b, atol=1e-10)


def test_steps_along_the_null_space_are_not_taken(rng):
    a = spectrum_matrix(rng, np.array([0.0] * 10 + [1.0, 2.0, 3.0]))
    b = rng.normal(size=13)
    result = fastpg.conjugate_gradient(a, b, max_steps=20, tol=1e-12)
    assert result.status == "bad_curvature"
    assert np.linalg.norm(result.x) < 100 * np.linalg.norm(b)


def test_ill_conditioned_matrix(rng):
    a = spectrum_matrix(rng, np.logspace(-6, 0, 6))
    b = rng.normal(size=6)
    result = fastpg.conjugate_gradient(a, b, max_steps=100, tol=1e-10)
    assert result.status == "converged"
    assert np.linalg.norm(a @ result.x - b) <= 1e-8 * np.linalg.norm(b)


def test_exact_after_as_many_steps_as_distinct_eigenvalues(rng):
    a = spectrum_matrix(rng, np.array([1.0, 1.0, 1.0, 4.0, 4.0, 9.0]))
    result = fastpg.conjugate_gradient(a, rng.normal(size=6), max_steps=3, tol=1e-12)
    assert result.status == "converged"


def test_residual_is_true_when_stopped_early(rng):
    a = spectrum_matrix(rng, np.linspace(1, 100, 20))
    b = rng.normal(size=20)
    result = fastpg.conjugate_gradient(a, b, max_steps=4, tol=0.0)
    true = np.linalg.norm(b - a @ result.x) / np.linalg.norm(b)
    assert (result.status, result.iterations) == ("max_steps", 4)
    assert result.residual == pytest.approx(true, rel=1e-9)


def test_zero_right_hand_side():
    result = fastpg.conjugate_gradient(np.eye(3), np.zeros(3))
    assert result.status == "zero_rhs"
    assert result.x.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("eigenvalue", [0.0, -1.0])
def test_no_curvature_is_reported_not_repaired(eigenvalue):
    result = fastpg.conjugate_gradient([[1.0, 0.0], [0.0, eigenvalue]], [0.0, 1.0])
    assert result.status == "bad_curvature"
    assert result.x.tolist() == [0.0, 0.0]


def test_overflow_is_not_finite():
    result = fastpg.conjugate_gradient([[1e308, 1e308], [1e308, 1e308]], [1.0, 1.0])
    assert result.status == "not_finite"
    assert np.isfinite(result.x).all()


def test_scale_does_not_matter(rng):
    a = spectrum_matrix(rng, np.linspace(1, 3, 4))
    b = rng.normal(size=4)
    unit = fastpg.conjugate_gradient(a, b, max_steps=50).x
    small = fastpg.conjugate_gradient(1e-150 * a, 1e-150 * b, max_steps=50)
    assert small.status == "converged"
    assert np.allclose(small.x, unit, rtol=1e-9)
