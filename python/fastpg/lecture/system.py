"""A numbered system of the lecture: formulas, checked identities, programs, and a figure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.lecture.formulas import Formula, Kernel
from fastpg.plots.style import new_figure

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
    slack: float = 1e-10  # tolerance: for rounding errors, or some standard errors of a mean
    relation: str = "="

    @property
    def holds(self) -> bool:
        """Whether the relation holds within the tolerance; False if a side is NaN."""
        return bool(_RELATIONS[self.relation](self.left, self.right, self.slack))


@dataclass(frozen=True)
class Example:
    """A program for the page, which shows what it prints."""

    text: str  # Markdown: the statement, or what the program does
    code: str


@dataclass(frozen=True)
class Result:
    """The result of a system."""

    checks: tuple[Check, ...]
    columns: Mapping[str, Any]  # data of the figure and of its CSV file, all of one length

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    def write(self, path: Path) -> None:
        """Write the columns as CSV, with all digits.

        Args:
            path: path of the file.

        Raises:
            OSError: the file cannot be written.
        """
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
    text: str  # Markdown: the statements, and a description of the figure
    formulas: tuple[Formula | Kernel, ...]
    run: Callable[[], Result]
    draw: Callable[[Mapping[str, Any], Figure], None]
    examples: tuple[Example, ...] = ()

    def figure(self, result: Result) -> Figure:
        """Draw the figure; this imports matplotlib.

        Args:
            result: result of `run`.

        Returns:
            The figure.

        Raises:
            ImportError: matplotlib is missing.
        """
        figure = new_figure(9.0, 3.6)
        self.draw(result.columns, figure)
        return figure

    def write(self, result: Result, folder: Path) -> list[Path]:
        """Write NUMBER.csv and NUMBER.png.

        Args:
            result: result of `run`.
            folder: an existing folder.

        Returns:
            The paths of the two files.

        Raises:
            ImportError: matplotlib is missing.
            OSError: a file cannot be written.
        """
        table, picture = folder / f"{self.number}.csv", folder / f"{self.number}.png"
        result.write(table)
        self.draw_to(picture, result)
        return [table, picture]

    def draw_to(self, path: Path, result: Result) -> None:
        """Write the figure as a PNG, without metadata that depend on the machine.

        Args:
            path: path of the file.
            result: result of `run`.

        Raises:
            ImportError: matplotlib is missing.
            OSError: the file cannot be written.
        """
        self.figure(result).savefig(path, metadata={"Software": None})
