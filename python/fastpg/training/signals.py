"""Ctrl-C, or another request to stop, that takes effect only after the current work is complete."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fastpg import _core

GRACE = 0.5  # seconds that a kernel may continue after the first Ctrl-C

_Handler = Callable[[int, FrameType | None], None]
_deferring: list[_Handler] = []  # of the contexts that are open, the innermost one last


def stop_as_ctrl_c(signum: int, frame: FrameType | None) -> None:
    """A handler for other signals, which do what Ctrl-C does, also where Ctrl-C is ignored.

    Args:
        signum: number of the signal.
        frame: where it came.

    Raises:
        KeyboardInterrupt: nothing defers it.
    """
    handler = _deferring[-1] if _deferring else signal.default_int_handler
    handler(signum, frame)


@contextmanager
def defer_sigint() -> Iterator[list[int]]:
    """A context in which Ctrl-C is deferred to the end of its body, and so is `stop_as_ctrl_c`.

    At the end the previous handler is restored, then KeyboardInterrupt is raised. A kernel that
    still runs half a second after Ctrl-C raises it at once, and so does a second Ctrl-C. The
    context does nothing outside the main thread. SIGINT stays ignored if it is.

    Yields:
        A list that has the number of the signal once it came; empty before.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in the body.
    """
    note = _Note()
    if threading.current_thread() is not threading.main_thread():
        yield note.pending
        return
    try:
        with _handling(note):
            yield note.pending
    except Exception as error:
        if note.pending:
            raise KeyboardInterrupt from error
        raise
    if note.pending:
        raise KeyboardInterrupt


class _Note:
    """A handler that notes the first request to stop, and raises at the second.

    Attributes:
        pending: numbers of the signals that came.
        closing: whether the context is being left, which nothing may interrupt.
    """

    def __init__(self) -> None:
        self.pending: list[int] = []
        self.closing = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.closing:
            self.pending.append(signum)
            return
        if self.pending:
            raise KeyboardInterrupt
        self.pending.append(signum)
        _core.end_kernels(GRACE)


@contextmanager
def _handling(note: _Note) -> Iterator[None]:
    """A context in which requests to stop come to a handler."""
    previous = signal.getsignal(signal.SIGINT)
    heard = previous not in (None, signal.SIG_IGN)
    try:
        _deferring.append(note)
        if heard:
            signal.signal(signal.SIGINT, note)
        yield
    finally:
        note.closing = True  # before any call, after which Python looks at signals
        _core.end_kernels(None)
        if note in _deferring:
            _deferring.remove(note)
        if heard:  # last: its handler may raise
            signal.signal(signal.SIGINT, previous)
