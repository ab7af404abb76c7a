"""The study: its storage, its sampler and its pruner, which Optuna (extra `tune`) provides."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fastpg.files import FileLock, own_names, path_of
from fastpg.suggestions import one_of

_Made = TypeVar("_Made")

_JOURNAL, _LOCK = "journal.log", "lock"
CONFIG, ERROR = "fastpg", "error"  # attributes of studies and of trials
_NAME = "fastpg"  # of the study in a folder
_OURS = {_JOURNAL, _LOCK, "best.toml", "tuned.toml"}

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "median": lambda: optuna.pruners.MedianPruner(),
    "percentile": lambda: optuna.pruners.PercentilePruner(25.0),
    "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(),
    "none": lambda: optuna.pruners.NopPruner(),
}


class SeededByTrial(optuna.samplers.BaseSampler):
    """A sampler made anew for each trial, so that a study that goes on draws as if never stopped.

    Its seed depends on the number of earlier trials, those that were interrupted left out.

    Args:
        make: makes a sampler from a seed.
        seed: of the study.
    """

    def __init__(self, make: Callable[[int], optuna.samplers.BaseSampler], seed: int) -> None:
        self._make, self._seed = make, seed
        self._made: dict[int, optuna.samplers.BaseSampler] = {}  # by number of the trial

    def _of(self, study: Study, trial: FrozenTrial) -> optuna.samplers.BaseSampler:
        if trial.number not in self._made:
            before = [t for t in study.get_trials(deepcopy=False) if t.number < trial.number]
            place = sum(not interrupted(each) for each in before)
            words = np.random.SeedSequence([self._seed, place]).generate_state(1)
            self._made[trial.number] = self._make(int(words[0]))
        return self._made[trial.number]

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """As of the sampler of the trial."""
        return self._of(study, trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As of the sampler of the trial."""
        return self._of(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """As of the sampler of the trial."""
        sampler = self._of(study, trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: Any, values: Any) -> None:
        """As of the sampler of the trial, which is then forgotten."""
        self._of(study, trial).after_trial(study, trial, state, values)
        self._made.pop(trial.number, None)


def interrupted(trial: FrozenTrial) -> bool:
    """Whether a trial was stopped by Ctrl-C or a kill: it failed, and has no error."""
    return trial.state == TrialState.FAIL and ERROR not in trial.user_attrs


def sampler_of(given: Any, seed: int) -> optuna.samplers.BaseSampler:
    """The sampler of a name, or the one given.

    Args:
        given: "tpe", "random" or a sampler of Optuna.
        seed: of the study.
    """
    if isinstance(given, optuna.samplers.BaseSampler):
        return given
    return SeededByTrial(SAMPLERS[one_of("sampler", given, SAMPLERS)], seed)


def pruner_of(given: Any) -> optuna.pruners.BasePruner:
    """The pruner of a name, or the one given.

    Args:
        given: "median", "percentile", "halving", "none" or a pruner of Optuna.
    """
    if isinstance(given, optuna.pruners.BasePruner):
        return given
    return PRUNERS[one_of("pruner", given, PRUNERS)]()


@contextmanager
def opened_study(
    config: dict[str, Any],
    sampler: optuna.samplers.BaseSampler,
    pruner: optuna.pruners.BasePruner,
    *,
    run: str | os.PathLike[str] | None,
    storage: Any,
    study_name: str | None,
) -> Iterator[Study]:
    """The study, new or that of an earlier call.

    Args:
        config: what was asked for, JSON values; that of an earlier call must be the same.
        sampler: of Optuna.
        pruner: of Optuna.
        run: folder of the study, which one process at a time may use; None: none.
        storage: URL or storage of Optuna, which many processes may share; None: in the folder, or
            in memory.
        study_name: name in the storage.

    Yields:
        The study, which maximises.

    Raises:
        BlockingIOError: another process uses the folder.
        FileExistsError, NotADirectoryError: the folder holds something else, or is a file.
        ValueError: the storage has another study of the name, or cannot be used; or a name without
            a storage.
    """
    if study_name is not None and storage is None:
        raise ValueError("study_name: allowed only with storage")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lock = None if run is None else _locked(path_of(run))
    try:
        place = storage
        if place is None and run is not None:
            place = _journal(path_of(run))
        with _connected(place) as opened:
            study = _created(opened, study_name or _name(config, storage), sampler, pruner)
            where = f"run: {run}" if storage is None else f"storage: {study.study_name!r}"
            _require_config(study, json.loads(json.dumps(config)), where)
            if storage is None:
                _end_left_trials(study)
            yield study
    finally:
        if lock is not None:
            lock.release()
        optuna.logging.set_verbosity(before)


def _name(config: dict[str, Any], storage: Any) -> str:
    return _NAME if storage is None else f"{config['algorithm']}-{config['name']}"


@contextmanager
def _connected(storage: Any) -> Iterator[Any]:
    """The storage; that of a URL is made here, and its connections are closed in the end."""
    if not isinstance(storage, str):
        yield storage
        return
    made = _tried(lambda: optuna.storages.get_storage(storage))
    try:
        yield made
    finally:
        made.remove_session()
        database = getattr(made, "_backend", made)  # Optuna puts a cache around it
        if engine := getattr(database, "engine", None):
            engine.dispose()


def _created(place: Any, name: str, sampler: Any, pruner: Any) -> Study:
    """Create or load a study."""
    return _tried(
        lambda: optuna.create_study(
            storage=place,
            sampler=sampler,
            pruner=pruner,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
    )


def _tried(make: Callable[[], _Made], tries: int = 3) -> _Made:
    """What a function makes; it is called again where another process makes the same database."""
    try:
        return make()
    except (TypeError, ValueError, OSError, ImportError):
        raise
    except Exception as error:  # of SQLAlchemy and the like
        if tries > 1:
            return _tried(make, tries - 1)
        raise ValueError(f"storage: {type(error).__name__}: {error}") from error


def _locked(run: Path) -> FileLock:
    if run.exists() and not run.is_dir():
        raise NotADirectoryError(f"run: expected a folder, got the file {run}")
    run.mkdir(parents=True, exist_ok=True)
    others = own_names(run) - _OURS
    if others and not (run / _JOURNAL).exists():
        raise FileExistsError(f"run: expected an empty folder or one of tune, got {run}")
    lock = FileLock(run / _LOCK)
    if not lock.acquired:
        lock.release()
        raise BlockingIOError(f"run: {run} is used by another process: --storage shares a study")
    return lock


def _journal(run: Path) -> optuna.storages.JournalStorage:
    """The storage in a folder, without what a kill has left of a line or of a lock."""
    file = run / _JOURNAL
    if file.exists():
        content = file.read_bytes()
        if not content.endswith(b"\n"):
            with file.open("r+b") as journal:
                journal.truncate(content.rfind(b"\n") + 1)
    for left in run.glob(f"{_JOURNAL}.*"):
        left.unlink()
    path = str(file)
    return optuna.storages.JournalStorage(JournalFileBackend(path, JournalFileOpenLock(path)))


def _require_config(study: Study, config: dict[str, Any], where: str) -> None:
    trials = study.get_trials(deepcopy=False)  # before: another process writes them afterwards
    attributes = study.user_attrs
    if CONFIG not in attributes:
        if trials or study.directions != [optuna.study.StudyDirection.MAXIMIZE]:
            raise ValueError(f"{where} holds a study of another program")
        study.set_user_attr(CONFIG, config)
        return
    old = attributes[CONFIG]
    for name in [*old, *config]:
        if old.get(name) != config.get(name):
            raise ValueError(
                f"{where} holds another study: {name} was {old.get(name)!r}, "
                f"got {config.get(name)!r}"
            )


def _end_left_trials(study: Study) -> None:
    """End trials of a process that was killed; nobody else uses this storage."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
