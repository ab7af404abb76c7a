"""Tables of tuned settings, of the package or of a file."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gymnasium
import numpy as np

from fastpg.algorithms.settings import (
    LINEAR,
    Table,
    TunedSettings,
    built_in,
    read_file,
    tuned_settings,
)
from fastpg.algorithms.train import build, timesteps
from fastpg.envs import NATIVE
from fastpg.policies.factory import POLICIES
from fastpg.suggestions import one_of
from tables.runs import duration, final_return, interval, over_seeds
from tables.sections import table

_NATIVE, _PYTHON = "Tuned settings", "Tuned settings, environments stepped from Python"
SEEDS = {_NATIVE: 20, _PYTHON: 10}  # of each table


def run(
    algorithm: str, env_id: str, policy: str, file: str | None, seed: int
) -> tuple[float, float]:
    """Mean greedy return on Gymnasium's environment, and seconds of training."""
    row = tuned_settings(algorithm, env_id, file, policy=policy)
    start = time.perf_counter()
    algo = build(algorithm, env_id, row, seed=seed, policy=policy)
    algo.learn(timesteps(algorithm, row))
    seconds = time.perf_counter() - start
    return final_return(algo, env_id, seed), seconds


def chosen(file: str | None, only: list[str] | None) -> list[TunedSettings]:
    """The settings of a file, or of the package; with `only`, those with these names."""
    rows = [row for kind in POLICIES for row in _table(file, kind).values()]
    names = [_name(row) for row in rows]
    wanted = [one_of("--only", name, names) for name in only or names]
    return [row for name, row in zip(names, rows, strict=True) if name in wanted]


def _table(file: str | None, policy: str) -> Table:
    return built_in(policy) if file is None else read_file(file, policy)


def _name(row: TunedSettings) -> str:
    """ALGORITHM:ID, or for policies that are not linear POLICY:ALGORITHM:ID."""
    name = f"{row.algorithm}:{row.env_id}"
    return name if row.policy == LINEAR else f"{row.policy}:{name}"


def parts(settings: list[TunedSettings]) -> Iterator[tuple[str, int, list[TunedSettings]]]:
    """Heading, number of seeds and rows of each table that has rows."""
    for heading, count in SEEDS.items():
        rows = [row for row in settings if (row.env_id in NATIVE) == (heading == _NATIVE)]
        if rows:
            yield heading, count, rows


def _row(row: TunedSettings, runs: list[tuple[float, float]]) -> dict[str, str]:
    returns, seconds = np.array(runs).T
    level = gymnasium.spec(row.env_id).reward_threshold if row.level is None else row.level
    count = None if level is None else int((returns >= level).sum())
    return {
        "algorithm": row.algorithm,
        "policy": row.policy,
        "environment": row.env_id,
        "steps": f"{timesteps(row.algorithm, row):,}",
        "level": "-" if level is None else f"{level:g}",
        "seeds at it": "-" if count is None else f"{count} of {len(runs)}",
        "95 % interval": "-" if count is None else interval(count, len(runs)),
        "median": _shown(float(np.median(returns)), level),
        "worst": _shown(float(returns.min()), level),
        "training": duration(float(np.median(seconds))),
    }


def _shown(value: float, level: float | None) -> str:
    return f"{value:z.{3 if level is not None and abs(level) < 1.0 else 1}f}"


def text(settings: list[TunedSettings], seeds: range, workers: int) -> str:
    """A row for each algorithm and environment."""
    jobs = [(row.algorithm, row.env_id, row.policy, row.file) for row in settings]
    outcomes = over_seeds(run, jobs, seeds, workers)
    return table([_row(*what) for what in zip(settings, outcomes, strict=True)])
