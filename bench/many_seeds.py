"""Many seeds: `train_many` beside bare loops in as many processes.

python bench/many_seeds.py [SEEDS]

Both train TRPO on CartPole-v1 with the same seeds on two processes and evaluate every final policy
in 20 episodes; `train_many` also keeps a folder. Elapsed seconds, in turns, medians of three.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import fastpg
from fastpg.experiments import train_many
from fastpg.training.callbacks.evaluation import evaluation_seed

PROCESSES, EPISODES = 2, 20


def bare(arguments: tuple[int, int, int]) -> list[float]:
    """A loop over every second seed."""
    first, seeds, steps = arguments
    found = []
    for seed in range(first, seeds, PROCESSES):
        algo = fastpg.TRPO("linear", "CartPole-v1", seed=seed).learn(steps)
        env = fastpg.make_vec("CartPole-v1", EPISODES)
        mean, _ = fastpg.evaluate_policy(algo, env, EPISODES, seed=evaluation_seed(seed))
        found.append(float(mean))
    return found


def loops(seeds: int, steps: int) -> float:
    """Seconds of bare loops."""
    start = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(bare, [(k, seeds, steps) for k in range(PROCESSES)]))
    return time.perf_counter() - start


def kept(seeds: int, steps: int) -> float:
    """Seconds of `train_many`."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        train_many(
            "trpo", "CartPole-v1", seeds=seeds, total_timesteps=steps, n_jobs=PROCESSES,
            n_eval_episodes=EPISODES, tuned=False, run=Path(folder, "run"),
        )  # fmt: skip
        return time.perf_counter() - start


def main(seeds: int) -> None:
    print(
        "| steps a seed | train_many | bare loops | ratio | more for a seed |\n|---:|" + "---:|" * 4
    )
    for steps in (60_000, 1_000):
        both = [(kept(seeds, steps), loops(seeds, steps)) for _ in range(3)]
        ours, theirs = (statistics.median(side) for side in zip(*both, strict=True))
        more = 1e3 * (ours - theirs) * PROCESSES / seeds
        print(
            f"| {steps:,} | {ours:.2f} s | {theirs:.2f} s | {ours / theirs:.2f} | {more:.2f} ms |"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
