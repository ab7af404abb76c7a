"""`fastpg sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastpg.cli.console import INTERRUPTED, explained, note, writable
from fastpg.cli.option_words import NAMES, OPTIONS, seeds_in, values
from fastpg.cli.signals import stopped_by_any_signal
from fastpg.cli.tables import show_columns
from fastpg.experiments import Results, train_many
from fastpg.experiments.statistics import interval, median

_SHOWN_FAILURES = 5


def sweep(
    context: typer.Context,
    algorithm: Annotated[str, typer.Argument(help=NAMES)],
    env: Annotated[str, typer.Argument(help="id of the environment; module:id imports first")],
    seeds: Annotated[
        str, typer.Option(help="a number, a range such as 0:1000, or seeds with commas")
    ] = "10",
    total_timesteps: Annotated[
        int | None, typer.Option(help="environment steps of each training; default: as train")
    ] = None,
    policy: Annotated[str, typer.Option(help="kind of policy: linear or mlp")] = "linear",
    run: Annotated[
        Path | None,
        typer.Option(help="folder that keeps the experiment; the same command goes on with it"),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="processes; default: one for each core")
    ] = None,
    evaluations: Annotated[int, typer.Option(min=1, help="evaluations of each training")] = 10,
    episodes: Annotated[int, typer.Option(min=1, help="episodes of an evaluation")] = 20,
    no_tuned: Annotated[
        bool, typer.Option("--no-tuned", help="use the defaults, no tuned settings")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="write the table of all evaluations")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace the table if it exists")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown")] = False,
) -> None:
    """Train with many seeds, and print statistics of the final policies.

    Every option of the algorithm may have several values: --target-kl .003 .01 .03; all
    combinations are trained.
    """
    with explained({"seeds", "total_timesteps", "run"} | OPTIONS), stopped_by_any_signal():
        fixed, grid = values(algorithm, context.args)
        table = None if csv is None else writable(csv, force=force, option="--csv")
        try:
            results = train_many(
                algorithm,
                env,
                seeds=seeds_in(seeds),
                total_timesteps=total_timesteps,
                grid=grid,
                run=run,
                n_jobs=jobs,
                n_evaluations=evaluations,
                n_eval_episodes=episodes,
                tuned=not no_tuned,
                progress_bar=True,
                policy=policy,
                **fixed,
            )
        except KeyboardInterrupt:
            if run is not None:
                note(f"{run} keeps what is finished: the same command goes on")
            raise typer.Exit(INTERRUPTED) from None
        if table is not None:
            results.to_csv(table)
        _show(results, markdown)
    if results.failures:
        _show_failures(results)
        raise typer.Exit(1)


def _show(results: Results, markdown: bool) -> None:
    rows = []
    for name in results.settings:
        final = results.of(name)[:, -1]
        texts = ["-", "-"]
        if len(final):
            texts = [str(interval(final)), f"{median(final):.4g}"]
        rows.append([name, str(len(final)), *texts])
    headings = ("setting", "seeds", "return, IQM [95 %]", "median")
    show_columns(headings, rows, markdown=markdown)


def _show_failures(results: Results) -> None:
    failures = list(results.failures.items())
    for (setting, seed), error in failures[:_SHOWN_FAILURES]:
        note(f"failed: {setting}, seed {seed}: {error}")
    if len(failures) > _SHOWN_FAILURES:
        note(f"and {len(failures) - _SHOWN_FAILURES} more failures")
