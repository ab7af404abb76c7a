"""Records as tables of comma-separated values."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, Any

from fastpg import arrays
from fastpg.files import path_of, replace_file
from fastpg.suggestions import names_checked
from fastpg.training.loggers.base import Logger
from fastpg.training.loggers.csv_rows import row_text, rows_in
from fastpg.training.loggers.files import keep_records, opened, require_new
from fastpg.training.metrics import Metrics


def evaluations_beside(path: Path) -> Path:
    """The file of a `CsvLogger` for evaluations: x.evaluations.csv beside x.csv.

    Args:
        path: path of the file for the records of iterations.

    Returns:
        Its path, in the same folder.
    """
    return path.with_name(f"{path.stem}.evaluations{path.suffix}")


class CsvLogger(Logger):
    """Writes each record as a row under a header of all keys.

    Keys that come later become columns at the right: the file is then written anew, and rows above
    are empty there. Numbers are written with all their digits, NaN as "nan". Each row is flushed
    at once. Records of evaluations have other keys, and a file of their own: x.evaluations.csv
    beside x.csv, made with the first evaluation.

    Args:
        path: path of the file; its folder is made if needed.
        append: continue files that have content; otherwise they are refused. One logger given to
            several calls of `learn` continues its files in any case.

    Attributes:
        path: path of the file.
        evaluations_path: path of the file for evaluations.
    """

    @names_checked
    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self.path = path_of(path)
        self.evaluations_path = evaluations_beside(self.path)
        self._append = arrays.boolean("append", append)
        self._records, self._evaluations = Table(self.path), Table(self.evaluations_path)

    def start(self, config: dict[str, Any]) -> None:
        """Open the file, and read its header.

        Args:
            config: not used.

        Raises:
            OSError: the file cannot be opened, or it or that for evaluations has content.
        """
        if not self._append:
            require_new(self.evaluations_path)
        self._records.open(append=self._append)
        self._append = True

    def write(self, record: Metrics) -> None:
        """Write a row.

        Args:
            record: the record.

        Raises:
            OSError: the file cannot be written.
        """
        self._records.write(record)

    def write_evaluation(self, record: Metrics) -> None:
        """Write a row into the file for evaluations.

        Args:
            record: the record.

        Raises:
            OSError: the file cannot be written.
        """
        if not self._evaluations.is_open:
            self._evaluations.open(append=True)
        self._evaluations.write(record)

    def close(self) -> None:
        """Close the files."""
        try:
            self._records.close()
        finally:
            self._evaluations.close()


class Table:
    """A file of rows under a header that may grow.

    Args:
        path: path of the file.
    """

    _file: IO[str] | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether rows can be written."""
        return self._file is not None

    def open(self, *, append: bool) -> None:
        """Open the file, and read its header.

        Args:
            append: whether it may have content.

        Raises:
            OSError: the file cannot be opened, or has content.
            ValueError: it is a device or a pipe, which cannot be written anew with more columns.
        """
        if self._path.exists() and not self._path.is_file():
            raise ValueError(
                f"path: expected a file, got {self._path}: JsonLinesLogger writes to devices too"
            )
        if append:
            keep_records(self._path, _length_of_rows)
        self._open(append=append)
        self._columns = next(iter(rows_in(self._path)), [])

    def write(self, record: Metrics) -> None:
        """Write a row.

        Args:
            record: values by column.

        Raises:
            OSError: the file cannot be written.
        """
        assert self._file is not None, "expected open() first"
        if not record.keys() <= set(self._columns):
            self._widen([key for key in record if key not in self._columns])
        self._file.write(row_text(record.get(key, "") for key in self._columns))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self, *, append: bool) -> None:
        self._file = opened(self._path, append=append)

    def _widen(self, new: list[str]) -> None:
        """Write the file anew, with more columns."""
        rows, columns = rows_in(self._path)[1:], self._columns + new
        wider = [columns, *([*row, *[""] * (len(columns) - len(row))] for row in rows)]
        self.close()
        try:
            replace_file(self._path, "".join(map(row_text, wider)).encode())
            self._columns = columns
        finally:
            self._open(append=True)


def _length_of_rows(content: bytes) -> int:
    """Length of the rows that have their ends: a number without one may lack digits."""
    length = whole = quotes = 0
    for line in io.BytesIO(content):
        length += len(line)
        quotes += line.count(b'"')
        if line.endswith(b"\n") and quotes % 2 == 0:  # an odd number: within a field
            whole = length
    return whole
