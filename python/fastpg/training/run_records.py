"""Records in the files of a run: reading them, and removing those that a resumed run repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastpg.files import replace_file
from fastpg.training.loggers.csv_rows import row_text, rows_in

_STEPS = "time/total_timesteps"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines.

    Args:
        path: path of the file.

    Returns:
        The records, without lines that are none, such as one cut off by a kill; none if there is no
            file.
    """
    records: list[dict[str, Any]] = []
    if not path.exists():
        return records
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get(_STEPS), int | float):
            records.append(record)
    return records


def keep_lines(path: Path, steps: int) -> None:
    """Remove the lines after a number of environment steps, and what is no record.

    Args:
        path: a file of JSON lines; nothing happens if there is none.
        steps: number of steps.
    """
    if path.exists():
        kept = [record for record in read_lines(path) if record[_STEPS] <= steps]
        replace_file(path, "".join(json.dumps(record) + "\n" for record in kept).encode())


def keep_rows(path: Path, steps: int) -> None:
    """Remove the rows after a number of environment steps, and what is no row.

    Args:
        path: a file of `CsvLogger`; nothing happens if there is none.
        steps: number of steps.
    """
    if not path.exists():
        return
    header, *rows = rows_in(path) or [[]]
    kept: list[list[str]] = []
    if _STEPS in header:
        column = header.index(_STEPS)
        whole = [row for row in rows if len(row) == len(header)]
        kept = [row for row in whole if row[column].isdigit() and int(row[column]) <= steps]
        kept.insert(0, header)
    replace_file(path, "".join(map(row_text, kept)).encode())
