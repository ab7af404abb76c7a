"""Records as JSON, one a line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

from fastpg import arrays
from fastpg.files import path_of
from fastpg.suggestions import names_checked
from fastpg.training.loggers.base import Logger
from fastpg.training.loggers.files import keep_records, opened
from fastpg.training.metrics import Metrics, storable


class JsonLinesLogger(Logger):
    """Writes each record as a line of JSON; records of evaluations have the keys "eval/…".

    NaN, which only statistics of episodes may be, becomes null. Each line is flushed at once.

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

    def start(self, config: dict[str, Any]) -> None:
        """Open the file.

        Args:
            config: not used.

        Raises:
            OSError: the file cannot be opened, or has content.
        """
        if self._append:
            _end_last_line(self.path)
        self._file = opened(self.path, append=self._append)
        self._append = True

    def write(self, record: Metrics) -> None:
        """Write a line.

        Args:
            record: the record.

        Raises:
            OSError: the file cannot be written.
        """
        assert self._file is not None, "expected start() first"
        self._file.write(json.dumps(storable([record])[0]) + "\n")
        self._file.flush()

    def write_evaluation(self, record: Metrics) -> None:
        """Write a line.

        Args:
            record: the record of an evaluation.

        Raises:
            OSError: the file cannot be written.
        """
        self.write(record)

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _end_last_line(path: Path) -> None:
    """Complete a last line that lacks its end alone; remove one that a kill has cut off."""
    keep_records(path, _length_of_lines)
    if path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")


def _length_of_lines(content: bytes) -> int:
    """Length of the lines that are JSON, the last one's end left out."""
    before, newline, last = content.rpartition(b"\n")
    try:
        json.loads(last or b"0")
    except ValueError:
        return len(before + newline)
    return len(content)
