"""Ctrl-C that waits until work in progress is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fastpg import _core

GRACE = 0.5  # seconds that a kernel may go on after the first Ctrl-C


@contextmanager
def defer_sigint() -> Iterator[Callable[[], bool]]:
    """Hold back Ctrl-C: the yielded function tells whether it came.

    The handler of before is restored, then KeyboardInterrupt raised. A kernel that is still at work
    half a second after Ctrl-C raises it, and a second Ctrl-C is not held back. Outside the main
    thread, where signals do not arrive, and where they are ignored, it does nothing.
    """
    pending = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal pending
        if pending:
            raise KeyboardInterrupt
        pending = True
        _core.end_kernels(GRACE)

    in_main = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGINT) if in_main else None
    if previous in (None, signal.SIG_IGN):
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pending
    except Exception as error:
        if pending:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, previous)
        _core.end_kernels(None)
    if pending:
        raise KeyboardInterrupt
