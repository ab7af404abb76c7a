"""Tables with a heading, on the terminal or in Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import Console
from rich.table import Table


def show_columns(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    markdown: bool = False,
    left: Collection[str] = (),
) -> None:
    """Print a table.

    Args:
        headings: of the columns; all but the first and those in `left` are aligned to the right.
        rows: texts.
        markdown: print Markdown.
        left: headings of columns that are aligned to the left.
    """
    at_left = [k == 0 or heading in left for k, heading in enumerate(headings)]
    if markdown:
        lines = ["---" if aligned else "---:" for aligned in at_left]
        print("| " + " | ".join(headings) + " |\n|" + "|".join(lines) + "|")
        for row in rows:
            print("| " + " | ".join(row) + " |")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, aligned in zip(headings, at_left, strict=True):
        table.add_column(heading, justify="left" if aligned else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)
