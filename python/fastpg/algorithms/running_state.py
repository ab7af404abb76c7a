"""What a checkpoint holds beyond a file of `save`: reading it, and checking it."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy.typing as npt

from fastpg import arrays
from fastpg.envs.native_recipe import NativeRecipe
from fastpg.rollouts.place import state_in
from fastpg.training import checkpoints
from fastpg.training.metrics import MOST_COUNT
from fastpg.training.plan import Plan

FORMAT = 1


class RunningState(NamedTuple):
    """How far `learn` has come, and in which environment.

    `in_episodes` says whether unfinished episodes go on; otherwise new ones start.
    """

    plan: Plan | None  # None: `learn` was never called in this environment
    step_count: int  # of the collector
    native: NativeRecipe | None  # None: the environments are in Python
    in_episodes: bool


def read(path: str | os.PathLike[str]) -> checkpoints.State:
    """Read a checkpoint; errors mention the one before it, if it is there.

    Args:
        path: path of the file; the suffix ".npz" may be left out.

    Returns:
        (arrays by name, JSON values by name).

    Raises:
        FileNotFoundError, CheckpointError, TypeError, ValueError: as in `checkpoints.read`.
    """
    try:
        return checkpoints.read(path)
    except (FileNotFoundError, checkpoints.CheckpointError) as error:
        previous = checkpoints.previous_of(path)
        if previous.is_file():
            error.add_note(f"The checkpoint before it is {previous}")
        raise


def entries(path: str | os.PathLike[str], meta: dict[str, Any]) -> dict[str, Any]:
    """The entries of `Resumable.running_state` in a checkpoint.

    Args:
        path: path of the checkpoint, for the error.
        meta: its JSON values by name.

    Returns:
        JSON values by name; of them only "functions" is checked.

    Raises:
        CheckpointError: a file of `save`, which has none.
        KeyError, TypeError, ValueError: another format, or wrong values.
    """
    if "running" not in meta:
        raise checkpoints.CheckpointError(
            f"{os.fspath(path)}: expected a checkpoint of save_checkpoint, got a file of save, "
            "which has no running state to resume: use load"
        )
    running: dict[str, Any] = meta["running"]
    found = running["format"]
    if type(found) is not int or found != FORMAT:
        raise ValueError(f"running state: expected format {FORMAT}, got {found!r}")
    names = running["functions"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"functions: expected a list of names, got {names!r}")
    return running


def require_functions(names: list[str], given: Collection[str]) -> None:
    """Check that the schedules that were functions are among the arguments of `resume`.

    Args:
        names: names of these options.
        given: names of the options given.

    Raises:
        ValueError: one is missing.
    """
    for name in names:
        if name not in given:
            raise ValueError(
                f"resume: expected {name}=..., a function as in the run, since a file cannot hold "
                "it, got none"
            )


def checked(
    running: dict[str, Any], stored: dict[str, npt.NDArray[Any]], n_envs: int
) -> RunningState:
    """The running state of a checkpoint.

    Args:
        running: return value of `entries`.
        stored: arrays of the checkpoint, by name.
        n_envs: the option.

    Returns:
        Its parts.

    Raises:
        KeyError, TypeError, ValueError: an entry is missing, or has the wrong type or values.
    """
    plan, native = running["plan"], running["native"]
    recipe = None if native is None else NativeRecipe.restore(native)
    in_episodes = arrays.boolean("in_episodes", running["in_episodes"])
    if recipe is not None and recipe.num_envs != n_envs:
        raise ValueError(f"native: expected {n_envs} environments, got {recipe.num_envs}")
    if in_episodes:
        if recipe is None:
            raise ValueError("native: expected the environments of the episodes, got none")
        state_in(stored, n_envs)
    return RunningState(
        None if plan is None else Plan.restore(plan),
        arrays.integer("step_count", running["step_count"], 0, MOST_COUNT),
        recipe,
        in_episodes,
    )
