"""What a logger is, and how it takes part in a training."""

from __future__ import annotations

from typing import Any

from fastpg import arrays
from fastpg.training.callbacks.base import Callback
from fastpg.training.loggers.guard import Guard
from fastpg.training.metrics import MOST_COUNT, Metrics
from fastpg.training.run_config import run_config


class Logger:
    """Base of loggers; any object with `write` is one, and its other methods are optional.

    `close` is called exactly once for each call of `start`. An OSError, such as a full disk, ends
    the log with a warning, and the training goes on; other errors end the training.
    """

    def start(self, config: dict[str, Any]) -> None:
        """Called before the first iteration.

        Args:
            config: what the training was started with, JSON values: algorithm, environment, policy,
                options, seed, total_timesteps.
        """

    def write(self, record: Metrics) -> None:
        """Called with the records of iterations.

        Args:
            record: the record, with the keys of docs/records.md.
        """
        raise NotImplementedError

    def write_evaluation(self, record: Metrics) -> None:
        """Called with the records of evaluations.

        Args:
            record: "eval/mean_reward", "eval/std_reward", "eval/mean_ep_length" and
                "time/total_timesteps".
        """

    def close(self) -> None:
        """Called after the last iteration."""


def as_logger(given: Any) -> Any:
    """Check that an object is a logger.

    Args:
        given: any object.

    Returns:
        The object.

    Raises:
        TypeError: it has no method `write`, or is a class or an open file.
    """
    if isinstance(given, type) or not callable(getattr(given, "write", None)):
        raise TypeError(
            "log: expected a logger (an object with write(record)), the path of a run folder, or a "
            f"list of these, got {given!r}"
        )
    if callable(getattr(given, "fileno", None)):
        raise TypeError(f"log: expected a logger, got an open file: {given!r}")
    return given


class LoggerCallback(Callback):
    """Gives every `log_interval`-th record, and the last one, to a logger.

    Args:
        logger: the logger.
        log_interval: iterations from one record to the next.
    """

    def __init__(self, logger: Any, log_interval: int = 1) -> None:
        self.logger = as_logger(logger)
        self.log_interval = arrays.integer("log_interval", log_interval, 1, MOST_COUNT)
        self._guarded = Guard(type(logger).__name__)
        self._count = 0
        self._last: Metrics | None = None  # if it is not written yet

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Start the logger.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.

        Raises:
            OSError: the logger cannot write.
        """
        super().on_training_start(algo, total_timesteps)
        self._guarded = Guard(type(self.logger).__name__)
        self._count, self._last = 0, None
        if start := getattr(self.logger, "start", None):
            start(run_config(algo, total_timesteps))

    def on_iteration(self, record: Metrics) -> None:
        """Write the record if it is time.

        Args:
            record: the record.
        """
        self._count += 1
        self._last = record
        if self._count % self.log_interval == 0:
            self._write_last()

    def on_evaluation(self, record: Metrics) -> None:
        """Write the record of an evaluation.

        Args:
            record: the record.
        """
        if write := getattr(self.logger, "write_evaluation", None):
            self._guarded(write, record)

    def on_training_end(self) -> None:
        """Write the last record, if it is not written, and close the logger."""
        try:
            self._write_last()
        finally:
            if close := getattr(self.logger, "close", None):
                self._guarded.last(close)

    def _write_last(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            self._guarded(self.logger.write, last)
