"""Rows of comma-separated values, whatever texts they hold."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_MOST_CHARACTERS = 2**31 - 1  # of a field; the module's own bound is 131,072
_reading = threading.Lock()  # the bound is the process's


def rows_in(path: Path) -> list[list[str]]:
    """The rows of a file.

    Args:
        path: path of the file; bytes that are no UTF-8 are replaced.
    """
    with _reading, path.open(encoding="utf-8", errors="replace", newline="") as file:
        usual = csv.field_size_limit(_MOST_CHARACTERS)
        try:
            return list(csv.reader(file))
        finally:
            csv.field_size_limit(usual)


def row_text(values: Iterable[Any]) -> str:
    """A row as text, with its end.

    Args:
        values: of the fields.
    """
    text = io.StringIO()
    # Only characters of the line's end are quoted in Python 3.11: both, then, in a field.
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue().removesuffix("\r\n") + "\n"
