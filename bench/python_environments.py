"""What learning adds to stepping environments in Python.

python bench/python_environments.py [--rounds N] [--quick]

For each algorithm and environment, in turns: CPU time of `learn` on a SyncVectorEnv of 8
environments, and of stepping such a SyncVectorEnv alone through the same episodes, with the actions
that were recorded in a run like it. Default options, iterations of 8 x 256 steps; medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported
os.environ["OMP_NUM_THREADS"] = "1"

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from fastpg.algorithms import ALGORITHMS

N_ENVS, N_STEPS = 8, 256
ITERATIONS = 10
# Environment, policy, and the share of the iterations, by how slow the environment is.
TASKS = (
    ("CartPole-v1", "linear", 1.0),
    ("FrozenLake-v1", "linear", 1.0),
    ("CartPole-v1", "mlp", 1.0),
    ("LunarLander-v3", "mlp", 0.5),
    ("Hopper-v5", "mlp", 0.5),
    ("CliffWalking-v1", "linear", 1.0),
    ("Blackjack-v1", "linear", 0.5),  # a Tuple
    ("Taxi-v4", "linear", 1.0),  # 500 one-hot numbers
)


class Recording(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Keeps the actions that it gets, and the seed of the first reset."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.actions: list[Any] = []
        self.seed: int | None = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.seed = seed if self.seed is None else self.seed
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> Any:
        self.actions.append(np.copy(action))
        return super().step(action)


@dataclass(frozen=True)
class Recorded:
    """Actions (steps, 8, ...), and the seed of each environment."""

    actions: Any
    seeds: list[int | None]


def learn(name: str, policy: str, env: SyncVectorEnv, steps: int) -> None:
    """Train in it."""
    algo = ALGORITHMS[name](policy, env, seed=0, n_steps=N_STEPS, num_threads=1)
    algo.learn(steps)


def recorded(name: str, env_id: str, policy: str, steps: int) -> Recorded:
    """What a training like the timed one does."""
    env = SyncVectorEnv([lambda: Recording(gymnasium.make(env_id))] * N_ENVS)
    learn(name, policy, env, steps)
    env.close()
    actions = np.stack([one.actions for one in env.envs], axis=1)  # type: ignore[attr-defined]
    return Recorded(actions, [one.seed for one in env.envs])  # type: ignore[attr-defined]


def stepping(env_id: str, run: Recorded) -> float:
    """CPU seconds of the same episodes without learning."""
    env = SyncVectorEnv(
        [lambda: gymnasium.make(env_id)] * N_ENVS, autoreset_mode=AutoresetMode.DISABLED
    )
    actions = run.actions.astype(env.single_action_space.dtype)
    start = time.process_time()
    env.reset(seed=run.seeds)
    for row in actions:
        _, _, terminated, truncated, _ = env.step(row)
        ended = terminated | truncated
        if ended.any():
            env.reset(options={"reset_mask": ended})
    seconds = time.process_time() - start
    env.close()
    return seconds


def learning(name: str, env_id: str, policy: str, steps: int) -> float:
    """CPU seconds of a training, construction of the algorithm included."""
    env = SyncVectorEnv([lambda: gymnasium.make(env_id)] * N_ENVS)
    start = time.process_time()
    learn(name, policy, env, steps)
    seconds = time.process_time() - start
    env.close()
    return seconds


def rows(rounds: int, scale: float) -> Iterator[list[str]]:
    """A row for each task and algorithm."""
    for env_id, policy, share in TASKS:
        iterations = max(2, round(ITERATIONS * share * scale))
        steps = iterations * N_ENVS * N_STEPS
        for name in ("npg", "ppo"):
            run = recorded(name, env_id, policy, steps)
            both = [
                (learning(name, env_id, policy, steps), stepping(env_id, run))
                for _ in range(rounds)
            ]
            ours, alone = map(statistics.median, zip(*both, strict=True))
            a_step = 1e6 / (steps / N_ENVS)
            yield [
                f"{name} ({policy}) on 8 {env_id}", f"{a_step * ours:.0f} us",
                f"{a_step * alone:.0f} us", f"{ours / alone:.2f}",
            ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few steps, one round")
    given = parser.parse_args()
    print("| what | a step of 8, learning | stepping alone | ratio |\n|---|---:|---:|---:|")
    for row in rows(1 if given.quick else given.rounds, 0.2 if given.quick else 1.0):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
