"""Signals that stop a training as Ctrl-C does."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from fastpg.training.signals import stop_as_ctrl_c

# Of a terminal that is closed, which Windows lacks; of `kill` and the schedulers of clusters.
_NAMES = ("SIGHUP", "SIGTERM")


@contextmanager
def stopped_by_any_signal() -> Iterator[Callable[[], bool]]:
    """In the block, these signals do what Ctrl-C does, so that what was learned is saved.

    A signal that is ignored, as SIGHUP under `nohup`, stays ignored. Ctrl-C may be ignored, as in
    the background of a script; the others stop the training there too.

    Yields:
        A function that returns whether one of them came, after which little time may be left.
    """
    came = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        stop_as_ctrl_c(number, frame)

    before: dict[int, Any] = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, handle)
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
