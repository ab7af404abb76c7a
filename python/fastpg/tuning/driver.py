"""`tune`: trials of settings, and the best of them beside the defaults on fresh seeds."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastpg import arrays
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.train import Tuned
from fastpg.experiments.identity import name_of, of_tuned, plain
from fastpg.experiments.preparing import require_arguments, shared_trial
from fastpg.experiments.settings import Setting, seeds_of
from fastpg.experiments.trial import Trial
from fastpg.files import path_of, replace_file
from fastpg.rollouts.make_env import close_made
from fastpg.tuning.judging import Final, Judges
from fastpg.tuning.progress import progress
from fastpg.tuning.result import Tuning, records_of
from fastpg.tuning.rows import config_of, row_of
from fastpg.tuning.scores import Objective
from fastpg.tuning.space import Search, first_draws, ranges_of

_MOST_TRIALS = 10**7


def tune(
    algorithm: str,
    env: Any,
    *,
    n_trials: int = 100,
    total_timesteps: int | None = None,
    search: Search = None,
    seeds: int | Iterable[int] = 5,
    objective: str = "final",
    statistic: str = "mean",
    fresh_seeds: int | Iterable[int] = 20,
    n_finalists: int = 5,
    sampler: Any = "tpe",
    pruner: Any = "median",
    seed: int = 0,
    run: str | os.PathLike[str] | None = None,
    storage: Any = None,
    study_name: str | None = None,
    n_jobs: int = 1,
    n_evaluations: int = 5,
    n_eval_episodes: int = 20,
    eval_env: Any = None,
    deterministic: bool = True,
    tuned: Tuned = True,
    progress_bar: bool = False,
    **arguments: Any,
) -> Tuning:
    """Search for settings with Optuna, and judge the best ones on fresh seeds.

    A trial draws settings, and trains with each of `seeds`. At each evaluation the statistic of the
    seeds' scores is compared with earlier trials, and a bad trial is pruned. The first trial has
    the settings that `train` uses, as far as the ranges have them. A trial that fails keeps its
    settings and its error, and ends nothing else.

    A few seeds choose badly among many trials: the highest score is mostly luck. So the trials of
    the highest scores train with seeds of their own, which choose the best; fresh ones judge it.

    With `run` or `storage`, the same call again goes on where an earlier one has stopped, up to
    `n_trials`. With one job and a sampler given by its name, equal calls give equal studies, also
    if they were interrupted.

    Args:
        algorithm: its name, as in `train`.
        env: an id, or a callable that makes an environment; each training makes its own.
        n_trials: trials of the study, those of earlier calls included, interrupted ones not.
        total_timesteps: environment steps of each training, as in `train`.
        search: ranges by option, or names of options, whose default ranges are used;
            `search_space` of `fastpg.tuning` gives the defaults, and the name "default" stands for
            all of them. A range is a text as `--search` takes it ("0.001:0.1:log",
            "lin_0.001:0.1:log", "64,128"), a tuple (low, high), (low, high, "log") or (low, high,
            step), a list of values, or a distribution of Optuna. None: the defaults.
        seeds: a number n for the seeds 0 … n - 1, or the seeds, of each trial.
        objective: score of a training: "final", the mean return of the final policy, or "auc", the
            mean return over the training, by trapezoids between the evaluations.
        statistic: score of a trial, over the scores of its seeds: "mean", "median" or "iqm".
        fresh_seeds: seeds with which the best settings, the tuned ones and the defaults train at
            the end: a number n for 1,000,000 and the n - 1 seeds after it, or the seeds.
        n_finalists: number of complete trials, of the highest scores and of different settings,
            that train with as many other seeds, from 500,000 on, and the first complete trial too;
            the best of these is the best trial. 1: the trial of the highest score, without more
            training.
        sampler: "tpe", "random" or a sampler of Optuna.
        pruner: "median", "percentile" (the best quarter goes on), "halving", "none" or a pruner of
            Optuna. Its steps are environment steps.
        seed: of the sampler.
        run: folder that keeps the study and best.toml; one process at a time uses it.
        storage: URL or storage of Optuna, which processes and machines may share.
        study_name: name of the study in `storage`, and only with it; None: algorithm and
            environment.
        n_jobs: trials that run at once, in threads; the judgement on fresh seeds uses as many
            processes.
        n_evaluations: evaluations of a training, as in `train_many`.
        n_eval_episodes: episodes of an evaluation.
        eval_env: an id or a callable for evaluations; None: the training environment made anew, as
            `EvalCallback` does.
        deterministic: evaluate the most probable actions instead of sampled ones.
        tuned: as in `train`: where the search starts, and what unsearched options are.
        progress_bar: show finished trials and the best score.
        **arguments: further arguments of `train` that all trials share; an option of the algorithm
            among them is fixed.

    Returns:
        The best settings, their results on fresh seeds, and the study.

    Raises:
        TypeError, ValueError: a wrong argument, an option or a range that cannot be searched, or
            another study in the storage; nothing was trained.
        ImportError: Optuna is missing: pip install '.[tune]'.
        RuntimeError: no trial was completed; the message has the first error.
        OSError: the folder cannot be used; BlockingIOError: another process uses it.
        KeyboardInterrupt: after Ctrl-C; the study keeps what is finished.
    """
    _require_optuna()
    from fastpg.tuning.study import opened_study, pruner_of, sampler_of
    from fastpg.tuning.trials import Task, run_trials

    count = arrays.integer("n_trials", n_trials, 1, _MOST_TRIALS)
    jobs = arrays.integer("n_jobs", n_jobs, 1, 4096)
    own = seeds_of(seeds)
    judges = Judges.of(own, fresh_seeds, n_finalists)
    base = shared_trial(
        algorithm, env, eval_env, tuned, total_timesteps, n_evaluations, n_eval_episodes,
        deterministic, {"num_threads": 1} | arguments,
    )  # fmt: skip
    require_arguments(Setting("of all trials", {}), base, own[0])
    task = Task(base, ranges_of(base, search), own, Objective(objective, statistic, base.points))
    draws, prunes = sampler_of(sampler, arrays.seed(seed)), pruner_of(pruner)
    place = {"run": run, "storage": storage, "study_name": study_name}
    config = _config(task, arguments, {"sampler": sampler, "pruner": pruner, "seed": seed})
    with opened_study(config, draws, prunes, **place) as study:
        _enqueue_first(study, task)
        with progress(lambda: records_of(study), count, shown=progress_bar) as report:
            run_trials(study, task, count, jobs, report)
        final = Final(base, judges, task.objective, jobs, tuned)
        best = final.best(records_of(study))
        trial = base.of(0, best.settings)
        with _built(trial, own[0]) as algo:
            row, options = row_of(trial, algo), config_of(trial, algo)
        result = Tuning(
            best=best,
            row=row,
            config=options,
            judged=final.judged(best.settings),
            trials=records_of(study),
            objective=task.objective,
            study=study,
        )
        if run is not None:
            _write(path_of(run), result, judges.fresh)
        return result


def _require_optuna() -> None:
    try:
        importlib.import_module("optuna")
    except ImportError as error:
        raise ImportError("tune needs optuna: pip install '.[tune]'") from error


def _config(task: Any, arguments: dict[str, Any], search: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, as JSON values; another study has another one."""
    base = task.base
    return {
        "algorithm": base.algorithm,
        "env": plain(base.env),
        "name": name_of(base.env),
        "eval_env": plain(base.eval_env),
        "tuned": of_tuned(base.tuned),
        "arguments": plain(arguments),
        "search": {name: each.text() for name, each in task.ranges.items()},
        "seeds": list(task.seeds),
        "objective": task.objective.kind,
        "statistic": task.objective.statistic,
        "total_timesteps": base.total_timesteps,
        "points": list(base.points),
        "n_eval_episodes": base.n_eval_episodes,
        "deterministic": base.deterministic,
        **{name: _named(value) for name, value in search.items()},
    }


