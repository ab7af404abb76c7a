"""An iteration of NPG on observations of hundreds or thousands of numbers.

python bench/wide_observations.py [--rounds N] [--threads N] [--quick]

Elapsed time of `learn` for 512 samples in 4 environments, whose steps cost almost nothing: the
median of iterations after the first six, when earlier batches count too (default options). The
kinds of observations: one-hot, as of a Discrete; codes of a grid and of a text, of which most never
change, as flattened MiniGrid; numbers that all vary.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported

import gymnasium
import numpy as np

import fastpg

N_ENVS, N_STEPS = 4, 128
FIRST = 6  # iterations that are not timed


def one_hot(rng: np.random.Generator, size: int) -> Any:
    """Rows of one-hot codes."""
    return np.eye(size, dtype=np.float32)[rng.integers(0, size, 512)]


def grid(rng: np.random.Generator, size: int) -> Any:
    """Rows with 147 small integers, and a code of the same text."""
    rows = np.zeros((512, size), dtype=np.float32)
    rows[:, 147::28] = 1.0
    rows[:, :147] = rng.integers(0, 3, (512, 147))
    return rows


def numbers(rng: np.random.Generator, size: int) -> Any:
    """Rows of normal numbers."""
    return rng.normal(size=(512, size)).astype(np.float32)


TASKS = ((one_hot, 500), (grid, 2835), (numbers, 2835), (numbers, 4000))


class Shown(gymnasium.Env[Any, Any]):
    """Shows one row after the other; the reward is that of a bandit."""

    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, rows.shape[1:], np.float32)
        self.at = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.rows[self.at % 512], {}

    def step(self, action: Any) -> Any:
        self.at += 1
        reward = float(action == self.at % 3)
        return self.rows[self.at % 512], reward, self.at % 50 == 0, False, {}


def seconds(rows: Any, threads: int, rounds: int) -> float:
    """Of an iteration."""
    algo = fastpg.NPG(
        "linear", lambda: Shown(rows), seed=0, n_envs=N_ENVS, n_steps=N_STEPS, num_threads=threads
    )
    taken = []
    for _ in range(FIRST + rounds):
        start = time.perf_counter()
        algo.learn(N_ENVS * N_STEPS)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[FIRST:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one round")
    given = parser.parse_args()
    print("| observations | numbers | an iteration |\n|---|---:|---:|")
    for make, size in TASKS:
        rows = make(np.random.default_rng(0), size)
        taken = seconds(rows, given.threads, 1 if given.quick else given.rounds)
        print(f"| {make.__name__} | {size} | {1e3 * taken:.1f} ms |", flush=True)


if __name__ == "__main__":
    main()
