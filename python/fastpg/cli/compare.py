"""`fastpg compare`."""

from __future__ import annotations

from itertools import combinations, permutations
from pathlib import Path
from typing import Annotated

import typer

from fastpg.cli.console import explained, show_table, writable
from fastpg.cli.tables import show_columns
from fastpg.experiments.methods import methods_of
from fastpg.experiments.results import Results
from fastpg.experiments.statistics import Interval, interval, probability_of_improvement


def compare(
    runs: Annotated[list[Path], typer.Argument(help="folders of experiments, made by sweep --run")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="picture: .png, .svg or .pdf (pip install '.[plot]')"),
    ] = None,
    confidence: Annotated[float, typer.Option(help="of the intervals, in (0, 1)")] = 0.95,
    markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="replace the picture if it exists")
    ] = False,
) -> None:
    """Compare experiments: statistics with intervals, and who is better than whom."""
    with explained({"confidence"}):
        target = None if out is None else writable(out, force=force)
        methods = methods_of(runs)
        _show_statistics(methods, confidence, markdown)
        if len(methods) > 1:
            print()
            _show_improvements(methods, confidence, markdown)
        if target is not None:
            from fastpg.plots import save_figure  # needs matplotlib
            from fastpg.plots.comparison import comparison

            saved = save_figure(comparison(methods, confidence=confidence), target)
            print()
            show_table({"saved": str(saved)})


def _show_statistics(methods: dict[str, Results], confidence: float, markdown: bool) -> None:
    level = f"[{100.0 * confidence:g} %]"
    rows = []
    for name, results in methods.items():
        final = results.of(0)[:, -1]
        if not len(final):
            raise ValueError(f"{name}: expected a finished training, found none")
        found = [
            str(interval(final, kind, confidence=confidence)) for kind in ("iqm", "mean", "median")
        ]
        rows.append([name, str(len(final)), *found])
    headings = ["method", "seeds", *(f"{kind} {level}" for kind in ("IQM", "mean", "median"))]
    show_columns(headings, rows, markdown=markdown)


def _show_improvements(methods: dict[str, Results], confidence: float, markdown: bool) -> None:
    finals = {name: results.of(0)[:, -1] for name, results in methods.items()}
    found: dict[tuple[str, str], Interval] = {}
    for one, other in combinations(finals, 2):
        better = probability_of_improvement(finals[one], finals[other], confidence=confidence)
        found[one, other] = better
        # Of the same draws, so that both lines say the same.
        found[other, one] = Interval(1.0 - better.value, 1.0 - better.high, 1.0 - better.low)
    rows = [[*pair, str(found[pair])] for pair in permutations(finals, 2)]
    headings = (
        "a run of",
        "against one of",
        f"is better with probability [{100 * confidence:g} %]",
    )
    show_columns(headings, rows, markdown=markdown)
