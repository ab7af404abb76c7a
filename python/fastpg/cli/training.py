"""`fastpg train ALGORITHM`: one command for each algorithm, generated from its options."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from fastpg.algorithms import ALGORITHMS
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.diagnose import diagnose
from fastpg.algorithms.settings import TunedSettings
from fastpg.algorithms.train import build, settings_for, timesteps
from fastpg.cli import evaluation
from fastpg.cli.console import INTERRUPTED, explained, fail, show_table, writable
from fastpg.cli.options import OF_POLICY, OF_VALUES, keywords, parameters
from fastpg.cli.run_folders import new_run, resumed_run
from fastpg.cli.signals import stopped_by_any_signal
from fastpg.rollouts.collect import EndlessEpisodeError
from fastpg.suggestions import unknown
from fastpg.training.run_folder import RunFolder


class AlgorithmGroup(typer.core.TyperGroup):
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


train_app = typer.Typer(
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
    """Train with the given options, else tuned settings, else the defaults."""
    names = set(given)
    folder = given.pop("run", None)
    if given.pop("resume", False):
        _resume(name, env_id, folder, set(given))
        return
    seed, total = given.pop("seed", 0), given.pop("total_timesteps", None)
    out, force = given.pop("out", None), given.pop("force", False)
    config = given.pop("config", None)  # its options are among the given ones
    policy, file = given.pop("policy", "linear"), given.pop("tuned", None)
    no_tuned = given.pop("no_tuned", False)
    with explained(names):
        if no_tuned and file is not None:
            raise ValueError("--no-tuned: expected without --tuned, got both")
        run = None if folder is None else new_run(folder)
        default = f"{name}-{_file_part(env_id)}-{seed}.npz"
        path = None if run and out is None else _checkpoint_path(out, default, force)
        settings = settings_for(name, env_id, policy, file or not no_tuned)
        policy_kwargs = _policy_kwargs(given, settings)
        value_kwargs = _value_kwargs(given)
        algo = build(
            name,
            env_id,
            settings,
            seed=seed,
            policy=policy,
            policy_kwargs=policy_kwargs,
            value_kwargs=value_kwargs,
            **given,
        )
    described = _settings_text(settings, file, f"{name} on {env_id}")
    if config is not None:
        described = f"{config}; for the rest {described}"
    steps = timesteps(name, settings, total)
    _learn_and_report(algo, env_id, steps, described, path, run, tuned=settings is not None)


def _resume(name: str, env_id: str, folder: Path | None, others: set[str]) -> None:
    """Go on with the run of a folder."""
    with explained():
        algo, run = resumed_run(folder, name, env_id, others)
    settings = f"those of {folder}, from step {algo.num_timesteps:,}"
    _learn_and_report(algo, env_id, None, settings, None, run, tuned=True)


def _policy_kwargs(given: dict[str, Any], settings: TunedSettings | None) -> dict[str, Any] | None:
    """Move the policy's options out of `given` and add tuned ones; None if none were given."""
    own = {key: given.pop(key) for key in OF_POLICY if key in given}
    if not own:
        return None
    if "features_kwargs" in own:
        own["features_kwargs"] = keywords(own["features_kwargs"])
    if "net_arch" in own:
        own["net_arch"] = _widths("net_arch", own["net_arch"])
    tuned = {} if settings is None else dict(settings.policy_kwargs)
    if "features" in own:
        tuned.pop("features_kwargs", None)  # they belong to the tuned features
    return tuned | own


def _value_kwargs(given: dict[str, Any]) -> dict[str, Any] | None:
    """Move the options of the value network out of `given`; None if none were given."""
    own = {key: given.pop(name) for name, key in OF_VALUES.items() if name in given}
    if "net_arch" in own:
        own["net_arch"] = _widths("value_net_arch", own["net_arch"])
    return own or None


def _widths(name: str, text: str) -> list[int]:
    """The widths in "64,64"; "none" has no hidden layer."""
    try:
        return [] if text.lower() == "none" else [int(width) for width in text.split(",")]
    except ValueError:
        raise ValueError(f"{name}: expected integers with commas, or none, got {text!r}") from None


def _settings_text(settings: TunedSettings | None, file: Path | None, name: str) -> str:
    """The row "settings" of the summary."""
    if settings is not None:
        return f"{settings}; --no-tuned: the defaults"
    return "the defaults" + ("" if file is None else f"; {file} has none for {name}")


def _learn_and_report(
    algo: Algorithm,
    env_id: str,
    total: int | None,
    settings: str,
    path: Path | None,
    run: RunFolder | None,
    *,
    tuned: bool,
) -> None:
    """Learn, save, evaluate and print the summary; with `tuned`, the note names no settings."""
    interrupted, score = False, None
    before = algo.num_timesteps
    start = time.perf_counter()
    with explained({"total_timesteps"}), stopped_by_any_signal() as ended:
        try:
            algo.learn(total, log=run, progress_bar=True)
        except KeyboardInterrupt:
            interrupted = True
        elapsed = time.perf_counter() - start
        saved = algo.save(path) if path else run.path  # type: ignore[union-attr]
        try:
            found = "none, since the process is being ended"
            if not ended():
                found, score = _final_score(algo, env_id)
        except KeyboardInterrupt:
            interrupted, found = True, "interrupted"
        notes = [] if interrupted else diagnose(algo, score=score, tuned=not tuned)
        show_table(
            {
                "settings": settings,
                "steps": f"{algo.num_timesteps:,}" + (" (interrupted)" if interrupted else ""),
                "wall time": f"{elapsed:.3f} s",
                "steps/s": f"{(algo.num_timesteps - before) / elapsed:,.0f}",
                "evaluation": found,
                "saved": str(saved),
            }
            | ({"note": "\n".join(notes)} if notes else {})
        )
    if interrupted:
        raise typer.Exit(INTERRUPTED)


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
