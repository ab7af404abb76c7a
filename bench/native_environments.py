"""Environments of users: how fast they collect, train and compile.

python bench/native_environments.py [--rounds N] [--quick] [--only collect training compiling]

- collect: the rate of `collect` with a linear policy in CartPole-v1, the built-in one and the same
  one of a user, in turns, one thread; ratios to the built-in rate with exact=True.
- training: `learn` of TRPO on the swing-up of examples/native, compiled beforehand, and on a
  SyncVectorEnv: of its reference, the same class with its functions as plain Python, and of a
  gymnasium.Env written by hand without arrays.
- compiling: the import of Numba, and of a module with an environment, in new processes.

CPU seconds on one thread, medians of rounds in turns.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported
os.environ["OMP_NUM_THREADS"] = "1"

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

import fastpg

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tests"), str(ROOT / "examples" / "native")]

# Ways to make a CartPole: its id, and the module whose import registers it.
CARTPOLES = {"built in": ("CartPole-v1", "fastpg"), "Numba": ("NumbaCartPole-v1", "numba_envs")}


class SwingUp(gymnasium.Env[Any, Any]):
    """The swing-up of examples/native/swing_up.py by hand: numbers of Python, no arrays."""

    observation_space = spaces.Box(-np.inf, np.inf, (5,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    gravity, force, length, rail, spread, limit = 9.8, 10.0, 0.5, 2.4, 0.05, 500

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self.x = self.speed = self.spin = 0.0
        self.angle = math.pi + self.np_random.uniform(-self.spread, self.spread)
        self.steps = 0
        return self.observation(), {}

    def observation(self) -> Any:
        c, s = math.cos(self.angle), math.sin(self.angle)
        return np.array([self.x, self.speed, c, s, self.spin], dtype=np.float32)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        force = self.force * min(max(float(action[0]), -1.0), 1.0)
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        push = (force + 0.1 * self.length * self.spin**2 * sine) / 1.1
        turn = (self.gravity * sine - cosine * push) / (
            self.length * (4 / 3 - 0.1 * cosine**2 / 1.1)
        )
        self.x += 0.02 * self.speed
        self.angle += 0.02 * self.spin
        self.speed += 0.02 * (push - 0.1 * self.length * turn * cosine / 1.1)
        self.spin += 0.02 * turn
        self.steps += 1
        off = abs(self.x) > self.rail
        reward = 0.0 if off else 0.5 + 0.5 * math.cos(self.angle)
        return self.observation(), reward, off, self.steps >= self.limit, {}


def medians(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """CPU seconds of each call, in turns, after one that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for counted in (False, *[True] * rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if counted:
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(each) for name, each in taken.items()}


def collecting(rounds: int, scale: float) -> Iterator[list[str]]:
    """Rates of `collect`, by the number of environments."""
    for _, module in CARTPOLES.values():
        importlib.import_module(module)
    for n_envs in (16, 256, 2048):
        steps = max(1, round(scale * 1_000_000 / n_envs))
        policy = fastpg.LinearSoftmax(4, 2)
        calls = {
            name: _collect(fastpg.make_vec(env_id, n_envs, num_threads=1), policy, steps)
            for name, (env_id, _) in CARTPOLES.items()
        }
        times = medians(calls, rounds)
        for name, seconds in times.items():
            rate = n_envs * steps / seconds / 1e6
            yield [f"{name}, {n_envs} environments", f"{rate:.1f} M steps/s",
                   f"{times['built in'] / seconds:.2f}"]  # fmt: skip


def _collect(env: Any, policy: Any, steps: int) -> Callable[[], Any]:
    return lambda: fastpg.collect(env, policy, n_steps=steps, seed=0)


def training(rounds: int, scale: float) -> Iterator[list[str]]:
    """Seconds of making the environments and of `learn`."""
    swing_up = importlib.import_module("swing_up").SwingUp
    total = round(scale * 200_000)
    makes: dict[str, Callable[[], Any]] = {
        "Numba": lambda: fastpg.make_vec(swing_up.id, 32, num_threads=1),
        "reference": lambda: SyncVectorEnv([swing_up.reference] * 32),
        "by hand": lambda: SyncVectorEnv([SwingUp] * 32),
    }
    for policy in ("linear", "mlp"):
        calls = {name: _learn(policy, make, total) for name, make in makes.items()}
        times = medians(calls, rounds)
        for name, seconds in times.items():
            yield [f"TRPO ({policy}), {total:,} steps, {name}", f"{seconds:.3f} s",
                   f"{seconds / times['Numba']:.1f}"]  # fmt: skip


def _learn(policy: str, make: Callable[[], Any], total: int) -> Callable[[], Any]:
    return lambda: fastpg.TRPO(policy, make(), n_steps=128, seed=0, num_threads=1).learn(total)


COMPILING = """
import time
start = time.process_time()
import fastpg
from fastpg.native_envs import decorator
ready = time.process_time()
import numba
loaded = time.process_time()
import {module}
print(loaded - ready, time.process_time() - loaded)
"""


def compiling(rounds: int, scale: float) -> Iterator[list[str]]:
    """CPU seconds of the import of a module, in new processes."""
    paths = os.pathsep.join(filter(None, sys.path))
    for module in ("numba_line", "swing_up"):
        runs = [
            subprocess.run(
                [sys.executable, "-c", COMPILING.format(module=module)],
                env=os.environ | {"PYTHONPATH": paths},
                capture_output=True, text=True, check=True,
            ).stdout.split()
            for _ in range(rounds)
        ]  # fmt: skip
        numba, own = (statistics.median(map(float, each)) for each in zip(*runs, strict=True))
        yield [f"compiling {module}", f"{own:.2f} s", f"import of Numba {numba:.2f} s"]


PARTS = {"collect": collecting, "training": training, "compiling": compiling}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few steps, one round")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    print("| what | measured | ratio |\n|---|---:|---:|")
    for name in given.only:
        rounds, scale = (1, 0.1) if given.quick else (given.rounds, 1.0)
        for row in PARTS[name](rounds, scale):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
