"""`fastpg train … --run FOLDER [--resume]`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastpg.algorithms import resume
from fastpg.algorithms.base import Algorithm
from fastpg.cli.building import Training, built
from fastpg.cli.console import note
from fastpg.envs.user_env import import_module_of
from fastpg.training.run_config import run_config
from fastpg.training.run_folder import RunFolder

# Results do not depend on the first; the second grows as the run learns.
_MAY_DIFFER = ("options: num_threads", "policy: normalizer_count")


def run_folder(path: Path, *, resume: bool) -> RunFolder:
    """The folder of a run.

    Args:
        path: the folder.
        resume: whether a run that it holds goes on.

    Raises:
        FileExistsError: it holds a run, without `resume`.
        OSError: it cannot be used.
    """
    run = RunFolder(path, resume=resume)
    if run.holds_run and not resume:
        raise FileExistsError(f"--run: {path} holds a run: --resume goes on with it")
    run.require_free()
    return run


def continued(run: RunFolder, name: str, env_id: str, given: dict[str, Any]) -> Training | None:
    """What is left to do of a run; a run without a checkpoint begins again.

    Args:
        run: the folder, which holds a run.
        name: name of the algorithm.
        env_id: id of the environment.
        given: options by name, without those that say where files are: all of the run, or none.
            `total_timesteps` may be larger than that of the run, and `num_threads` another.

    Returns:
        The algorithm, and the environment steps that it shall have in the end; None if it has them.

    Raises:
        TypeError, ValueError: another algorithm, environment or other options than those of the
            run; or fewer steps.
        OSError: the folder cannot be read.
    """
    import_module_of(env_id)
    config = run.config()
    found, of = config.get("algorithm"), config.get("env_id")
    if found != name or of not in (env_id, env_id.rpartition(":")[2]):
        raise ValueError(f"{run.path}: expected a run of {name} on {env_id}, got {found} on {of}")
    kept = run.checkpoint.exists()
    if not kept or given.keys() - {"total_timesteps", "num_threads"}:
        new = built(name, env_id, given)
        _require_same(run.path, config, run_config(new.algo, new.steps))
    if not kept:
        steps = given.get("total_timesteps", config.get("total_timesteps", new.steps))
        return new._replace(steps=steps, settings=f"{new.settings}; {run.path} had no checkpoint")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        algo = resume(run.checkpoint, num_threads=given.get("num_threads"))
    planned = _planned(algo)
    steps = given.get("total_timesteps", planned)
    if steps < planned:
        raise ValueError(
            f"total_timesteps: expected at least the {planned:,} of the run, got {steps:,}"
        )
    if steps == planned and _over(algo):
        note(
            f"{run.path}: the run is finished, after {algo.num_timesteps:,} steps; a larger "
            "--total-timesteps goes on with it"
        )
        return None
    for warning in told:
        note(str(warning.message))
    return Training(algo, steps, f"those of {run.path}, from step {algo.num_timesteps:,}", True)


def learn(training: Training, run: RunFolder | None, evaluations: dict[str, int]) -> None:
    """Train to the end: first what an interruption has left of a `learn`, then further steps.

    Args:
        training: the training.
        run: its folder, or None.
        evaluations: `eval_freq` and `n_eval_episodes` of `learn`, if given.
    """
    algo = training.algo
    given: dict[str, Any] = {"log": run, "progress_bar": True, **evaluations}
    if not _over(algo):
        algo.learn(**given)
    if training.steps > _planned(algo) or not algo.plan:
        further = training.steps - algo.num_timesteps
        algo.learn(further, reset_num_timesteps=False, **given)


def _over(algo: Algorithm) -> bool:
    """Whether nothing is left of a `learn`."""
    return algo.plan is None or algo.plan.over


def _planned(algo: Algorithm) -> int:
    """The environment steps that the algorithm has at the end of its last `learn`."""
    return algo.num_timesteps + (0 if algo.plan is None else algo.plan.remaining)


def _require_same(path: Path, kept: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise ValueError if options are not those of a run; the message names them."""
    old, new = (dict(_entries(json.loads(json.dumps(each)))) for each in (kept, asked))
    different = [
        f"{name} {old.get(name)!r}, not {new.get(name)!r}"
        for name in dict.fromkeys([*old, *new])
        if name not in _MAY_DIFFER
        and old.get(name) != new.get(name)
        and (name in old or not name.startswith("options"))  # an earlier version lacked an option
    ]
    if different:
        raise ValueError(
            f"--resume: expected all options of the run in {path}, or none; it has "
            f"{'; '.join(different)}"
        )


def _entries(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a configuration says of the training, by names for an error."""
    yield "seed", config.get("seed")
    for part in ("env", "policy", "options", "value_kwargs"):
        for name, value in (config.get(part) or {}).items():
            yield f"{part}: {name}", value
