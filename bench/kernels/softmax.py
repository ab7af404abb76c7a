"""Gradient, Fisher product and natural gradient of a softmax, compared with NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

import fastpg
from kernels import Case, bench
from kernels.torch_baseline import Problem, double_backward

SIZES = ((2048, 4, 2), (2048, 32, 8))
BOUND = "multiply-adds"


@dataclass(frozen=True)
class Batch:
    policy: fastpg.LinearSoftmax
    phi: np.ndarray
    log_pi: np.ndarray
    actions: np.ndarray
    advantages: np.ndarray
    vector: np.ndarray

    @property
    def size(self) -> str:
        return f"n={len(self.phi)} d={self.policy.shape[0]} A={self.policy.shape[1]}"

    @property
    def flops(self) -> float:
        """Of phi times a matrix of the shape of theta without a column, or of its transpose."""
        d, n_actions = self.policy.shape
        return 2.0 * len(self.phi) * d * (n_actions - 1)


def _batch(n: int, d: int, n_actions: int) -> Batch:
    rng = np.random.default_rng(0)
    policy = fastpg.LinearSoftmax(d, n_actions, 0.3 * rng.normal(size=(d + 1, n_actions)))
    phi = policy.features(rng.normal(size=(n, d)))
    return Batch(
        policy=policy,
        phi=phi,
        log_pi=policy.log_probs(phi),
        actions=policy.sample(policy.log_probs(phi), rng.random(n) * 0.98 + 0.01),
        advantages=rng.normal(size=n),
        vector=rng.normal(size=policy.shape),
    )


def numpy_gradient(b: Batch) -> np.ndarray:
    residual = -np.exp(b.log_pi)
    residual[np.arange(len(b.actions)), b.actions] += 1.0
    return b.phi.T @ (residual * b.advantages[:, None]) / len(b.phi)


def numpy_fisher_product(b: Batch, vector: np.ndarray) -> np.ndarray:
    pi = np.exp(b.log_pi)
    u = b.phi @ vector
    return b.phi.T @ (pi * (u - np.sum(pi * u, axis=1, keepdims=True))) / len(b.phi)


def _pair(
    name: str,
    b: Batch,
    ours: Callable[[], np.ndarray],
    label: str,
    theirs: Callable[[], np.ndarray],
    tolerance: float,
    passes: int = 2,
) -> Case:
    def check() -> None:
        assert np.allclose(ours(), theirs(), rtol=tolerance, atol=tolerance)

    return Case(
        name, b.size, ours, {label: theirs}, check, len(b.phi), "samples",
        bound=BOUND, flops=passes * b.flops,
    )  # fmt: skip


@bench
def log_prob_gradient() -> Iterator[Case]:
    """mean_i w_i grad ln pi(a_i|s_i)."""
    for size in SIZES:
        b = _batch(*size)
        yield _pair(
            "log-prob gradient",
            b,
            lambda b=b: b.policy.score_gradient(b.phi, b.log_pi, b.actions, b.advantages),
            "NumPy",
            lambda b=b: numpy_gradient(b),
            1e-12,
            passes=1,  # ln pi is given
        )


@bench
def fisher_product() -> Iterator[Case]:
    """F v with the action summed out."""
    for size in SIZES:
        b = _batch(*size)
        yield _pair(
            "Fisher product",
            b,
            lambda b=b: b.policy.fisher_vector_product(b.phi, b.log_pi, b.vector),
            "NumPy",
            lambda b=b: numpy_fisher_product(b, b.vector),
            1e-12,
        )


def _cg_steps(b: Batch, gradient: np.ndarray) -> int:
    """Products with F; with one dense matrix instead there are fewer operations."""
    return fastpg.natural_gradient(
        b.policy, b.phi, b.log_pi, gradient, cg_max_steps=200, cg_tol=1e-10
    ).iterations


def scipy_natural_gradient(b: Batch, gradient: np.ndarray, damping: float) -> np.ndarray:
    shape = b.policy.shape
    operator = LinearOperator(
        (gradient.size,) * 2,
        matvec=lambda v: numpy_fisher_product(b, v.reshape(shape)).ravel() + damping * v,
    )
    x, _ = cg(operator, gradient.ravel(), rtol=1e-10, maxiter=200)
    return x.reshape(shape)


@bench
def natural_gradient() -> Iterator[Case]:
    """(F + damping I)^-1 g by conjugate gradient to a relative residual of 1e-10."""
    for size in SIZES:
        b = _batch(*size)
        gradient = numpy_gradient(b)

        def ours(b: Batch = b, g: np.ndarray = gradient) -> np.ndarray:
            return fastpg.natural_gradient(
                b.policy, b.phi, b.log_pi, g, cg_max_steps=200, cg_tol=1e-10
            ).direction

        damping = fastpg.natural_gradient(b.policy, b.phi, b.log_pi, gradient).damping
        yield _pair(
            "natural gradient",
            b,
            ours,
            "SciPy cg",
            lambda b=b, g=gradient, d=damping: scipy_natural_gradient(b, g, d),
            1e-6,
            passes=2 * _cg_steps(b, gradient),
        )


def numpy_solve(b: Batch, damping: float, steps: int) -> np.ndarray:
    """The gradient and `steps` iterations of conjugate gradient."""
    pi = np.exp(b.log_pi)
    residual = -pi
    residual[np.arange(len(b.actions)), b.actions] += 1
    g = b.phi.T @ (residual * b.advantages[:, None]) / len(b.phi)
    x, r = np.zeros_like(g), g.copy()
    p, rho = r.copy(), np.sum(r * r)
    for _ in range(steps):
        u = b.phi @ p
        w = pi * (u - np.sum(pi * u, axis=1, keepdims=True))
        q = b.phi.T @ w / len(b.phi) + damping * p
        alpha = rho / np.sum(p * q)
        x, r = x + alpha * p, r - alpha * q
        before, rho = rho, np.sum(r * r)
        p = r + rho / before * p
    return x


SOLVES = ((10_000, 5, 2), (10_000, 256, 4), (50_000, 128, 8))
CG_STEPS = 10
THREADS = 2


@bench
def gradient_and_natural_gradient() -> Iterator[Case]:
    """A gradient and 10 iterations of conjugate gradient, with two threads each."""
    for n, d, n_actions in SOLVES:
        b = _batch(n, d - 1, n_actions)
        damping = fastpg.natural_gradient(b.policy, b.phi, b.log_pi, numpy_gradient(b)).damping

        def ours(b: Batch = b) -> np.ndarray:
            g = b.policy.score_gradient(
                b.phi, b.log_pi, b.actions, b.advantages, num_threads=THREADS
            )
            return fastpg.natural_gradient(
                b.policy, b.phi, b.log_pi, g,
                cg_max_steps=CG_STEPS, cg_tol=0.0, num_threads=THREADS,
            ).direction  # fmt: skip

        baselines: dict[str, Callable[[], object]] = {
            "NumPy": lambda b=b, c=damping: numpy_solve(b, c, CG_STEPS)
        }
        torch = double_backward(
            Problem(b.phi, b.policy.theta, b.actions, b.advantages, damping, CG_STEPS, THREADS)
        )
        if torch is not None:
            baselines["PyTorch float32"] = torch

        def check(b: Batch = b, ours=ours, c=damping, torch=torch) -> None:
            expected = numpy_solve(b, c, CG_STEPS)
            for got in [ours()] if torch is None else [ours(), torch()]:
                allowed = 1e-9 if got.dtype == np.float64 else 1e-2
                assert np.abs(got - expected).max() <= allowed * np.abs(expected).max()

        yield Case(
            "gradient + natural gradient, float64",
            b.size,
            ours,
            baselines,
            check,
            len(b.phi),
            "samples",
            bound=BOUND,
            flops=(1 + 2 * CG_STEPS) * b.flops,
            threads=THREADS,
        )
