"""One trial: its seeds train side by side, and are compared with earlier trials at each point."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.study import Study
from optuna.trial import TrialState

from fastpg.arrays import Floats
from fastpg.experiments.identity import plain
from fastpg.experiments.trial import Training, Trial
from fastpg.training.callbacks.base import Callback
from fastpg.training.metrics import Metrics
from fastpg.tuning.ranges import Range, distributions
from fastpg.tuning.scores import Objective
from fastpg.tuning.space import settings_in_effect
from fastpg.tuning.study import ERROR

SETTINGS, RETURNS, SCORE = "settings", "returns", "score"  # attributes of a trial


@dataclass(frozen=True)
class Task:
    """What all trials of a study share.

    Attributes:
        base: what they have in common, without anything that is searched.
        ranges: what is searched, by option.
        seeds: of the trainings of each trial.
        objective: what trials maximise.
    """

    base: Trial
    ranges: dict[str, Range]
    seeds: Sequence[int]
    objective: Objective


class _Stop(Callback):
    """Ends a training in another thread, as Ctrl-C does in the main one."""

    def __init__(self, stopped: threading.Event) -> None:
        self.stopped = stopped

    def on_iteration(self, record: Metrics) -> None:
        if self.stopped.is_set():
            raise KeyboardInterrupt


def run_trial(
    study: Study, task: Task, stopped: threading.Event, asking: AbstractContextManager[Any]
) -> None:
    """Draw settings, train with them, and tell the study.

    Args:
        study: the study.
        task: what all trials share.
        stopped: once it is set, the trial ends by KeyboardInterrupt.
        asking: a lock of the threads that run trials: two that ask at once may get the same one.

    Raises:
        KeyboardInterrupt: Ctrl-C, or `stopped`; the trial counts as interrupted.
    """
    with asking:
        trial = study.ask(distributions(task.ranges))
    # Another process may have taken the same waiting trial from a shared storage, and ended it.
    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        _run(study, trial, task, stopped)


def _run(study: Study, trial: optuna.Trial, task: Task, stopped: threading.Event) -> None:
    try:
        drawn = {name: each.value(trial.params[name]) for name, each in task.ranges.items()}
        settings = settings_in_effect(task.base, drawn)
        trial.set_user_attr(SETTINGS, plain(settings))
        state, value = _trained(trial, task, settings, stopped)
    except optuna.exceptions.UpdateFinishedTrialError:
        raise
    except Exception as error:  # of the environment or of a setting, whatever it is
        trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}")
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
    except BaseException:  # without an error: interrupted
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise
    else:
        told = value if state == TrialState.COMPLETE else None
        study.tell(trial, told, state, skip_if_finished=True)


def _trained(
    trial: optuna.Trial, task: Task, settings: dict[str, Any], stopped: threading.Event
) -> tuple[TrialState, float]:
    of_trial = task.base.of(0, settings)
    with ExitStack() as stack:
        trainings = []
        for seed in task.seeds:
            trainings.append(Training(of_trial, seed))
            stack.callback(trainings[-1].close)
        return _compared(trial, task, trainings, stopped)


def _compared(
    trial: optuna.Trial, task: Task, trainings: list[Training], stopped: threading.Event
) -> tuple[TrialState, float]:
    points = len(task.base.points)
    pruned, value = False, np.nan
    for count in range(1, points + 1):
        for training in trainings:
            training.until(count, _Stop(stopped))
        returns = _returns(trainings, count)
        value = task.objective.value(returns)
        trial.report(value, task.base.points[count - 1])
        pruned = count < points and trial.should_prune()
        if pruned:
            break
    trial.set_user_attr(RETURNS, returns.tolist())
    found = task.objective.interval(returns)
    trial.set_user_attr(SCORE, [found.value, found.low, found.high])
    return TrialState.PRUNED if pruned else TrialState.COMPLETE, value


def _returns(trainings: list[Training], count: int) -> Floats:
    """Returns (seeds, count) up to a point; a return that is not finite is an error."""
    returns = np.array([training.returns[:count] for training in trainings])
    if not np.isfinite(returns).all():
        raise ValueError(f"returns: expected finite ones, got {returns[:, -1].tolist()}")
    return returns


def run_trials(
    study: Study, task: Task, wanted: int, jobs: int, report: Callable[[], None]
) -> None:
    """Run trials until so many are finished, those of earlier calls included.

    Args:
        study: the study.
        task: what all trials share.
        wanted: number of trials; interrupted ones do not count.
        jobs: threads that run trials; 1: this one.
        report: called after each trial.

    Raises:
        KeyboardInterrupt: after Ctrl-C; running trials have ended and count as interrupted.
    """
    _Pool(study, task, wanted, report).run(jobs)


def finished(study: Study) -> int:
    """Number of trials that were not interrupted and have ended.

    Args:
        study: the study.
    """
    trials = study.get_trials(deepcopy=False)
    ended = (t for t in trials if t.state.is_finished())
    return sum(t.state != TrialState.FAIL or ERROR in t.user_attrs for t in ended)


class _Pool:
    """Threads that run the trials that are left."""

    def __init__(self, study: Study, task: Task, wanted: int, report: Callable[[], None]) -> None:
        self._study, self._task, self._wanted, self._report = study, task, wanted, report
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._running = 0
        self._errors: list[BaseException] = []

    def run(self, jobs: int) -> None:
        if jobs == 1:
            self._work()
            return
        threads = [threading.Thread(target=self._caught, daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
        if self._errors:
            raise self._errors[0]

    def _caught(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._stopped.set()
            self._errors.append(error)

    def _work(self) -> None:
        while self._claimed():
            try:
                run_trial(self._study, self._task, self._stopped, self._lock)
            finally:
                with self._lock:
                    self._running -= 1
            self._report()

    def _claimed(self) -> bool:
        """Take one of the trials that are left, if any is."""
        with self._lock:
            left = self._wanted - finished(self._study) - self._running
            if left <= 0 or self._stopped.is_set():
                return False
            self._running += 1
            return True
