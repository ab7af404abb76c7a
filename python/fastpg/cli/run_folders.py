"""`fastpg train … --run FOLDER [--resume]`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fastpg.algorithms import resume
from fastpg.algorithms.base import Algorithm
from fastpg.envs.user_env import import_module_of
from fastpg.training.run_folder import RunFolder


def new_run(path: Path) -> RunFolder:
    """A folder for a new run.

    Args:
        path: the folder.

    Raises:
        FileExistsError: it holds a run.
        OSError: it cannot be used.
    """
    run = RunFolder(path)
    if run.holds_run:
        raise FileExistsError(f"--run: {path} holds a run: --resume goes on with it")
    run.require_free()
    return run


def resumed_run(
    path: Path | None, name: str, env_id: str, others: Collection[str]
) -> tuple[Algorithm, RunFolder]:
    """The algorithm of a run, where its last checkpoint left off.

    Args:
        path: the folder.
        name: name of the algorithm.
        env_id: id of the environment.
        others: names of further options that were given.

    Raises:
        ValueError: no folder, further options, another algorithm or environment, or a run that is
            finished.
        OSError: the folder holds no run, or cannot be used.
    """
    if path is None:
        raise ValueError("--resume: expected --run FOLDER too")
    if others:
        flags = ", ".join(f"--{other.replace('_', '-')}" for other in sorted(others))
        raise ValueError(
            f"--resume: expected no options but --run, whose run has them, got {flags}"
        )
    run = RunFolder(path, resume=True)
    if not run.holds_run:
        raise FileNotFoundError(f"--resume: {path} holds no run")
    run.require_free()
    import_module_of(env_id)
    algo = resume(run.checkpoint)
    if algo.name != name or algo.env_id not in (env_id, env_id.rpartition(":")[2]):
        raise ValueError(
            f"{path}: expected a run of {name} on {env_id}, got {algo.name} on {algo.env_id}"
        )
    if algo.plan is None or algo.plan.over:
        raise ValueError(f"{path}: the run is finished, after {algo.num_timesteps:,} steps")
    return algo, run
