"""What a numbered system of the lecture is: formulas, identities with both sides, a figure."""

from __future__ import annotations

import ast
import csv
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RELATIONS: Mapping[str, Callable[[float, float, float], bool]] = {
    "=": lambda left, right, slack: abs(left - right) <= slack,
    "<=": lambda left, right, slack: left <= right + slack,
    ">=": lambda left, right, slack: left >= right - slack,
}


@dataclass(frozen=True)
class Check:
    """Both sides of an identity or a bound, and whether it holds."""

    text: str
    left: float
    right: float
    slack: float = 1e-10  # what rounding, or four standard errors of a mean, may make of it
    relation: str = "="

    @property
    def holds(self) -> bool:
        """False where a side is not a number."""
        return bool(_RELATIONS[self.relation](self.left, self.right, self.slack))


@dataclass(frozen=True)
class Formula:
    """A formula of the lecture and the statement that computes it."""

    text: str
    owner: Callable[..., Any]  # the function that holds the statement
    part: str  # of the statement, which it names

    @property
    def where(self) -> str:
        """Dotted name of the function."""
        return f"{self.owner.__module__}.{self.owner.__qualname__}"

    @property
    def code(self) -> str:
        """The statement.

        Raises:
            LookupError: no statement has the part.
        """
        source = textwrap.dedent(inspect.getsource(self.owner))
        statements = [
            text
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.stmt) and not hasattr(node, "body")
            for text in [ast.get_source_segment(source, node, padded=True) or ""]
            if self.part in text
        ]
        if not statements:
            raise LookupError(f"{self.where}: expected a statement with {self.part!r}, found none")
        return textwrap.dedent(min(statements, key=len)).strip()


@dataclass(frozen=True)
class Result:
    """What a system found."""

    checks: tuple[Check, ...]
    columns: Mapping[str, Any]  # of the figure and its CSV; one length

    @property
    def holds(self) -> bool:
        """Whether every check does."""
        return all(check.holds for check in self.checks)

    def write(self, path: Path) -> None:
        """The columns as CSV, numbers to the last bit."""
        columns = [np.asarray(column).tolist() for column in self.columns.values()]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            writer.writerows(zip(*columns, strict=True))


@dataclass(frozen=True)
class System:
    """A numbered system of the lecture."""

    number: str
    title: str
    text: str  # Markdown: what is claimed, and what the figure shows
    formulas: tuple[Formula, ...]
    run: Callable[[], Result]
    draw: Callable[[Mapping[str, Any], Figure], None]

    def figure(self, result: Result) -> Figure:
        """Drawn with matplotlib, which is loaded here.

        Raises:
            ImportError: matplotlib is missing.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("figures need matplotlib: pip install '.[plot]'") from error
        figure = Figure(figsize=(9.0, 3.6), dpi=110, layout="constrained")
        self.draw(result.columns, figure)
        return figure

    def write(self, result: Result, folder: Path) -> list[Path]:
        """NUMBER.csv and NUMBER.png in a folder."""
        table, picture = folder / f"{self.number}.csv", folder / f"{self.number}.png"
        result.write(table)
        self.draw_to(picture, result)
        return [table, picture]

    def draw_to(self, path: Path, result: Result) -> None:
        """The figure as a PNG, without what would change from machine to machine."""
        self.figure(result).savefig(path, metadata={"Software": None})
