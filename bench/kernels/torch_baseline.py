"""Gradient and natural gradient by PyTorch's double backpropagation, if it is installed.

PyTorch runs in a separate process, with this file as its script: together with NumPy's threads in
one process it would be many times slower.
"""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A batch, and options of the solver."""

    phi: np.ndarray
    theta: np.ndarray
    actions: np.ndarray
    weights: np.ndarray
    damping: float
    steps: int
    num_threads: int


def double_backward(problem: Problem) -> Callable[[], Any] | None:
    """A solver in float32 that builds the graph of the KL once per call; None without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return None
    worker = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    _send(vars(problem), worker.stdin)

    def solve() -> np.ndarray:
        assert worker.stdin is not None
        assert worker.stdout is not None
        _send("solve", worker.stdin)
        return pickle.load(worker.stdout)

    return solve


def _send(what: Any, to: IO[bytes]) -> None:
    pickle.dump(what, to)
    to.flush()


def _solver(problem: Problem) -> Callable[[], np.ndarray]:
    import torch

    torch.set_num_threads(problem.num_threads)
    features = torch.tensor(problem.phi, dtype=torch.float32)
    w = torch.tensor(problem.theta, dtype=torch.float32, requires_grad=True)
    taken = torch.tensor(problem.actions, dtype=torch.int64)[:, None]
    advantages = torch.tensor(problem.weights, dtype=torch.float32)

    def solve() -> np.ndarray:
        log_pi = torch.log_softmax(features @ w, 1)
        objective = (log_pi.gather(1, taken)[:, 0] * advantages).mean()
        (g,) = torch.autograd.grad(objective, w, retain_graph=True)
        old = log_pi.detach()
        kl = (old.exp() * (old - log_pi)).sum(1).mean()
        (slope,) = torch.autograd.grad(kl, w, create_graph=True)
        x, r = torch.zeros_like(g), g.clone()
        p, rho = r.clone(), (r * r).sum()
        for _ in range(problem.steps):
            (h,) = torch.autograd.grad((slope * p).sum(), w, retain_graph=True)
            q = h + problem.damping * p
            alpha = rho / (p * q).sum()
            x, r = x + alpha * p, r - alpha * q
            before, rho = rho, (r * r).sum()
            p = r + rho / before * p
        return x.numpy()

    return solve


def _serve() -> None:
    """Solve at every request, until the parent process closes the pipe."""
    solve = _solver(Problem(**pickle.load(sys.stdin.buffer)))
    while True:
        try:
            pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _send(solve(), sys.stdout.buffer)


if __name__ == "__main__":
    _serve()
