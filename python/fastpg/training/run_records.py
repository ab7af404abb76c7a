"""Records in the files of a run: reading them, and removing those that a resumed run repeats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from fastpg.files import replace_file

_STEPS = "time/total_timesteps"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines.

    Args:
        path: path of the file.

    Returns:
        The records up to the first line that is no record, such as one cut off by a kill; none if
            there is no file.
    """
    records: list[dict[str, Any]] = []
    if not path.exists():
        return records
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break
        if not isinstance(record, dict) or _STEPS not in record:
            break
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
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    text = io.StringIO()
    if _STEPS in header:
        column = header.index(_STEPS)
        whole = [row for row in rows if len(row) == len(header)]
        kept = [row for row in whole if row[column].isdigit() and int(row[column]) <= steps]
        csv.writer(text, lineterminator="\n").writerows([header, *kept])
    replace_file(path, text.getvalue().encode())
