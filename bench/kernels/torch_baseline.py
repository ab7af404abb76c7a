"""Gradient and natural gradient by PyTorch's double backpropagation, where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    import torch
except ImportError:
    torch = None


def double_backward(
    phi: np.ndarray,
    theta: np.ndarray,
    actions: np.ndarray,
    weights: np.ndarray,
    damping: float,
    steps: int,
    num_threads: int,
) -> Callable[[], Any] | None:
    """A solve in float32, the graph of the KL built once a call; None without PyTorch."""
    if torch is None:
        return None
    torch.set_num_threads(min(num_threads, os.cpu_count() or 1))
    features = torch.tensor(phi, dtype=torch.float32)
    w = torch.tensor(theta, dtype=torch.float32, requires_grad=True)
    taken = torch.tensor(actions, dtype=torch.int64)[:, None]
    advantages = torch.tensor(weights, dtype=torch.float32)

    def solve() -> np.ndarray:
        log_pi = torch.log_softmax(features @ w, 1)
        objective = (log_pi.gather(1, taken)[:, 0] * advantages).mean()
        (g,) = torch.autograd.grad(objective, w, retain_graph=True)
        old = log_pi.detach()
        kl = (old.exp() * (old - log_pi)).sum(1).mean()
        (slope,) = torch.autograd.grad(kl, w, create_graph=True)
        x, r = torch.zeros_like(g), g.clone()
        p, rho = r.clone(), (r * r).sum()
        for _ in range(steps):
            (h,) = torch.autograd.grad((slope * p).sum(), w, retain_graph=True)
            q = h + damping * p
            alpha = rho / (p * q).sum()
            x, r = x + alpha * p, r - alpha * q
            before, rho = rho, (r * r).sum()
            p = r + rho / before * p
        return x.numpy()

    return solve
