"""Writing that a full disk ends with a warning, while the training goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastpg.callers import warn


class Guard:
    """Calls functions until one raises OSError; this gives a warning, and later calls do nothing.

    Args:
        name: what writes, for the warning.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.failed = False

    def __call__(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call a function.

        Args:
            call: the function.
            *arguments: its arguments.
        """
        if self.failed:
            return
        try:
            call(*arguments)
        except OSError as error:
            self.failed = True
            self.warn(error)

    def last(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call a function also after a failure; a second one gives no second warning.

        Args:
            call: the function.
            *arguments: its arguments.
        """
        try:
            call(*arguments)
        except OSError as error:
            if not self.failed:
                self.failed = True
                self.warn(error)

    def warn(self, error: OSError) -> None:
        """Say that nothing more is written.

        Args:
            error: the reason.
        """
        text = " ".join(str(error).split())
        warn(f"{self._name} stopped: {text}; the training goes on", RuntimeWarning)
