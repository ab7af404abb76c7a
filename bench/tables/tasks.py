"""Learning with default options: an environment, a number of steps and a level for each table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np

from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS
from fastpg.algorithms.base import Algorithm
from fastpg.training.metrics import Metrics
from tables.runs import duration, final_return, interval, over_seeds, reaches
from tables.sections import table

# Rows of a table: an algorithm, and options other than its defaults.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "reinforce": ("reinforce", {}),
    "npg": ("npg", {}),
    "trpo": ("trpo", {}),
    "ppo": ("ppo", {}),
    "ppo-penalty": ("ppo", {"objective": "kl_penalty"}),
}


@dataclass(frozen=True)
class Task:
    """An environment to learn; with `steps` None, the default number of each algorithm."""

    title: str
    env_id: str
    level: float
    steps: int | None = None
    seeds: int = 20
    variants: tuple[str, ...] = ("reinforce", "npg", "trpo", "ppo")
    policy_kwargs: Mapping[str, Any] = field(default_factory=dict)
    closely: bool = False  # also evaluate stochastic policies and the time to the level

    def timesteps(self, variant: str, given: int | None = None) -> int:
        """Environment steps of a run."""
        return given or self.steps or DEFAULT_TIMESTEPS[VARIANTS[variant][0]]

    def algorithm(self, variant: str, seed: int, **options: Any) -> Algorithm:
        """An algorithm with default options, except for those given."""
        name, own = VARIANTS[variant]
        kwargs = dict(self.policy_kwargs)
        kind = ALGORITHMS[name]
        return kind("linear", self.env_id, policy_kwargs=kwargs, seed=seed, **own, **options)

    def missing(self) -> str | None:
        """Why the environment cannot be made; None if it can."""
        try:
            gymnasium.make(self.env_id).close()
        except gymnasium.error.DependencyNotInstalled as error:
            return str(error)
        return None


_CARTPOLE = ("npg", "trpo", "ppo", "ppo-penalty")
_CUBIC = {"features": "polynomial", "features_kwargs": {"degree": 3}}

TASKS = {
    "cartpole-default": Task(
        "CartPole-v1, the default number of steps",
        "CartPole-v1",
        475.0,
        variants=tuple(VARIANTS),
        closely=True,
    ),
    "cartpole": Task(
        "CartPole-v1, 60,000 steps",
        "CartPole-v1",
        475.0,
        60_000,
        seeds=200,
        variants=_CARTPOLE,
        closely=True,
    ),
    "acrobot": Task("Acrobot-v1", "Acrobot-v1", -100.0),
    "pendulum-cubic": Task(
        "Pendulum-v1, cubic polynomials", "Pendulum-v1", -200.0, policy_kwargs=_CUBIC
    ),
    "cartpole-10k": Task(
        "CartPole-v1, 10,000 steps",
        "CartPole-v1",
        475.0,
        10_000,
        variants=_CARTPOLE,
        closely=True,
    ),
    "cartpole-500k": Task(
        "CartPole-v1, 500,000 steps",
        "CartPole-v1",
        475.0,
        500_000,
        variants=tuple(VARIANTS),
        closely=True,
    ),
    "mountaincar-continuous": Task("MountainCarContinuous-v0", "MountainCarContinuous-v0", 90.0),
    "inverted-pendulum": Task("InvertedPendulum-v5", "InvertedPendulum-v5", 950.0, seeds=10),
    "lunar-lander": Task("LunarLander-v3", "LunarLander-v3", 200.0, seeds=10),
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run. Returns are those of the final policy; unknown values are NaN."""

    greedy: float
    stochastic: float
    steps_to_level: float  # inf: never
    seconds_to_level: float  # training alone
    seconds: float  # training alone
    finite: bool  # every number was finite


def run(name: str, variant: str, timesteps: int, seed: int) -> Outcome:
    """Train; with `closely`, evaluate after every update, which does not count as training time."""
    task = TASKS[name]
    algo = task.algorithm(variant, seed)
    first = (np.inf, np.inf) if task.closely else (np.nan, np.nan)
    looking = 0.0
    start = time.perf_counter()

    def look(record: Metrics) -> None:
        nonlocal first, looking
        if np.isfinite(first[0]):
            return
        begin = time.perf_counter()
        if reaches(algo, task.env_id, task.level, seed):
            first = (float(record["time/total_timesteps"]), begin - start - looking)
        looking += time.perf_counter() - begin

    algo.learn(timesteps, look if task.closely else None)
    seconds = time.perf_counter() - start - looking
    greedy = final_return(algo, task.env_id, seed)
    stochastic = final_return(algo, task.env_id, seed, greedy=False) if task.closely else np.nan
    finite = all(r["train/status"] != "not_finite" for r in algo.history)
    return Outcome(greedy, stochastic, *first, seconds, finite)


def _row(task: Task, variant: str, timesteps: int, runs: list[Outcome]) -> dict[str, str]:
    greedy = np.array([r.greedy for r in runs])
    good = greedy >= task.level
    level, n = f"{task.level:g}", len(runs)
    counted = f"seeds at {level}, greedy"
    row = {"algorithm": variant, "steps": f"{timesteps:,}", counted: f"{good.sum()} of {n}"}
    if not task.closely:
        row["95 % interval"] = interval(int(good.sum()), n)
    row |= {"median": f"{np.median(greedy):z.1f}", "worst": f"{greedy.min():z.1f}"}
    if task.closely:
        good &= np.array([r.stochastic for r in runs]) >= task.level
        row[f"{counted} and stochastic"] = f"{good.sum()} of {n}"
        row["95 % interval"] = interval(int(good.sum()), n)
        steps = float(np.median([r.steps_to_level for r in runs]))
        row[f"steps to {level}"] = f"{steps:,.0f}" if np.isfinite(steps) else "never"
        row[f"time to {level}"] = duration(float(np.median([r.seconds_to_level for r in runs])))
    row["training"] = duration(float(np.median([r.seconds for r in runs])))
    return row


def text(
    name: str, variants: tuple[str, ...], given_steps: int | None, seeds: range, workers: int
) -> str:
    """The table of a task, and the number of runs with a number that was not finite."""
    task = TASKS[name]
    steps = [task.timesteps(variant, given_steps) for variant in variants]
    jobs = [(name, variant, n) for variant, n in zip(variants, steps, strict=True)]
    outcomes = over_seeds(run, jobs, seeds, workers)
    rows = [_row(task, *what) for what in zip(variants, steps, outcomes, strict=True)]
    broken = sum(not r.finite for runs in outcomes for r in runs)
    return f"{table(rows)}\n\nRuns with a number that was not finite: {broken}."
