"""Training runs on many seeds, and their evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

import fastpg
from fastpg.algorithms.base import Algorithm

EPISODES = 100
LOOK_EPISODES = 20


def over_seeds(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    seeds: Iterable[int],
    workers: int,
) -> list[list[Any]]:
    """Results of `function(*arguments, seed)`: a list over seeds, for each of the arguments."""
    with ProcessPoolExecutor(workers) as pool:
        jobs = [[pool.submit(function, *given, seed) for seed in seeds] for given in arguments]
        return [[job.result() for job in row] for row in jobs]


def final_return(algo: Algorithm, env_id: str, seed: int, *, greedy: bool = True) -> float:
    """Mean return over 100 episodes of Gymnasium's own environment; -inf if one does not end."""
    env = SyncVectorEnv([lambda: gymnasium.make(env_id)] * LOOK_EPISODES)
    try:
        return fastpg.evaluate_policy(algo, env, EPISODES, deterministic=greedy, seed=seed)[0]
    except fastpg.EndlessEpisodeError:
        return -np.inf
    finally:
        env.close()


def reaches(algo: Algorithm, env_id: str, level: float, seed: int) -> bool:
    """Whether the mean of 20 greedy episodes is at least `level`, in native environments if any."""
    return fastpg.evaluate_policy(algo, env_id, LOOK_EPISODES, seed=seed)[0] >= level


def interval(successes: int, n: int) -> str:
    """Wilson's 95 % interval of a fraction."""
    z = 1.959963984540054
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def duration(seconds: float) -> str:
    """Seconds in words: milliseconds below 1 s, "never" for infinity."""
    if not np.isfinite(seconds):
        return "never"
    return f"{1e3 * seconds:.0f} ms" if seconds < 1.0 else f"{seconds:.1f} s"
