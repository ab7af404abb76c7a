"""Output during training that never disturbs it, also when the terminal is closed."""

from __future__ import annotations

import math
import sys
from typing import Any

from fastpg.training.metrics import Metrics

_GONE = (OSError, ValueError)  # a closed pipe or terminal; a closed stream


class Lines:
    """Prints lines on standard output or standard error, until that fails.

    Args:
        stream: "stdout" or "stderr".
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> None:
        """Print a line.

        Args:
            text: the line.
        """
        file = getattr(sys, self._stream)  # None without a console, as in pythonw
        if self._gone or file is None:
            return
        try:
            print(text, file=file, flush=True)
        except _GONE:
            self._gone = True


def live_console(stream: str) -> Any:
    """A console for a display that changes in place.

    Args:
        stream: "stdout" or "stderr".

    Returns:
        A `rich.console.Console` that falls silent when its terminal is closed; None if the stream
            is no terminal, or rich is not installed.
    """
    file = getattr(sys, stream)
    try:
        if file is None or not file.isatty():
            return None
        from rich.console import Console
    except (ImportError, *_GONE):
        return None
    console = Console(file=_Quiet(file))  # type: ignore[arg-type]
    return console if console.is_terminal and not console.is_dumb_terminal else None


class _Quiet:
    """A stream that falls silent where it would raise: rich would then end the process."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._gone = False

    def write(self, text: str) -> int:
        self._try(self._file.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def _try(self, call: Any, *arguments: Any) -> None:
        if not self._gone:
            try:
                call(*arguments)
            except _GONE:
                self._gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def mean_return(record: Metrics) -> str:
    """The mean return of a record as text.

    Args:
        record: an entry of the history.

    Returns:
        One decimal; "-" until an episode has ended.
    """
    mean = float(record.get("rollout/ep_rew_mean", math.nan))
    return "-" if math.isnan(mean) else f"{mean:.1f}"
