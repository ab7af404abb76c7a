"""`fastpg train ALGORITHM`: one command for each algorithm, generated from its options."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from fastpg.algorithms import ALGORITHMS
from fastpg.algorithms import resume as load_checkpoint
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.diagnose import diagnose
from fastpg.cli import evaluation
from fastpg.cli.building import Training, built
from fastpg.cli.commands import App, Group
from fastpg.cli.console import INTERRUPTED, explained, fail, note, show_table, writable
from fastpg.cli.options import parameters
from fastpg.cli.run_folders import continued, learn, run_folder
from fastpg.cli.signals import stopped_by_any_signal
from fastpg.rollouts.collect import EndlessEpisodeError
from fastpg.suggestions import unknown
from fastpg.training.run_folder import RunFolder


class AlgorithmGroup(Group):
    """`fastpg train`: for an unknown algorithm, the error suggests the nearest name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names.

        Args:
            ctx: typer's context.
            args: words of the command line after `fastpg train`.

        Returns:
            The name, the command and the remaining words, as in click.
        """
        if args and args[0] not in ALGORITHMS:
            fail(unknown("algorithm", args[0], ALGORITHMS))
        return super().resolve_command(ctx, args)


train_app = App(
    cls=AlgorithmGroup,
    help="Train a policy and save it. Options: `fastpg train ALGORITHM --help`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _checkpoint_path(out: Path | None, default: str, force: bool) -> Path:
    path = Path(default) if out is None else out
    path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
    return writable(path, force=force)


def _file_part(env_id: str) -> str:
    """An id as part of a file name: "ALE/Pong-v5" becomes ALE-Pong-v5."""
    return env_id.replace("/", "-").replace(":", "-")


def _train(name: str, env_id: str, given: dict[str, Any]) -> None:
    """Train with the given options, or go on with the run of a folder."""
    names = set(given)
    folder, resume = given.pop("run", None), given.pop("resume", False)
    out, force = given.pop("out", None), given.pop("force", False)
    with explained(names):
        evaluations = _evaluations(given, folder)
        if resume and folder is None:
            raise ValueError("--resume: expected --run FOLDER too")
        run = None if folder is None else run_folder(folder, resume=resume)
        default = f"{name}-{_file_part(env_id)}-{given.get('seed', 0)}.npz"
        # The file of an interrupted run may be there: the same command goes on.
        goes_on = run is not None and run.holds_run
        path = None if run and out is None else _checkpoint_path(out, default, force or goes_on)
        if run is not None and goes_on:
            evaluations = evaluations or run.kept_evaluations()
            training = continued(run, name, env_id, given)
        else:
            training = built(name, env_id, given)
        if training is None and path is not None and run is not None:
            note(f"saved {load_checkpoint(run.checkpoint).save(path)}")
    if training is not None:
        _learn_and_report(training, env_id, path, run, evaluations)


def _evaluations(given: dict[str, Any], folder: Path | None) -> dict[str, int]:
    """Move the arguments of `learn` about evaluations out of `given`."""
    names = ("eval_freq", "n_eval_episodes")
    found: dict[str, int] = {key: given.pop(key) for key in names if key in given}
    if "n_eval_episodes" in found and "eval_freq" not in found:
        raise ValueError("--n-eval-episodes: expected --eval-freq too")
    if found and folder is None:
        raise ValueError("--eval-freq: expected --run FOLDER too, which keeps the evaluations")
    return found


def _learn_and_report(
    training: Training,
    env_id: str,
    path: Path | None,
    run: RunFolder | None,
    evaluations: dict[str, int],
) -> None:
    """Learn, save, evaluate and print the summary; with tuned settings the note names none."""
    algo, interrupted, score = training.algo, False, None
    before = algo.num_timesteps
    start = time.perf_counter()
    with explained({"total_timesteps", *evaluations}), stopped_by_any_signal() as ended:
        try:
            learn(training, run, evaluations)
        except KeyboardInterrupt:
            interrupted = True
        except Exception:
            if path and algo.num_timesteps > before:
                note(f"saved {algo.save(path)}, after {algo.num_timesteps:,} steps")
            raise
        elapsed = time.perf_counter() - start
        saved = algo.save(path) if path else run.path  # type: ignore[union-attr]
        try:
            found = "none, since the process is being ended"
            if not ended():
                found, score = _final_score(algo, env_id)
        except KeyboardInterrupt:
            interrupted, found = True, "interrupted"
        notes = [] if interrupted else diagnose(algo, score=score, tuned=not training.tuned)
        show_table(
            {
                "settings": training.settings,
                "steps": f"{algo.num_timesteps:,}" + (" (interrupted)" if interrupted else ""),
                "wall time": f"{elapsed:.3f} s",
                "steps/s": f"{(algo.num_timesteps - before) / elapsed:,.0f}",
                **_training_row(algo),
                "evaluation": found,
                "saved": str(saved),
            }
            | ({"note": "\n".join(notes)} if notes else {})
        )
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _training_row(algo: Algorithm) -> dict[str, str]:
    """The mean return of training beside that of the greedy evaluation; none without episodes."""
    mean = algo.history[-1]["rollout/ep_rew_mean"] if algo.history else math.nan
    if not isinstance(mean, float) or not math.isfinite(mean):
        return {}
    return {"training": f"{mean:.4g}, mean return of the last 100 episodes, with sampled actions"}


def _final_score(algo: Algorithm, env_id: str) -> tuple[str, float | None]:
    """The text of the final evaluation, and its mean return; None if an episode does not end."""
    try:
        return evaluation.result_of(
            algo,
            evaluation.gymnasium_env(env_id),
            env_id,
            evaluation.EVAL_EPISODES,
            greedy=True,
            seed=algo.seed,
        )
    except EndlessEpisodeError as error:
        return f"none: {error}", None


def _train_command(name: str) -> Callable[..., None]:
    """The command of an algorithm; its signature lists the options, for typer."""
    listed = parameters(name)

    def run(ctx: typer.Context, env: str, **values: Any) -> None:
        for extra in ctx.args:
            if extra.startswith("-"):
                spelled = extra.lstrip("-").split("=")[0].replace("-", "_")
                fail(unknown("option", spelled, values))
            fail(f"expected one environment, got another argument {extra!r}")
        _train(name, env, {key: values[key] for key in values if _is_given(ctx, key)})

    run.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in listed}
    run.__doc__ = (ALGORITHMS[name].__doc__ or "").partition("\n\n")[0]
    return run


def _is_given(ctx: typer.Context, key: str) -> bool:
    """Whether the user gave a value; tuned settings take precedence over defaults only."""
    source = ctx.get_parameter_source(key)
    return source is not None and source.name != "DEFAULT"


for _name in ALGORITHMS:
    train_app.command(
        _name, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(_train_command(_name))
