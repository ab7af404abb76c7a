"""Tables with a heading, on the terminal or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def show_columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool = False
) -> None:
    """Print a table.

    Args:
        headings: of the columns; all but the first are aligned to the right.
        rows: texts.
        markdown: print Markdown.
    """
    if markdown:
        print("| " + " | ".join(headings) + " |\n|---|" + "---:|" * (len(headings) - 1))
        for row in rows:
            print("| " + " | ".join(row) + " |")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="right" if k else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)
