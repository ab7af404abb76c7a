"""Sections of a Markdown page, each written by a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """A heading, a command, and the table that the command makes."""

    heading: str
    command: str
    text: str

    def markdown(self) -> str:
        """The section without its heading."""
        return f"`{self.command}`\n\n{self.text.strip()}\n"


def table(rows: list[dict[str, str]]) -> str:
    """A Markdown table of rows with the same keys."""
    head, *body = [f"| {' | '.join(cells)} |" for cells in (rows[0], *(r.values() for r in rows))]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def rewritten(page: str, section: Section, order: Sequence[str]) -> str:
    """The page with this section replaced; sections are sorted by `order`, others follow."""
    intro, *parts = re.split(r"^## ", page, flags=re.MULTILINE)
    bodies = dict(part.split("\n", 1) for part in parts)
    bodies[section.heading] = "\n" + section.markdown()
    known = [heading for heading in order if heading in bodies]
    others = [heading for heading in bodies if heading not in order]
    sections = (f"## {heading}\n\n{bodies[heading].strip()}\n" for heading in known + others)
    return "\n".join([intro.rstrip() + "\n", *sections])


def write(path: Path, section: Section, order: Sequence[str]) -> None:
    """Replace this section of an existing page; the others do not change."""
    text = rewritten(path.read_text(encoding="utf-8"), section, order)
    path.write_text(text, encoding="utf-8")
