"""When processes pay for environments in Python: SyncVectorEnv against AsyncVectorEnv.

python bench/waiting.py [--rounds N]

NPG learns in 8 environments whose step computes for a given time. Elapsed time of a step of all 8,
everything included; medians of rounds in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

import fastpg

N_ENVS, N_STEPS = 8, 64
KINDS: dict[str, Any] = {"Sync": SyncVectorEnv, "Async": AsyncVectorEnv}


class Working(gymnasium.Env[Any, Any]):
    """A step computes for so many seconds."""

    observation_space = spaces.Box(-1.0, 1.0, (8,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return self.np_random.uniform(-1.0, 1.0, 8).astype(np.float32), {}

    def step(self, action: Any) -> Any:
        end = time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            pass
        self.t += 1
        seen = self.np_random.uniform(-1.0, 1.0, 8).astype(np.float32)
        return seen, float(seen[0] > 0.0) * float(action), False, self.t >= 100, {}


def a_step(kind: str, seconds: float, iterations: int) -> float:
    """Microseconds of a step of all environments."""
    env = KINDS[kind]([lambda: Working(seconds)] * N_ENVS)
    algo = fastpg.NPG("linear", env, seed=0, n_steps=N_STEPS)
    algo.learn(N_ENVS * N_STEPS)  # processes and caches are warm
    start = time.perf_counter()
    algo.learn(iterations * N_ENVS * N_STEPS)
    found = time.perf_counter() - start
    env.close()
    return 1e6 * found / (iterations * N_STEPS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores\n\n| a step of one environment | Sync | Async | Sync / Async |")
    print("|---|---:|---:|---:|")
    for seconds in (0.0, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3):
        iterations = 2 if seconds > 5e-4 else 8
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(given.rounds):
            for kind in KINDS:
                found[kind].append(a_step(kind, seconds, iterations))
        sync, processes = (statistics.median(found[kind]) for kind in KINDS)
        print(
            f"| {1e6 * seconds:.0f} us | {sync:,.0f} us | {processes:,.0f} us "
            f"| {sync / processes:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
