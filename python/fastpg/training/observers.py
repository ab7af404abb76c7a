"""Everything that looks on while `learn` trains: callbacks, logs, evaluations, progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastpg import arrays
from fastpg.callers import warn
from fastpg.rollouts.collector import MOST_STEPS
from fastpg.training.callbacks.base import Callback, CallbackLike, CallbackList, as_callback
from fastpg.training.metrics import MOST_COUNT, Metrics

_EVAL_FREQ = 10_000  # environment steps

# Names that other libraries take as kinds of logs, and what writes them here.
_TERMINAL = "fastpg.loggers.ConsoleLogger() writes on the terminal"
_JSON = "fastpg.loggers.JsonLinesLogger(path) writes lines of JSON, and a run folder has them"
_OWN = "docs/logging.md has a logger for it"
_KINDS = {
    **dict.fromkeys(("tensorboard", "TensorBoard"), "fastpg.loggers.TensorBoardLogger(folder)"),
    **dict.fromkeys(("stdout", "stderr", "console", "terminal", "human"), _TERMINAL),
    "csv": "fastpg.loggers.CsvLogger(path) writes CSV, and a run folder has it",
    **dict.fromkeys(("json", "jsonl"), _JSON),
    **dict.fromkeys(("wandb", "mlflow"), _OWN),
}


class Observers:
    """The callbacks of one call of `learn`. The arguments are those of `learn`, checked here.

    Args:
        callback: argument of `learn`.
        log: argument of `learn`.
        progress_bar: argument of `learn`.
        log_interval: argument of `learn`.
        eval_env: argument of `learn`.
        eval_freq: argument of `learn`.
        n_eval_episodes: argument of `learn`.

    Attributes:
        started: whether the training has begun: all callbacks are started.

    Raises:
        TypeError, ValueError: a wrong argument.
        OSError: a run folder that cannot be used.
    """

    def __init__(
        self,
        callback: CallbackLike = None,
        *,
        log: Any = None,
        progress_bar: bool = False,
        log_interval: int = 1,
        eval_env: Any = None,
        eval_freq: int | None = None,
        n_eval_episodes: int = 10,
    ) -> None:
        every = arrays.integer("log_interval", log_interval, 1, MOST_COUNT)
        episodes = arrays.integer("n_eval_episodes", n_eval_episodes, 1, MOST_STEPS)
        logs, parts = _logs(log, every), []
        asked: dict[str, int] | None = None
        if callback is not None:
            parts.append(as_callback(callback))
        if arrays.boolean("progress_bar", progress_bar):
            parts.append(_progress_bar())
        if eval_env is not None or eval_freq is not None:
            given = _EVAL_FREQ if eval_freq is None else eval_freq
            freq = arrays.integer("eval_freq", given, 1, MOST_COUNT)
            parts.append(_evaluation(eval_env, freq, episodes))
            own = eval_env is not None
            asked = {"eval_freq": freq, "n_eval_episodes": episodes, "own_env": own}
        self._logs, self._others = CallbackList(logs), CallbackList(parts)
        self._all = CallbackList([*logs, *parts]) if logs or parts else None
        self._late: list[Metrics] | None = None  # evaluations that the logs get after the record
        self._stop = self.started = False
        if self._all is not None:
            _note_evaluations(self._all, asked)

    @contextmanager
    def watching(
        self, algo: Any, total_timesteps: int
    ) -> Iterator[Callable[[Metrics], bool] | None]:
        """A context in which the callbacks are started; at its end they are ended.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.

        Yields:
            A function that gives a record to the callbacks and returns whether to stop; None if
                there are no callbacks.
        """
        if self._all is None:
            self.started = True
            yield None
            return
        self._all.announce = self._announce
        try:
            self._all.on_training_start(algo, total_timesteps)
            self.started = True
            yield self._see
        finally:
            if not self.started:
                for part in self._all.flattened():
                    part._note_failed_start()
            self._all.on_training_end()

    def _see(self, record: Metrics) -> bool:
        """Give a record to the callbacks, which may add to it, and then to the logs."""
        self._late = []
        try:
            stops = not self._others.on_iteration(record)
        finally:  # an error of a callback does not take the record from the logs
            late, self._late = self._late, None
            if self._logs.callbacks:
                self._logs.on_iteration(record)
            for evaluation in late:
                self._logs.on_evaluation(evaluation)
        return stops or self._stop

    def _announce(self, record: Metrics) -> bool:
        """Give the record of an evaluation to all; a stop that is asked for here is kept."""
        if self._late is None:
            self._logs.on_evaluation(record)
        else:
            self._late.append(dict(record))
        self._stop = not self._others.on_evaluation(record) or self._stop
        return self._stop


def _note_evaluations(callbacks: CallbackList, asked: dict[str, int] | None) -> None:
    """Tell callbacks of the evaluations, and warn about one that would do nothing without any.

    Args:
        callbacks: all of them.
        asked: the arguments of `learn` about evaluations; None without.
    """
    parts = list(callbacks.flattened())
    # A callback of the user's may evaluate, and announce it.
    some = any(p.evaluates or not type(p).__module__.startswith("fastpg.") for p in parts)
    for part in parts:
        part._note_evaluations(asked, some=some)
        if part.needs_evaluations and not some:
            warn(
                f"{type(part).__name__}: there are no evaluations, so it never stops the "
                "training: expected learn(eval_freq=…) or an EvalCallback too"
            )


# What is imported below is slow to import, and most trainings do not need it.


def _logs(log: Any, every: int) -> list[Callback]:
    if log is None:
        return []
    from fastpg.training.loggers.base import LoggerCallback
    from fastpg.training.run_folder import RunFolder

    parts: list[Callback] = []
    for one in log if isinstance(log, list | tuple) else [log]:
        if isinstance(one, str | os.PathLike):
            _require_no_kind(one)
            one = RunFolder(one)
        if isinstance(one, RunFolder):
            one.require_free()
            parts.append(one)
        else:
            parts.append(LoggerCallback(one, every))
    return parts


def _require_no_kind(path: Any) -> None:
    """Raise ValueError for a name that other libraries take as a kind of log."""
    if path in _KINDS:
        raise ValueError(
            f"log: expected the path of a run folder or a logger, got the name {path!r}: "
            f"{_KINDS[path]}; for a folder of this name give './{path}'"
        )


def _evaluation(eval_env: Any, eval_freq: int, episodes: int) -> Callback:
    from fastpg.training.callbacks.evaluation import EvalCallback

    return EvalCallback(eval_env, eval_freq=eval_freq, n_eval_episodes=episodes)


def _progress_bar() -> Callback:
    from fastpg.training.callbacks.progress import ProgressBarCallback

    return ProgressBarCallback()
