"""`fastpg lecture`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastpg.cli.console import explained
from fastpg.files import path_of


def lecture(
    system: Annotated[str, typer.Argument(help="L1 to L12, Kakade, or all")] = "all",
    out: Annotated[Path, typer.Option(help="folder of the figures and tables")] = Path("lecture"),
) -> None:
    """Print both sides of the lecture's identities; write a figure and a CSV for each system.

    Of arrays a row shows the component in which the sides differ most, with its indices from 0.
    """
    from fastpg import lecture as systems  # slow to import, and only this command needs it

    holds = True
    with explained():
        chosen = systems.find(system)
        folder = path_of(out)
        folder.mkdir(parents=True, exist_ok=True)
        for each in chosen:
            result = each.run()
            _show_checks(each, result)
            written = " and ".join(map(str, each.write(result, folder)))
            print(f"wrote {written}\n")
            holds = holds and result.holds
    if not holds:
        raise typer.Exit(1)


def _show_checks(system: Any, result: Any) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{system.number}  {system.title}", markup=False, style="bold")
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("identity", overflow="fold")
    for heading in ("left", "", "right", ""):
        table.add_column(heading, no_wrap=True)
    for check in result.checks:
        sides = (f"{check.left:.10g}", check.relation, f"{check.right:.10g}")
        verdict = "holds" if check.holds else "FAILS"
        within = f" within {check.slack:.2g}" if check.slack > 0.0 else ""
        table.add_row(Text(check.text), *sides, verdict + within)
    Console(highlight=False, width=max(console.width, 110)).print(table)
