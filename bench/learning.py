"""Default settings over many seeds, judged on Gymnasium's own environment.

python bench/learning.py prints the table of the README: for every algorithm the share of seeds
whose final policy reaches the threshold, the worst seed, and the time that training took.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

import fastpg
from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS

ENV_ID = "CartPole-v1"
THRESHOLD = gymnasium.spec(ENV_ID).reward_threshold
EPISODES = 100


@dataclass(frozen=True)
class Outcome:
    """One training run."""

    greedy: float  # mean return of the final policy, Gymnasium's environment
    steps_to_threshold: float  # native exact environment, 20 greedy episodes an update; inf: never
    seconds_to_threshold: float  # training alone
    seconds: float  # training alone


def run(name: str, seed: int, total_timesteps: int) -> Outcome:
    """Train, looking at the policy after every update; the looking is not timed."""
    algo = ALGORITHMS[name]("linear", ENV_ID, seed=seed)
    first = (np.inf, np.inf)
    looking = 0.0
    start = time.perf_counter()

    def look(record: fastpg.training.Record) -> None:
        nonlocal first, looking
        if np.isfinite(first[0]):
            return
        begin = time.perf_counter()
        mean, _ = fastpg.evaluate_policy(algo, ENV_ID, 20, seed=seed)
        if mean >= THRESHOLD:
            first = (float(record["time/total_timesteps"]), begin - start - looking)
        looking += time.perf_counter() - begin

    algo.learn(total_timesteps, look)
    seconds = time.perf_counter() - start - looking
    env = SyncVectorEnv([lambda: gymnasium.make(ENV_ID)] * 20)
    greedy, _ = fastpg.evaluate_policy(algo, env, EPISODES, seed=seed)
    env.close()
    return Outcome(greedy, *first, seconds)


def _or_never(value: float, format_spec: str, unit: str = "") -> str:
    return f"{value:{format_spec}}{unit}" if np.isfinite(value) else "never"


def table(outcomes: dict[str, list[Outcome]], totals: dict[str, int]) -> str:
    """Markdown."""
    lines = [
        f"| algorithm | steps | seeds at {THRESHOLD:.0f} or more | worst seed | steps to "
        f"{THRESHOLD:.0f} | time to {THRESHOLD:.0f} | whole training |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in outcomes.items():
        greedy = np.array([r.greedy for r in runs])
        steps, to, whole = (
            float(np.median([getattr(r, field) for r in runs]))
            for field in ("steps_to_threshold", "seconds_to_threshold", "seconds")
        )
        lines.append(
            f"| {name} | {totals[name]:,} | {(greedy >= THRESHOLD).sum()} of {len(runs)} "
            f"| {greedy.min():.1f} | {_or_never(steps, ',.0f')} "
            f"| {_or_never(1e3 * to, '.0f', ' ms')} | {1e3 * whole:.0f} ms |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithms", nargs="+", default=list(ALGORITHMS), choices=ALGORITHMS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--total-timesteps", type=int, help="instead of each algorithm's default")
    parser.add_argument("--workers", type=int, default=1, help="processes; times are noisier")
    given = parser.parse_args()
    totals = {n: given.total_timesteps or DEFAULT_TIMESTEPS[n] for n in given.algorithms}
    outcomes: dict[str, list[Outcome]] = {}
    with ProcessPoolExecutor(given.workers) as pool:
        for name in given.algorithms:
            jobs = [pool.submit(run, name, seed, totals[name]) for seed in range(given.seeds)]
            outcomes[name] = [job.result() for job in jobs]
    print(table(outcomes, totals))


if __name__ == "__main__":
    main()
