"""Timing of whole tasks: learning, many seeds, import, memory; and the speed of the machine."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np

import fastpg

ENV_ID = "CartPole-v1"
LOOK_EPISODES = 100
BUDGET = 60_000  # environment steps


@dataclass(frozen=True)
class Figure:
    """A measured number with its name and unit."""

    name: str
    value: float
    unit: str
    detail: str


def solve(seed: int) -> float:
    """Seconds of default NPG until the mean greedy return is 475; infinity if it never is.

    Construction counts; the evaluation of the greedy policy after every update does not.
    """
    threshold = gymnasium.spec(ENV_ID).reward_threshold
    test = fastpg.make_vec(ENV_ID, LOOK_EPISODES)
    spent, reached = 0.0, False
    mark = time.perf_counter()

    def look(record: fastpg.training.metrics.Metrics) -> bool:
        nonlocal spent, mark, reached
        spent += time.perf_counter() - mark
        mean, _ = fastpg.evaluate_policy(algo, test, LOOK_EPISODES, seed=seed)
        reached = mean >= threshold
        mark = time.perf_counter()
        return not reached

    algo = fastpg.NPG("linear", ENV_ID, seed=seed)
    algo.learn(BUDGET, look)
    return spent if reached else np.inf


def solved(seeds: int) -> Figure:
    """Median time to a solved CartPole."""
    solve(0)
    times = np.array([solve(seed) for seed in range(seeds)])
    reached = int(np.isfinite(times).sum())
    detail = f"median of {seeds} seeds, {reached} reached 475, worst {1e3 * times.max():.2f} ms"
    return Figure("CartPole-v1 solved by NPG", 1e3 * float(np.median(times)), "ms", detail)


def _train(seed: int) -> float:
    algo = fastpg.train("trpo", ENV_ID, total_timesteps=BUDGET, seed=seed, tuned=False)
    return float(algo.history[-1]["rollout/ep_rew_mean"])


def many_seeds(seeds: int, processes: int = 2) -> Figure:
    """Wall time of independent training runs, including the start of the processes."""
    start = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        means = list(pool.map(_train, range(seeds), chunksize=max(1, seeds // (8 * processes))))
    seconds = time.perf_counter() - start
    detail = f"{processes} processes, {BUDGET:,} steps each, mean return {np.mean(means):.0f}"
    return Figure(f"{seeds:,} seeds of TRPO", seconds, "s", detail)


def _iteration_seconds(n_steps: int, repeats: int) -> float:
    """Median seconds of an NPG iteration on 16 environments."""
    laps: list[float] = []

    def lap(record: fastpg.training.metrics.Metrics) -> None:
        laps.append(time.perf_counter())

    algo = fastpg.NPG("linear", ENV_ID, n_envs=16, n_steps=n_steps, seed=0)
    algo.learn(16 * n_steps * repeats, lap)
    return float(np.median(np.diff(laps)))


def overhead(repeats: int) -> Figure:
    """The part of an NPG iteration's time that does not grow with the batch."""
    lengths = np.array([64, 128, 256, 512])
    rounds = [[_iteration_seconds(int(n), repeats) for n in lengths] for _ in range(3)]
    seconds = np.median(rounds, axis=0)
    slope, intercept = np.polyfit(lengths, seconds, 1)
    detail = (
        f"whole iteration {1e6 * seconds[0]:.0f} us on 16 x 64, kernels "
        f"{1e6 * 64 * slope:.0f} us by their growth up to 16 x 512"
    )
    return Figure("overhead of an NPG iteration", 1e6 * float(intercept), "us", detail)


def import_time() -> Figure:
    """Time of `import fastpg` in a new interpreter, including numpy and gymnasium."""
    code = "import time; t = time.perf_counter(); import fastpg; print(time.perf_counter() - t)"
    runs = [float(_python(code)) for _ in range(5)]
    return Figure("import fastpg", float(np.median(runs)), "s", "median of 5 fresh interpreters")


def wheel_size() -> Figure:
    """Size of the installed package, compressed as in a wheel."""
    package = Path(fastpg.__file__).parent
    core = Path(fastpg._core.__file__)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in {*package.rglob("*.py"), *package.rglob("*.pyi"), core}:
            archive.write(file)
    return Figure("wheel", packed.tell() / 2**20, "MiB", "package and extension, compressed")


# Linux: writing 5 to clear_refs resets the peak of the memory in use.
_PEAK = """
import re, fastpg
from pathlib import Path
from fastpg.rollouts.collect import make_collector

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

env = fastpg.make_vec("CartPole-v1", 1024, exact=False)
env.reset(seed=0)
collector = make_collector(env, fastpg.LinearSoftmax(4, 2), 0)
collector.steps(8)
Path("/proc/self/clear_refs").write_text("5")
before = kilobytes("VmRSS")
rollout = collector.steps(512)
returned = sum(v.nbytes for v in vars(rollout).values() if hasattr(v, "nbytes"))
print((kilobytes("VmHWM") - before) * 1024 / returned)
"""


def peak_memory() -> Figure:
    """Peak memory of a collect of 1,024 x 512, divided by the size of the arrays returned."""
    return Figure("peak memory of a collect", float(_python(_PEAK)), "x", "the arrays returned")


def machine_rates() -> Iterator[Figure]:
    """Speed of the machine: a copy of memory, and matrix products by NumPy's BLAS."""
    source, target = np.zeros((2, 2**25))
    seconds = _best(lambda: np.copyto(target, source))
    yield Figure("copy", 2 * source.nbytes / seconds / 1e9, "GB/s", "read and written, one thread")
    for dtype in (np.float32, np.float64):
        a = np.ones((1024, 1024), dtype)
        seconds = _best(lambda a=a: a @ a)
        name = f"multiply-add, {np.dtype(dtype).name}"
        yield Figure(name, 2 * 1024**3 / seconds / 1e9, "GFLOP/s", "NumPy's matrix product")


def _best(call: Callable[[], object]) -> float:
    def once() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return min(once() for _ in range(7))


def _python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout


def figures(filter_text: str, *, quick: bool) -> Iterator[Figure]:
    """The machine's rates, and every number whose function's name contains the text."""
    makers: dict[str, Callable[[], Iterator[Figure]]] = {
        "machine": machine_rates,
        "solved": lambda: iter([solved(3 if quick else 50)]),
        "overhead": lambda: iter([overhead(5 if quick else 100)]),
        "seeds": lambda: iter([many_seeds(4 if quick else 1000)]),
        "import": lambda: iter([import_time()]),
        "wheel": lambda: iter([wheel_size()]),
        "memory": lambda: iter([peak_memory()]),
    }
    for name, maker in makers.items():
        if name == "machine" or filter_text in name:
            yield from maker()
