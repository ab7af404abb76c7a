"""The folder of an experiment: what was asked for, and every outcome as soon as it is there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from fastpg.experiments.trial import Outcome
from fastpg.files import FileLock, own_names, path_of, replace_file
from fastpg.training.run_config import versions

CONFIG, _OUTCOMES, _LOCK = "experiment.json", "outcomes.jsonl", "lock"
_ALWAYS = {"setting", "seed", "error"}  # keys of an outcome
_IF_TRAINED = {"returns", "steps", "train_return", "seconds"}
_NO_MATTER = ("seeds", "versions")  # a rerun may have other ones


class ExperimentFolder:
    """Keeps the outcomes of an experiment, and knows those of an earlier call.

    Args:
        path: the folder, made if needed.
        config: what was asked for, JSON values by name; the file keeps the
            "seeds" of all calls.

    Raises:
        BlockingIOError: another process uses the folder.
        ValueError: it holds another experiment, or a damaged file.
        OSError: it cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str], config: dict[str, Any]) -> None:
        self.path = path_of(path)
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"run: expected a folder, got the file {self.path}")
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path / _LOCK)
        if not self._lock.acquired:
            self._lock.release()
            raise BlockingIOError(f"run: {self.path} is used by another experiment")
        self._file: IO[str] | None = None
        try:
            self._start(json.loads(json.dumps(config)))
        except BaseException:
            self.close()
            raise

    def _start(self, config: dict[str, Any]) -> None:
        if (self.path / CONFIG).exists():
            old = read_config(self.path)
            _require_equal(self.path, old, config)
            config["seeds"] = [*dict.fromkeys([*(old.get("seeds") or ()), *config["seeds"]])]
            _repair(self.path / _OUTCOMES)
        elif own_names(self.path) - {_LOCK}:
            raise FileExistsError(
                f"run: expected an empty folder or an experiment, got {self.path}"
            )
        content = json.dumps(config | {"versions": versions()}, indent=2)
        replace_file(self.path / CONFIG, content.encode())
        self._file = (self.path / _OUTCOMES).open("a", encoding="utf-8")

    def add(self, outcome: Outcome) -> None:
        """Write an outcome; after the call it survives the end of the process."""
        assert self._file is not None
        self._file.write(json.dumps(outcome) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the files and free the folder."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._lock.release()


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The configuration of an experiment's folder.

    Args:
        path: the folder.

    Returns:
        The content of experiment.json.

    Raises:
        FileNotFoundError: the folder holds no experiment.
        ValueError: the file is damaged.
    """
    file = path_of(path) / CONFIG
    if not file.is_file():
        raise FileNotFoundError(f"{path}: expected the folder of an experiment, found no {CONFIG}")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise TypeError("no JSON object")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: expected a JSON object, got a damaged file ({error})") from error
    return config


def read_outcomes(path: str | os.PathLike[str]) -> Iterator[Outcome]:
    """The outcomes in an experiment's folder, in the order of their ends.

    Args:
        path: the folder.

    Yields:
        Outcomes, up to the first line that is none, such as one cut off by a kill.
    """
    file = path_of(path) / _OUTCOMES
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            outcome = _outcome(line)
            if outcome is None:
                return
            yield outcome


def _outcome(line: str) -> Outcome | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(found, dict) and found.keys() >= _ALWAYS
    whole = whole and (found["error"] is not None or found.keys() >= _IF_TRAINED)
    return found if whole and line.endswith("\n") else None


def _repair(file: Path) -> None:
    """Cut off what a kill has left of a line."""
    if not file.exists():
        return
    kept = sum(len((json.dumps(each) + "\n").encode()) for each in read_outcomes(file.parent))
    if kept < file.stat().st_size:
        with file.open("r+b") as content:
            content.truncate(kept)


def _require_equal(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    for name in [*old, *new]:
        if name not in _NO_MATTER and old.get(name) != new.get(name):
            raise ValueError(
                f"run: {path} holds another experiment: {name} was {old.get(name)!r}, got "
                f"{new.get(name)!r}"
            )
