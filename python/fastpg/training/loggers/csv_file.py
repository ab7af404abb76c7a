"""Records as a table of comma-separated values."""

from __future__ import annotations

import csv
import io
import os
from typing import IO, Any

from fastpg import arrays
from fastpg.files import path_of, replace_file
from fastpg.suggestions import names_checked
from fastpg.training.loggers.base import Logger
from fastpg.training.loggers.files import opened
from fastpg.training.metrics import Metrics


class CsvLogger(Logger):
    """Writes each record as a row under a header of all keys.

    Keys that come later become columns at the right: the file is then written anew, and rows above
    are empty there. Numbers are written with all their digits, NaN as "nan". Each row is flushed
    at once. Records of evaluations are not written: `JsonLinesLogger` has them.

    Args:
        path: path of the file; its folder is made if needed.
        append: continue a file that has content; otherwise it is refused. One logger given to
            several calls of `learn` continues its file in any case.
    """

    _file: IO[str] | None = None

    @names_checked
    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self.path = path_of(path)
        self._append = arrays.boolean("append", append)
        self._columns: list[str] = []

    def start(self, config: dict[str, Any]) -> None:
        """Open the file, and read its header.

        Args:
            config: not used.

        Raises:
            OSError: the file cannot be opened, or has content.
        """
        self._open(append=self._append)
        self._append = True
        with self.path.open(encoding="utf-8", newline="") as file:
            self._columns = next(csv.reader(file), [])

    def write(self, record: Metrics) -> None:
        """Write a row.

        Args:
            record: the record.

        Raises:
            OSError: the file cannot be written.
        """
        assert self._file is not None, "expected start() first"
        if not record.keys() <= set(self._columns):
            self._widen([key for key in record if key not in self._columns])
        self._row([record.get(key, "") for key in self._columns])
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self, *, append: bool) -> None:
        self._file = opened(self.path, append=append)
        self._row = csv.writer(self._file, lineterminator="\n").writerow

    def _widen(self, new: list[str]) -> None:
        """Write the file anew, with more columns."""
        with self.path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        columns = self._columns + new
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([*row, *[""] * (len(columns) - len(row))] for row in rows)
        self.close()
        try:
            replace_file(self.path, text.getvalue().encode())
            self._columns = columns
        finally:
            self._open(append=True)
