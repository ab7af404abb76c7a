"""The linear value baseline, compared with a feature matrix in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastpg
from kernels import Case, bench

SIZES = ((512, 4), (2048, 4), (2048, 17))
RIDGE = 1e-5


def _columns(size: int) -> int:
    """Features: the observation, its products and three powers of time."""
    return size + size * (size + 1) // 2 + 3


def _samples(n: int, size: int):
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(n, size)).astype(np.float32)
    return observations, rng.integers(0, 500, n), rng.normal(size=n)


def numpy_features(observations, steps):
    s = np.clip(observations.astype(np.float64), -10.0, 10.0)
    i, j = np.triu_indices(s.shape[1])
    t = steps[:, None] / 100.0
    return np.hstack([np.ones((len(s), 1)), s, s[:, i] * s[:, j], t, t**2, t**3])


def numpy_fit(observations, steps, targets):
    z = numpy_features(observations, steps)[:, 1:]
    mean, scale = z.mean(axis=0), z.std(axis=0)
    z = (z - mean) / scale
    normal = z.T @ z / len(z) + RIDGE * np.eye(z.shape[1])
    weights = np.linalg.solve(normal, z.T @ (targets - targets.mean()) / len(z)) / scale
    return np.concatenate([[targets.mean() - mean @ weights], weights])


@bench
def baseline_predict() -> Iterator[Case]:
    """Prediction from observations, their squares and products, and the time."""
    for n, size in SIZES:
        observations, steps, targets = _samples(n, size)
        baseline = fastpg.LinearBaseline(size, ridge=RIDGE)
        baseline.fit(observations, steps, targets)

        def ours(b=baseline, o=observations, s=steps):
            return b.predict(o, s)

        def theirs(b=baseline, o=observations, s=steps):
            return numpy_features(o, s) @ b.weights

        def check(ours=ours, theirs=theirs) -> None:
            assert np.allclose(ours(), theirs(), rtol=1e-9, atol=1e-9)

        yield Case(
            "baseline predict", f"n={n} d={size}", ours, {"NumPy": theirs}, check, n, "samples",
            bound="multiply-adds", flops=3.0 * n * _columns(size),
        )  # fmt: skip


@bench
def baseline_fit() -> Iterator[Case]:
    """Ridge regression on the same features."""
    for n, size in SIZES:
        samples = _samples(n, size)
        baseline = fastpg.LinearBaseline(size, ridge=RIDGE)

        def ours(b=baseline, s=samples):
            b.fit(*s)
            return b.weights

        def theirs(s=samples):
            return numpy_fit(*s)

        def check(ours=ours, theirs=theirs) -> None:
            assert np.allclose(ours(), theirs(), rtol=1e-6, atol=1e-8)

        yield Case(
            "baseline fit", f"n={n} d={size}", ours, {"NumPy": theirs}, check, n, "samples",
            bound="multiply-adds", flops=n * _columns(size) * (_columns(size) + 1.0),
        )  # fmt: skip
