"""What a short run costs beside learning: python bench/small_runs.py [ROUNDS] prints medians."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastpg

SETTINGS = (("linear", "CartPole-v1"), ("linear", "Pendulum-v1"), ("mlp", "CartPole-v1"))


def milliseconds(call: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def parts(policy: str, env_id: str, seed: int, path: Path) -> list[float]:
    """Construction, first and second iteration, save, load."""
    made: list[Any] = []
    construction = milliseconds(lambda: made.append(fastpg.NPG(policy, env_id, seed=seed)))
    algo = made[0]
    iteration = algo.env.num_envs * (algo.options.n_steps or 64)
    return [
        construction,
        milliseconds(lambda: algo.learn(iteration)),
        milliseconds(lambda: algo.learn(iteration)),
        milliseconds(lambda: algo.save(path)),
        milliseconds(lambda: fastpg.load(path)),
    ]


def main(rounds: int) -> None:
    print("| NPG | construction | first iteration | second | save | load |\n|---|" + "---:|" * 5)
    with tempfile.TemporaryDirectory() as folder:
        for policy, env_id in SETTINGS:
            parts(policy, env_id, 0, Path(folder, "x.npz"))  # imports and caches
            found = [parts(policy, env_id, k, Path(folder, "x.npz")) for k in range(rounds)]
            medians = [statistics.median(times) for times in zip(*found, strict=True)]
            print(f"| {policy}, {env_id} | " + " | ".join(f"{m:.2f} ms" for m in medians) + " |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
