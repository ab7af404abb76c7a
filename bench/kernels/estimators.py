"""GAE beside a NumPy loop over time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastpg
from kernels import Case, bench


def numpy_gae(rewards, values, next_values, terminated, ended, gamma, lam):
    delta = rewards + gamma * np.where(terminated, 0.0, next_values) - values
    advantages = np.zeros_like(rewards)
    following = np.zeros(rewards.shape[1])
    for t in range(len(rewards) - 1, -1, -1):
        following = delta[t] + gamma * lam * ~ended[t] * following
        advantages[t] = following
    return advantages


@bench
def gae() -> Iterator[Case]:
    """(T, N) windows with random ends."""
    rng = np.random.default_rng(0)
    for shape in ((128, 16), (512, 128)):
        rewards, values, next_values = rng.normal(size=(3, *shape))
        terminated = rng.random(shape) < 0.02
        ended = terminated | (rng.random(shape) < 0.01)
        arguments = (rewards, values, next_values, terminated, ended, 0.99, 0.95)

        def check(arguments=arguments) -> None:
            assert np.allclose(fastpg.gae(*arguments)[0], numpy_gae(*arguments), atol=1e-12)

        yield Case(
            name="gae",
            size=f"T={shape[0]} N={shape[1]}",
            ours=lambda arguments=arguments: fastpg.gae(*arguments),
            baselines={"NumPy": lambda arguments=arguments: numpy_gae(*arguments)},
            check=check,
            work=shape[0] * shape[1],
            unit="samples",
        )
