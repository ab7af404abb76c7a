"""Signals that stop a training as Ctrl-C does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of a terminal that is closed, which Windows lacks; of `kill` and the schedulers of clusters.
_NAMES = ("SIGHUP", "SIGTERM")


@contextmanager
def stopped_by_any_signal() -> Iterator[None]:
    """In the block, these signals do what Ctrl-C does, so that what was learned is saved.

    A signal that is ignored, as under `nohup`, stays ignored. Where Ctrl-C is ignored, as in the
    background of a script, the others keep their own effect: they end the process.
    """
    before: dict[int, Any] = {}
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    for name in () if deaf else _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, _as_ctrl_c)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_ctrl_c(number: int, frame: Any) -> None:
    signal.raise_signal(signal.SIGINT)