def _named(value: Any) -> Any:
    """A sampler or a pruner by the name of its class: its text has its address."""
    return value if isinstance(value, str | int) else type(value).__name__


@contextmanager
def _built(trial: Trial, seed: int) -> Iterator[Algorithm]:
    """The algorithm with the settings of a trial."""
    algo = trial.built(seed)
    try:
        yield algo
    finally:
        close_made(algo.env, trial.env)


def _enqueue_first(study: Any, task: Any) -> None:
    """Let the first trial have the settings that `train` uses, unless one is finished."""
    if all(record.state == "interrupted" for record in records_of(study)):
        with _built(task.base, task.seeds[0]) as algo:
            study.enqueue_trial(first_draws(algo, task.ranges))


def _write(run: Path, result: Tuning, fresh: list[int]) -> None:
    """Write best.toml and tuned.toml; both say how the settings were judged."""
    what = f"{result.objective} [95 %], of {len(fresh)} fresh seeds from {fresh[0]}"
    finished = sum(each.state != "interrupted" for each in result.trials)
    lines = [f"# {finished} trials; {what}:"]
    lines += [f"#   {name}: {found}" for name, found in result.intervals().items()]
    head = "\n".join(lines)
    for name, text in (("best.toml", result.config), ("tuned.toml", result.row)):
        replace_file(run / name, f"{head}\n{text}".encode())
