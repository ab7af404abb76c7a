"""Reading the records of a run: a run folder, a checkpoint, a CSV or JSON-lines file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastpg.experiments.folder import CONFIG as EXPERIMENT
from fastpg.files import path_of
from fastpg.monitor import SUFFIX as MONITOR
from fastpg.monitor import read_monitor, whole_lines
from fastpg.plots.ordering import ITERATIONS, Record, in_order
from fastpg.plots.runs import Run, of_episodes
from fastpg.training import checkpoints
from fastpg.training.loggers.csv_file import evaluations_beside

Found = tuple[list[Record], int]  # records, and the number of lines that are none

_RECORDS = ("records.jsonl", "records.csv", "progress.json", "progress.csv")
_EVALUATIONS = "evaluations.jsonl"
_EVALUATED = "eval/mean_reward"  # a key of every record of an evaluation
_CONFIG = "config.json"
_CHECKPOINTS = ("final.npz", "checkpoint.npz", "best.npz")


def read_run(source: Any) -> Run:
    """Read the records of a run.

    Lines that are no records, such as a last line that was cut in the middle, are left out and
    counted. If a run was continued from an earlier point, the records after this point are replaced
    by the later ones. Where `learn` was called again and counted from 0, the steps are counted on.

    Args:
        source: a run folder, with records.jsonl or records.csv, and config.json and
            evaluations.jsonl if it has them; a checkpoint, for its history; a file of records, .csv
            (with the evaluations that `CsvLogger` wrote beside it) or JSON lines, also progress.csv
            or progress.json of stable-baselines3; a file monitor.csv of its `Monitor`, or a folder
            of them; an algorithm; or a list of records.

    Returns:
        The run.

    Raises:
        OSError: no such file, or it cannot be read.
        ValueError: a file or folder that is no run, or a run without records.
        TypeError: `source` is none of these.
    """
    if isinstance(source, Run):
        return source
    if isinstance(source, str | os.PathLike):
        path = path_of(source)
        return _of_folder(path) if path.is_dir() else _of_file(path)
    history = getattr(source, "history", source)
    if isinstance(history, Sequence) and all(isinstance(record, Mapping) for record in history):
        return _run("records" if history is source else source.name, history, config=_of(source))
    raise TypeError(f"run: expected a path, an algorithm or a list of records, got {source!r}")


def _run(
    name: str, records: Iterable[Mapping[str, Any]], evaluations: Sequence[Record] = (), **rest: Any
) -> Run:
    """A run, with at least one record."""
    kept, starts = in_order(records)
    if not kept:
        raise ValueError(f"{name}: expected a run with records, got one without")
    return Run(name, kept, evaluations=in_order(evaluations, starts)[0], **rest)


def _of(model: Any) -> dict[str, Any]:
    """What `config.json` would hold about an algorithm."""
    if not hasattr(model, "policy"):
        return {}
    return _config_of(model.state()[1])


def _of_folder(folder: Path) -> Run:
    for name in _RECORDS:
        if (folder / name).is_file():
            records, skipped = _records(folder / name)
            break
    else:
        return _of_other_files(folder)
    records, evaluations = _apart(records)
    more = 0
    if (folder / _EVALUATIONS).is_file():
        evaluations, more = _records(folder / _EVALUATIONS)
    return _run(
        str(folder),
        records,
        evaluations=evaluations,
        config=_config(folder / _CONFIG),
        skipped=skipped + more,
    )


def _of_other_files(folder: Path) -> Run:
    """A folder without records: checkpoints alone, or files of `Monitor`."""
    for name in _CHECKPOINTS:
        if (folder / name).is_file():
            return _of_checkpoint(folder / name)
    if next(folder.glob(f"*{MONITOR}"), None) is not None:
        return of_episodes(str(folder), read_monitor(folder))
    if (folder / EXPERIMENT).is_file():
        raise ValueError(
            f"{folder}: expected a run folder, got one of many trainings: fastpg compare {folder}, "
            "or fastpg.plots.comparison, draws it"
        )
    raise ValueError(
        f"{folder}: expected a run folder, with {_RECORDS[0]} or {_RECORDS[1]}, found neither"
    )


def _of_file(path: Path) -> Run:
    if not path.exists() and path.suffix != ".npz":
        path = next((p for p in [path.with_name(f"{path.name}.npz")] if p.exists()), path)
    if path.suffix == ".npz":
        return _of_checkpoint(path)
    if _first_byte(path) == b"#":
        return of_episodes(str(path), read_monitor(path))
    found, skipped = _records(path)
    records, evaluations = _apart(found)
    beside, more = evaluations_beside(path), 0
    if path.suffix == ".csv" and beside.is_file():  # `CsvLogger` has written it
        evaluations, more = _records(beside)
    return _run(str(path), records, evaluations=evaluations, skipped=skipped + more)


def _apart(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Records of iterations, and those of evaluations, which have no number of iterations.

    A file of evaluations alone has no others.
    """
    evaluations = [record for record in records if _EVALUATED in record]
    of_iterations = [each for each in records if _EVALUATED not in each or ITERATIONS in each]
    return (of_iterations, evaluations) if of_iterations else (records, [])


def _first_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1)


def _of_checkpoint(path: Path) -> Run:
    _, meta = checkpoints.read(path)
    history = meta.get("history")
    if not isinstance(history, list) or not all(isinstance(record, dict) for record in history):
        raise ValueError(f"{path}: expected a checkpoint with a history, got one without")
    return _run(str(path), history, config=_config_of(meta))


def _config_of(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in a checkpoint, in the words of config.json."""
    known = ("algorithm", "env_id", "env", "policy", "seed", "options", "value_kwargs")
    return {name: meta[name] for name in known if name in meta}


def _config(path: Path) -> dict[str, Any]:
    """The configuration of a folder; an unreadable one is none, since no curve needs it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _records(path: Path) -> Found:
    """The records of a file; ValueError if none of its lines is one."""
    reader: Callable[[Path], Found] = _of_lines
    if path.suffix.lower() in (".csv", ".tsv"):
        reader = _of_table
    records, skipped = reader(path)
    if skipped and not records:
        raise ValueError(
            f"{path}: expected a run: a run folder, a checkpoint (.npz), or records in CSV or JSON "
            'lines with "time/total_timesteps"'
        )
    return records, skipped


def _of_lines(path: Path) -> Found:
    records: list[Record] = []
    skipped = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in filter(str.strip, file):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, dict):
                records.append(found)
            else:
                skipped += 1
    return records, skipped


def _of_table(path: Path) -> Found:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        text = file.read().replace("\0", "")
    lines = whole_lines(text)
    try:
        table = csv.DictReader(lines, delimiter=_comma(path))
        if not any("/" in name for name in table.fieldnames or []):
            return [], 1
        rows = list(table)
    except csv.Error:  # such as a cell of a megabyte
        return [], 1
    whole = [row for row in rows if None not in row and None not in row.values()]
    records = [{key: _value(cell) for key, cell in row.items() if cell} for row in whole]
    cut = len(text) > sum(map(len, lines))
    return records, len(rows) - len(whole) + cut


def _comma(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _value(text: str) -> float | str | bool:
    """A cell: a number, a flag or a text."""
    if text in ("True", "False"):
        return text == "True"
    try:
        return float(text)
    except ValueError:
        return text
