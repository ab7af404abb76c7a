"""How much of its KL bound TRPO uses, with default options."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastpg.training.metrics import Metrics
from tables.runs import LOOK_EPISODES, over_seeds, reaches
from tables.sections import table
from tables.tasks import TASKS

HEADING = "TRPO: the KL of a step against its bound"
NAMES = ("cartpole", "acrobot", "lunar-lander")
SEEDS = 10

_TEXT = f"""The table shows the ratio of the measured KL of an iteration (`train/kl`) to its bound
(`train/target_kl`): median and quartiles over the iterations of all seeds. Iterations count until
the mean of {LOOK_EPISODES} greedy episodes first reaches the level; if it never does, all count.
The last column is the ratio of the median KL in the last tenth of the steps to the bound of the
first iteration, in runs that reached the level. Goals: a median of at least 0.5, and a last column
below 0.3 on CartPole-v1.

"""


@dataclass(frozen=True)
class Used:
    """KL / bound of each iteration until the level, and KL / first bound in the last tenth."""

    ratios: list[float]
    late: list[float]
    reached: bool


def run(name: str, timesteps: int, seed: int) -> Used:
    """Train TRPO and record the ratios of every iteration."""
    task = TASKS[name]
    algo = task.algorithm("trpo", seed)
    used = Used([], [], False)
    bounds: list[float] = []

    def look(record: Metrics) -> None:
        nonlocal used
        kl = record["train/kl"]
        bounds.append(record["train/target_kl"])
        if not used.reached:
            used.ratios.append(kl / bounds[-1])
            used = replace(used, reached=reaches(algo, task.env_id, task.level, seed))
        if record["time/total_timesteps"] > 0.9 * timesteps:
            used.late.append(kl / bounds[0])

    algo.learn(timesteps, look)
    return used


def _row(name: str, timesteps: int, runs: list[Used]) -> dict[str, str]:
    task = TASKS[name]
    ratios = [ratio for r in runs for ratio in r.ratios]
    low, median, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    late = [ratio for r in runs if r.reached for ratio in r.late]
    return {
        "environment": task.env_id,
        "steps": f"{timesteps:,}",
        "seeds": str(len(runs)),
        "level": f"{task.level:g}",
        "seeds that reached it": str(sum(r.reached for r in runs)),
        "iterations": f"{len(ratios):,}",
        "KL / bound": f"{median:.3f}",
        "quartiles": f"{low:.3f} to {high:.3f}",
        "late KL / first bound": f"{np.median(late):.3f}" if late else "-",
    }


def text(given_steps: int | None, seeds: range, workers: int) -> str:
    """The table, with a row for each environment that is installed."""
    names = [name for name in NAMES if TASKS[name].missing() is None]
    jobs = [(name, TASKS[name].timesteps("trpo", given_steps)) for name in names]
    outcomes = over_seeds(run, jobs, seeds, workers)
    rows = [_row(*job, runs) for job, runs in zip(jobs, outcomes, strict=True)]
    return _TEXT + table(rows)
