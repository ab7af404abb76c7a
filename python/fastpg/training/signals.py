"""Ctrl-C that takes effect only after the current work is complete."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fastpg import _core

GRACE = 0.5  # seconds that a kernel may continue after the first Ctrl-C


@contextmanager
def defer_sigint() -> Iterator[Callable[[], bool]]:
    """A context in which Ctrl-C is deferred to the end of its body.

    At the end the previous handler is restored, then KeyboardInterrupt is raised. A kernel that
    still runs half a second after Ctrl-C raises it at once, and so does a second Ctrl-C. The
    context does nothing outside the main thread and if SIGINT is ignored.

    Yields:
        A function that returns whether Ctrl-C was pressed.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in the body.
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
