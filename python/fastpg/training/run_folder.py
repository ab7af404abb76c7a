"""The folder of a run: configuration, versions, records and models."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastpg import arrays
from fastpg.callers import warn
from fastpg.files import FileLock, is_locked, path_of, replace_file
from fastpg.suggestions import names_checked
from fastpg.training import checkpoints
from fastpg.training.callbacks.base import Callback
from fastpg.training.callbacks.saving import save_checkpoint
from fastpg.training.loggers.csv_file import CsvLogger
from fastpg.training.loggers.guard import Guard
from fastpg.training.loggers.json_lines import JsonLinesLogger
from fastpg.training.metrics import Metrics
from fastpg.training.run_config import run_config, versions
from fastpg.training.run_records import keep_lines, keep_rows, read_lines

# What a run writes; config.json, the last file of its start, makes the folder a run.
_CONFIG, _VERSIONS, _CHECKPOINT = "config.json", "versions.json", "checkpoint.npz"
_PREVIOUS = checkpoints.previous_of(_CHECKPOINT).name
_FINAL, _BEST = "final.npz", "best.npz"
_RECORDS, _TABLE, _EVALUATIONS = "records.jsonl", "records.csv", "evaluations.jsonl"
_LOCK = "lock"
# What a start may change. config.json, which makes the folder a run, is the first to be put back.
_CHANGED = (_CONFIG, _RECORDS, _TABLE, _EVALUATIONS, _BEST, _CHECKPOINT, _PREVIOUS, _VERSIONS)
_OF_OTHERS = ("experiment.json", "journal.log")  # of a folder of train_many or tune
CHECKPOINT_SECONDS = 10.0  # of training, from one checkpoint to the next


class RunFolder(Callback):
    """Keeps everything about a training in a folder; docs/runs.md describes its files.

    Args:
        path: the folder, made if needed.
        resume: continue the run that the folder holds; records after the algorithm's
            `num_timesteps` are removed. A folder without a run is used as a new one.

    Attributes:
        path: the folder.
        resume: whether a run in it may be continued; True after the first training.
        evaluations: `eval_freq`, `n_eval_episodes` and `own_env` (whether an `eval_env` was given)
            of the `learn` that writes into it, which sets them; None if it has no such arguments.

    Raises:
        TypeError: `path` is no path, or `resume` no flag.
        ValueError: `path` is empty.
    """

    @names_checked
    def __init__(self, path: str | os.PathLike[str], resume: bool = False) -> None:
        try:
            self.path = path_of(path)
        except TypeError:
            raise TypeError(f"log: expected the path of a run folder, got {path!r}") from None
        if not os.fspath(path):
            raise ValueError("log: expected the path of a run folder, got ''")
        self.resume = arrays.boolean("resume", resume)
        self.evaluations: dict[str, int] | None = None
        self._lock: FileLock | None = None
        self._open = self._failed = False
        self._before: dict[str, bytes | None] = {}  # files before the start; None: not there
        self._made: list[Path] = []  # the lock and the folder, if the start made them
        self._best = -math.inf

    @property
    def checkpoint(self) -> Path:
        """The checkpoint from which the run is resumed."""
        return self.path / _CHECKPOINT

    @property
    def holds_run(self) -> bool:
        """Whether the folder holds a run."""
        return (self.path / _CONFIG).exists()

    def config(self) -> dict[str, Any]:
        """The configuration of the run that the folder holds.

        Returns:
            The content of config.json.

        Raises:
            OSError: there is no such file.
            ValueError: it is damaged.
        """
        return _object_in(self.path / _CONFIG)

    def kept_evaluations(self) -> dict[str, int]:
        """The evaluations of the run that the folder holds.

        Returns:
            `eval_freq` and `n_eval_episodes` of its last `learn` that had them; empty without, or
                if they were in an `eval_env`, which the folder does not keep.

        Raises:
            OSError: config.json cannot be read.
            ValueError: config.json holds no run.
        """
        config, names = self.config(), ("eval_freq", "n_eval_episodes")
        resumed = config.get("resumed")
        found: dict[str, int] = {}
        for start in (config, *(resumed if isinstance(resumed, list) else ())):
            given = start.get("evaluations") if isinstance(start, dict) else None
            if isinstance(given, dict) and given.keys() >= {*names}:
                found = {} if given.get("own_env") else {name: given[name] for name in names}
        return found

    def _note_evaluations(self, asked: dict[str, int] | None, *, some: bool) -> None:
        """Keep the arguments; warn if a run that has evaluations goes on without."""
        self.evaluations = asked
        file = self.path / _EVALUATIONS
        if not some and self.resume and file.exists() and file.stat().st_size:
            freq = self.kept_evaluations().get("eval_freq")
            wanted = "eval_freq or an EvalCallback" if freq is None else f"eval_freq={freq}"
            warn(
                f"log: the run in {self.path} has evaluations, and this learn makes none, so that "
                f"best.npz stays as it is: expected {wanted} too"
            )

    def require_free(self) -> None:
        """Check that a training may use the folder; nothing is written.

        Raises:
            FileExistsError: the folder holds a run, and `resume` is False; or it holds no run, but
                a file of a name that a run writes, or an experiment.
            NotADirectoryError: the path is a file.
            BlockingIOError: a live process uses the folder.
        """
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"log: expected a folder, got the file {self.path}")
        if is_locked(self.path / _LOCK):
            raise BlockingIOError(f"log: {self.path} is used by another training")
        if self.holds_run and not self.resume:
            raise FileExistsError(
                f"log: {self.path} holds a run: RunFolder(path, resume=True) continues it"
            )
        if not self.holds_run and (foreign := self._foreign()) is not None:
            raise FileExistsError(
                f"log: expected a folder without files that a run writes, got {self.path} with "
                f"{foreign}"
            )

    def _foreign(self) -> str | None:
        """A file that is not of a run and that a run would replace, or of an experiment."""
        begun = (self.path / _VERSIONS).exists()  # by a process that was killed at once
        names = [_FINAL, _BEST, _RECORDS, _TABLE, _EVALUATIONS, *_OF_OTHERS]
        names += [] if begun else [_CHECKPOINT]
        return next((name for name in names if (self.path / name).exists()), None)

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Lock the folder, write a first checkpoint and the configuration.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.

        Raises:
            OSError: the folder cannot be used; nothing in it has changed.
            ValueError: the algorithm does not continue the run that the folder holds.
        """
        super().on_training_start(algo, total_timesteps)
        self.require_free()
        made = [path for path in (self.path / _LOCK, self.path) if not path.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path / _LOCK)
        if not self._lock.acquired:
            raise BlockingIOError(f"log: {self.path} is used by another training")
        if self.holds_run:
            self._require_continuation()
        self._made, self._before = made, {name: _bytes_of(self.path / name) for name in _CHANGED}
        self._write_start(total_timesteps)
        self._start_logs()
        self._open = True
        self._guarded = Guard(f"the run folder {self.path}")
        self._saved = time.monotonic()

    def on_iteration(self, record: Metrics) -> None:
        """Write the record, and a checkpoint if it is time.

        Args:
            record: the record.
        """
        self._before = {}  # the training has begun
        self._guarded(self._jsonl.write, record)
        self._guarded(self._csv.write, record)
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self._guarded(save_checkpoint, self.algo, self.checkpoint)
            self._saved = time.monotonic()

    def on_evaluation(self, record: Metrics) -> None:
        """Write the record of an evaluation, and the model if it is the best one.

        Args:
            record: the record.
        """
        self._guarded(self._evaluations.write, record)
        mean = float(record["eval/mean_reward"])
        if mean > self._best:
            self._best = mean
            self._guarded(self.algo.save, self.path / _BEST)

    def _note_failed_start(self) -> None:
        self._failed = True

    def on_training_end(self) -> None:
        """Write the last checkpoint and the final model, and unlock the folder.

        If no training has begun, the folder becomes what it was before its start instead.
        """
        try:
            if self._open:
                self._open = False
                # Each by itself: what does not fit may be smaller than what does.
                for log in (self._jsonl, self._csv, self._evaluations):
                    self._guarded.last(log.close)
                if not self._failed:
                    self.resume = True
                    self._guarded.last(save_checkpoint, self.algo, self.checkpoint)
                    self._guarded.last(self.algo.save, self.path / _FINAL)
        finally:
            if self._failed:
                self._put_back()
            self._failed, self._before, self._made = False, {}, []
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _put_back(self) -> None:
        """Undo a start; an error that keeps a file from this must not hide that of the start."""
        for name, content in self._before.items():
            file = self.path / name
            with suppress(OSError):
                if content is None:
                    file.unlink(missing_ok=True)
                elif content != file.read_bytes():
                    replace_file(file, content)
        for path in self._made:
            with suppress(OSError):  # Windows: the lock is open; others: files of somebody else
                path.rmdir() if path.is_dir() else path.unlink()

    def _require_continuation(self) -> None:
        """Raise ValueError unless the algorithm continues the run of the folder."""
        config, algo = self.config(), self.algo
        policy = config.get("policy")
        held = config | {"policy": policy.get("class") if isinstance(policy, dict) else policy}
        own = {
            "algorithm": algo.name,
            "env_id": algo.env_id,
            "policy": type(algo.policy).__name__,
            "seed": algo.seed,
        }
        for name, found in own.items():
            if held.get(name) != found:
                raise ValueError(
                    f"log: {self.path} holds a run with {name}={held.get(name)!r}, got {found!r}"
                )
        if not algo.num_timesteps and self._has_learned():
            raise ValueError(
                f"log: to resume {self.path}, expected the algorithm of {self.checkpoint} and "
                "reset_num_timesteps=False, got an algorithm at step 0"
            )

    def _has_learned(self) -> bool:
        """Whether the checkpoint is one after the first iteration; a damaged one may be."""
        if not self.checkpoint.exists():
            return False
        try:
            return bool(checkpoints.read(self.checkpoint)[1]["num_timesteps"])
        except checkpoints.CheckpointError:
            return True

    def _write_start(self, total_timesteps: int) -> None:
        """Write checkpoint, config.json and versions.json; a resumed run gets entries in them."""
        given = {
            _CONFIG: run_config(self.algo, total_timesteps) | {"evaluations": self.evaluations},
            _VERSIONS: versions(),
        }
        resumed = self.holds_run
        # versions.json comes first: with it, a checkpoint without config.json is not a user's own.
        # config.json comes last: with it, the folder holds a run.
        for name, values in reversed(given.items()):
            file = self.path / name
            if resumed and file.exists():
                old = _object_in(file)
                entry = {"num_timesteps": self.algo.num_timesteps} | values
                earlier = old.get("resumed")
                values = old | {"resumed": [*(earlier if isinstance(earlier, list) else ()), entry]}
            if name == _CONFIG:
                save_checkpoint(self.algo, self.checkpoint)  # from now on the run can be resumed
            replace_file(file, (json.dumps(values, indent=2) + "\n").encode())

    def _start_logs(self) -> None:
        steps = self.algo.num_timesteps
        records, evaluations = self.path / _RECORDS, self.path / _EVALUATIONS
        for file in (records, evaluations):
            keep_lines(file, steps)
        keep_rows(self.path / _TABLE, steps)
        found = (record.get("eval/mean_reward") for record in read_lines(evaluations))
        kept = (float(mean) for mean in found if isinstance(mean, int | float))
        self._best = max(kept, default=-math.inf)
        self._jsonl = JsonLinesLogger(records, append=True)
        self._csv = CsvLogger(self.path / _TABLE, append=True)
        self._evaluations = JsonLinesLogger(evaluations, append=True)
        for log in (self._jsonl, self._csv, self._evaluations):
            log.start({})


def _bytes_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _object_in(file: Path) -> dict[str, Any]:
    """The JSON object in a file; ValueError with its name if it is damaged."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: expected JSON, got a damaged file ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file}: expected a JSON object, got {content!r}")
    return content
