"""GAE and returns, compared with a NumPy loop over time and a copy of the same number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastpg
from kernels import Case, bench

GAMMA, LAMBDA = 0.99, 0.95
FEW = 8  # columns: no vector is full, or the call takes as long
SIZES = ((64, 8), (2048, 1), (2048, 64), (2048, 4096))


def numpy_gae(rewards, values, next_values, terminated, ended):
    advantages = np.empty_like(rewards)
    following = np.zeros(rewards.shape[1])
    for t in range(len(rewards) - 1, -1, -1):
        delta = rewards[t] + GAMMA * next_values[t] * ~terminated[t] - values[t]
        following = delta + GAMMA * LAMBDA * ~ended[t] * following
        advantages[t] = following
    return advantages, advantages + values


def numpy_returns(rewards, next_values, terminated, ended):
    returns = np.empty_like(rewards)
    following = np.where(terminated[-1], 0.0, next_values[-1])
    for t in range(len(rewards) - 1, -1, -1):
        bootstrap = next_values[t] * ~terminated[t]
        following = rewards[t] + GAMMA * np.where(ended[t], bootstrap, following)
        returns[t] = following
    return returns


def _window(shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    terminated = rng.random(shape) < 0.02
    ended = terminated | (rng.random(shape) < 0.01)
    return (*(rng.normal(size=shape) for _ in range(3)), terminated, ended)


def _copy(moved: int) -> Callable[[], Any]:
    """A function that reads and writes `moved` bytes in total, between existing arrays."""
    source, target = np.ones(moved // 2, np.uint8), np.ones(moved // 2, np.uint8)
    return lambda: np.copyto(target, source)


def _case(
    name: str,
    shape: tuple[int, int],
    ours: Callable[[], Any],
    numpy: Callable[[], Any],
    moved: int,
) -> Case:
    def check() -> None:
        for found, expected in zip(ours(), numpy(), strict=True):
            assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)

    samples = shape[0] * shape[1]
    baselines = {"NumPy": numpy, "copy": _copy(moved * samples)}
    return Case(
        name, f"T={shape[0]} N={shape[1]}", ours, baselines, check, samples, "samples",
        bound="memory" if shape[1] > FEW else "the recursion, the call", moved=moved * samples,
    )  # fmt: skip


@bench
def gae() -> Iterator[Case]:
    """Input of three arrays of numbers and two of flags, output of two: 42 bytes per sample."""
    for shape in SIZES:
        window = _window(shape)
        yield _case(
            "gae",
            shape,
            lambda w=window: fastpg.gae(*w, GAMMA, LAMBDA),
            lambda w=window: numpy_gae(*w),
            moved=42,
        )


@bench
def discounted_returns() -> Iterator[Case]:
    """Input of two arrays of numbers and two of flags, output of one: 26 bytes per sample."""
    for shape in SIZES:
        rewards, _, following, stop, cut = _window(shape)
        yield _case(
            "returns",
            shape,
            lambda r=rewards, v=following, s=stop, c=cut: fastpg.discounted_returns(
                r, c, GAMMA, terminated=s, next_values=v
            ),
            lambda r=rewards, v=following, s=stop, c=cut: numpy_returns(r, v, s, c),
            moved=26,
        )
