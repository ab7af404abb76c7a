"""Those who are compared: a process for each, which lives as long as the comparison."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent.parent
Pair = tuple[Any, Any]


class Partner:
    """A process that is asked over a pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, command: str, *arguments: Any) -> Any:
        """What the worker's function of this name returns."""
        sent, received = self._process.stdin, self._process.stdout
        assert sent is not None
        assert received is not None
        print(json.dumps([command, arguments]), file=sent, flush=True)
        line = received.readline()
        if not line:
            raise RuntimeError(f"{self._process.args}: ended at {command}{arguments}")
        return json.loads(line)


@contextmanager
def partner(python: str, *worker: str) -> Iterator[Partner]:
    """Start a worker, a module and its arguments, and let it end with its standard input."""
    command = [python, "-m", *(worker or ("comparison.worker",))]
    with subprocess.Popen(
        command, cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Partner(process)


class Partners:
    """Old and new, asked in turn: what disturbs the machine disturbs both."""

    def __init__(self, old: Partner, new: Partner) -> None:
        self.both = (old, new)
        self._old_first = True

    def ask(self, command: str, *arguments: Any) -> Pair:
        """Both answers; who is asked first changes every time."""
        order = (0, 1) if self._old_first else (1, 0)
        self._old_first = not self._old_first
        answers = {k: self.both[k].ask(command, *arguments) for k in order}
        return answers[0], answers[1]

    def medians(self, rounds: int, command: str, *arguments: Any) -> tuple[float, float]:
        """Medians of numbers, over several rounds."""
        return medians(rounds, lambda: self.ask(command, *arguments))


def medians(rounds: int, measure: Callable[[], Pair]) -> tuple[float, float]:
    """Of each side, over several rounds."""
    old, new = zip(*(measure() for _ in range(rounds)), strict=True)
    return statistics.median(old), statistics.median(new)


@contextmanager
def partners(old: str, new: str) -> Iterator[Partners]:
    """Both workers, until the end of the block."""
    with ExitStack() as stack:
        yield Partners(*(stack.enter_context(partner(python)) for python in (old, new)))
