"""Episodes in the files of stable-baselines3's `Monitor`: columns r, l, t under a line of JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.files import path_of, replace_file
from fastpg.public_names import suggest_names

__all__ = ["Episodes", "read_monitor", "write_monitor"]

SUFFIX = "monitor.csv"
_COLUMNS = ("r", "l", "t")
_LONGEST = 2**40  # steps, so that sums of them stay in int64

Row = tuple[float, int, float]


@dataclass(frozen=True)
class Episodes:
    """Finished episodes, in the order in which they ended."""

    returns: Floats  # sums of rewards, (n,)
    lengths: npt.NDArray[np.int64]  # steps, (n,)
    seconds: Floats  # from the start of the run to the end of the episode, (n,)
    env_id: str | None = None  # id of the environment
    t_start: float = 0.0  # start of the run, seconds since 1970

    @property
    def timesteps(self) -> npt.NDArray[np.int64]:
        """Environment steps until the end of each episode, unfinished episodes left out, (n,)."""
        return np.cumsum(self.lengths)


def read_monitor(path: str | os.PathLike[str]) -> Episodes:
    """Read episodes from a file of `Monitor`, or all such files of a folder together.

    A last line without a line end was cut in the middle: it is left out, as are further columns.

    Args:
        path: a file, or a folder with files *monitor.csv, one for each environment.

    Returns:
        The episodes; those of several files in the order of their ends.

    Raises:
        OSError: no such file, or it cannot be read.
        ValueError: a file of another form, or a folder without such files.
    """
    source = path_of(path)
    if not source.is_dir():
        return _merged([_read(source)])
    files = sorted(source.glob(f"*{SUFFIX}"))
    if not files:
        raise ValueError(f"{source}: expected files *{SUFFIX}, found none")
    return _merged([_read(file) for file in files])


def _read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """Header and rows of a file."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        header = _header(path, file.readline())
        text = file.read()
    try:
        lines = list(csv.DictReader(whole_lines(text)))
    except csv.Error as error:  # such as a cell of a megabyte
        raise ValueError(f"{path}: expected rows of numbers r, l, t: {error}") from error
    rows = [_row(line) for line in lines]
    if None in rows:
        bad = rows.index(None)
        raise ValueError(f"{path}: line {bad + 3}: expected numbers r, l, t, got {lines[bad]}")
    return header, _counted_on([row for row in rows if row is not None])


def _counted_on(rows: list[Row]) -> list[Row]:
    """Rows in their order, with seconds that go on where `Monitor` was opened again."""
    counted: list[Row] = []
    before = last = 0.0  # seconds of earlier openings, and of the row before
    for total, length, seconds in rows:
        if seconds < last:
            before += last
        last = seconds
        counted.append((total, length, before + seconds))
    return counted


def whole_lines(text: str) -> list[str]:
    """The lines of a text without a last one that was cut: a number in it may be wrong.

    Args:
        text: of a file.

    Returns:
        The lines, each with its end.
    """
    lines = list(io.StringIO(text, newline=""))  # `splitlines` ends some at other characters
    return lines if text.endswith(("\n", "\r")) else lines[:-1]


def _header(path: Path, line: str) -> dict[str, Any]:
    try:
        header = json.loads(line.removeprefix("#")) if line.startswith("#") else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError(f"{path}: expected a line #{{JSON}} first, as Monitor writes it")
    return header


def _row(line: dict[str, Any]) -> Row | None:
    """A row as numbers; None if it is no whole row."""
    try:
        total, length, seconds = (float(line[name]) for name in _COLUMNS)
    except (KeyError, TypeError, ValueError):
        return None
    usable = math.isfinite(total) and math.isfinite(seconds) and 1 <= length <= _LONGEST
    return (total, int(length), seconds) if usable else None


def _merged(files: list[tuple[dict[str, Any], list[Row]]]) -> Episodes:
    starts = [_start(header) for header, _ in files]
    first = min(starts)
    rows = [
        (total, length, seconds + (start - first))
        for start, (_, of_file) in zip(starts, files, strict=True)
        for total, length, seconds in of_file
    ]
    rows.sort(key=lambda row: row[2])
    name = files[0][0].get("env_id")
    return Episodes(
        returns=np.array([row[0] for row in rows], dtype=np.float64),
        lengths=np.array([row[1] for row in rows], dtype=np.int64),
        seconds=np.array([row[2] for row in rows], dtype=np.float64),
        env_id=name if isinstance(name, str) and name != "None" else None,
        t_start=first,
    )


def _start(header: dict[str, Any]) -> float:
    start = header.get("t_start", 0.0)
    known = isinstance(start, int | float) and math.isfinite(start)
    return float(start) if known else 0.0


def write_monitor(
    path: str | os.PathLike[str],
    returns: Any,
    lengths: Any,
    seconds: Any = None,
    *,
    env_id: str | None = None,
    t_start: float = 0.0,
) -> Path:
    """Write episodes to a file that `load_results` and the plots of stable-baselines3 read.

    `evaluate_policy(..., return_episode_rewards=True)` gives returns and lengths.

    Args:
        path: name of the file; unless it ends with "monitor.csv", ".monitor.csv" is appended, since
            `load_results` looks for such names in a folder. An existing file is replaced.
        returns: sums of rewards, finite, (n,).
        lengths: steps, integers of at least 1, (n,).
        seconds: from the start of the run to the end of each episode, finite, (n,); None: 0, 1, 2,
            …, since `load_results` sorts episodes by this column.
        env_id: id of the environment.
        t_start: start of the run, seconds since 1970.

    Returns:
        The path of the file written.

    Raises:
        TypeError, ValueError: arrays of another kind, shape or range.
        OSError: the file cannot be written.
    """
    target = path_of(path)
    if not target.name.endswith(SUFFIX):
        target = target.with_name(f"{target.name}.{SUFFIX}")
    totals = arrays.finite_floats("returns", returns, (None,))
    steps = _lengths(lengths, len(totals))
    times = range(len(totals)) if seconds is None else _seconds(seconds, len(totals))
    header = {"t_start": arrays.number("t_start", t_start), "env_id": env_id}
    replace_file(target, _text(header, zip(totals.tolist(), steps, times, strict=True)).encode())
    return target


def _lengths(lengths: Any, count: int) -> list[int]:
    given = arrays.steps("lengths", lengths, count)
    if (given < 1).any():
        raise ValueError(f"lengths: expected at least 1, got {given.min()}")
    return [int(length) for length in given]


def _seconds(seconds: Any, count: int) -> list[float]:
    return [float(time) for time in arrays.finite_floats("seconds", seconds, (count,))]


def _text(header: dict[str, Any], rows: Iterable[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    text.write(f"#{json.dumps(header)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


suggest_names(__name__)
