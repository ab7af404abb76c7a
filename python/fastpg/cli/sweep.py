"""`fastpg sweep`."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from fastpg.algorithms.catalogue import find
from fastpg.algorithms.option_texts import Described, described
from fastpg.cli.console import INTERRUPTED, explained, note
from fastpg.cli.signals import stopped_by_any_signal
from fastpg.cli.tables import show_columns
from fastpg.experiments import Results, train_many
from fastpg.experiments.statistics import interval, median
from fastpg.suggestions import unknown

_SHOWN_FAILURES = 5


def sweep(
    context: typer.Context,
    algorithm: Annotated[str, typer.Argument(help="reinforce, npg, trpo or ppo")],
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
    markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown")] = False,
) -> None:
    """Train with many seeds, and print statistics of the final policies.

    Every option of the algorithm may have several values: --target-kl .003 .01 .03; all
    combinations are trained.
    """
    with explained({"seeds", "total_timesteps", "run"}), stopped_by_any_signal():
        fixed, grid = _values(algorithm, context.args)
        try:
            results = train_many(
                algorithm,
                env,
                seeds=_seeds(seeds),
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
        if csv is not None:
            results.to_csv(csv)
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


def _seeds(text: str) -> int | range | list[int]:
    if re.fullmatch(r"\d+", text):
        return int(text)
    if found := re.fullmatch(r"(\d+):(\d+)", text):
        return range(int(found[1]), int(found[2]))
    if re.fullmatch(r"\d+(,\d+)*", text):
        return [int(part) for part in text.split(",")]
    raise ValueError(f"seeds: expected a number, a range such as 0:1000, or 1,2,3, got {text!r}")


def _values(algorithm: str, words: list[str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Options of the algorithm with one value, and those with several."""
    known = {spec.name: spec for spec in described(find(algorithm).options_class)}
    found = {
        name: [_value(known[name], text) for text in texts]
        for name, texts in _texts(known, words).items()
    }
    fixed = {name: values[0] for name, values in found.items() if len(values) == 1}
    return fixed, {name: values for name, values in found.items() if len(values) > 1}


def _texts(known: Collection[str], words: list[str]) -> dict[str, list[str]]:
    """The words after each option."""
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            flag, _, value = word[2:].partition("=")
            name = flag.replace("-", "_")
            if name not in known:
                raise ValueError(unknown("option", name, known))
            if name in found:
                raise ValueError(f"{_flag(name)}: expected once, with all its values")
            found[name] = [value] if value else []
        elif found:
            found[next(reversed(found))].append(word)
        else:
            raise ValueError(f"expected an option before {word!r}")
    for name, texts in found.items():
        if not texts:
            raise ValueError(f"{_flag(name)}: expected at least one value")
    return found


def _value(spec: Described, text: str) -> Any:
    """The value of an option, of its type."""
    if spec.takes_none and text.lower() == "none":
        return None
    if spec.plain is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{_flag(spec.name)}: expected true or false, got {text!r}")
        return text.lower() == "true"
    if spec.plain is str:
        return _number(text) if spec.is_schedule else text
    try:
        return spec.plain(text)
    except ValueError:
        kind = "an integer" if spec.plain is int else "a number"
        raise ValueError(f"{_flag(spec.name)}: expected {kind}, got {text!r}") from None


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _number(text: str) -> float | str:
    """A schedule: a number if it is one."""
    try:
        return float(text)
    except ValueError:
        return text
