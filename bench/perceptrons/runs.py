"""Learning runs and the file that holds them: a JSON object on a line for each finished run."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import platform
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

FASTPG, PEER = "fastpg", "stable-baselines3"
TRAINERS = {FASTPG: "perceptrons.train_ours", PEER: "perceptrons.train_peer"}
ALGORITHMS = ("ppo", "trpo")
EPISODES, EVALUATION_ENVS = 100, 20
# Environment steps of a run.
TASKS = {
    "CartPole-v1": 100_000,
    "Acrobot-v1": 200_000,
    "Pendulum-v1": 300_000,
    "LunarLander-v3": 500_000,
    "Hopper-v5": 500_000,
    "HalfCheetah-v5": 500_000,
    "Walker2d-v5": 500_000,
    "Swimmer-v5": 500_000,
}


@dataclass(frozen=True)
class Run:
    """What is learned, by whom, and for how many environment steps."""

    side: str
    algorithm: str
    env_id: str
    steps: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """Mean returns of the final policy over 100 episodes, and what the training took."""

    greedy: float
    stochastic: float
    seconds: float
    cpu_seconds: float
    versions: str


Finished = dict[Run, Outcome]


def versions(*packages: str) -> str:
    """Versions of the installed ones of these packages, and of Python."""
    found = [f"Python {platform.python_version()}"]
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return ", ".join(found)


def read(path: Path) -> Finished:
    """The finished runs of a file, none if it does not exist."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {Run(**_part(Run, line)): Outcome(**_part(Outcome, line)) for line in lines}


def _part(kind: type, line: dict[str, Any]) -> dict[str, Any]:
    return {spec.name: line[spec.name] for spec in dataclasses.fields(kind)}


def append(path: Path, run: Run, outcome: Outcome) -> None:
    """Add a run in one write, so that several commands may share the file."""
    line = json.dumps(dataclasses.asdict(run) | dataclasses.asdict(outcome))
    with path.open("a") as file:
        file.write(line + "\n")


def trained(run: Run) -> Outcome:
    """Train and evaluate, in this process."""
    return importlib.import_module(TRAINERS[run.side]).trained(run)


def finish(path: Path, wanted: Iterable[Run], workers: int) -> int:
    """Train what the file does not have yet; returns how many runs failed."""
    done, failed = read(path), 0
    with ProcessPoolExecutor(workers) as pool:
        jobs = {pool.submit(trained, run): run for run in wanted if run not in done}
        for job in as_completed(jobs):
            run, error = jobs[job], job.exception()
            if error is None:
                append(path, run, job.result())
                print(_line(run, job.result()), flush=True)
            else:
                failed += 1
                print(f"{_name(run)}: failed, {type(error).__name__}: {error}", flush=True)
    return failed


def _name(run: Run) -> str:
    return f"{run.side} {run.algorithm} {run.env_id}, {run.steps:,} steps, seed {run.seed}"


def _line(run: Run, outcome: Outcome) -> str:
    return (
        f"{_name(run)}: {outcome.greedy:.1f} greedy, {outcome.stochastic:.1f} stochastic, "
        f"{outcome.cpu_seconds:.0f} CPU seconds"
    )
