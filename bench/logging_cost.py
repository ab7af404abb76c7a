"""Cost of logs: `python bench/logging_cost.py [ROUNDS]` prints medians of an iteration.

NPG on CartPole-v1, 16 environments of 64 steps. Each round learns once with each kind of log, in
turns; an iteration is from one call of the callback to the next, and a log's part comes before it.
Output that would go to the terminal goes to a file.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import fastpg
from fastpg import loggers

ITERATIONS, WARM = 300, 20


def seconds(log: Any) -> list[float]:
    """Seconds of CPU time of each iteration, without the first ones."""
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=16, n_steps=64)
    times: list[float] = []
    algo.learn(ITERATIONS * 1024, lambda record: times.append(time.process_time()), log=log)
    return np.diff(times)[WARM:].tolist()


def logs(kind: str, folder: Path) -> Any:
    """The loggers of a row."""
    if kind == "nothing":
        return None
    if kind == "run folder":
        return folder / "run"
    given: list[Any] = [loggers.ConsoleLogger(), loggers.CsvLogger(folder / "x.csv")]
    if kind == "console, CSV, TensorBoard":
        given.append(loggers.TensorBoardLogger(folder / "board"))
    return given


def main(rounds: int) -> None:
    kinds = ["nothing", "console, CSV", "run folder"]
    with contextlib.suppress(ImportError):
        loggers.TensorBoardLogger("x")
        kinds.append("console, CSV, TensorBoard")
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                with (folder / "out").open("w") as out, contextlib.redirect_stdout(out):
                    found[kind] += seconds(logs(kind, folder))
    nothing = np.median(found["nothing"])
    print("| log | iteration, ms | more than without, ms |\n|---|---|---|")
    for kind, times in found.items():
        median = np.median(times)
        print(f"| {kind} | {1e3 * median:.3f} | {1e3 * (median - nothing):.3f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
