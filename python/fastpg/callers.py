"""Warnings that name the line of the user's code."""

from __future__ import annotations

import sys
import warnings
from types import FrameType


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest caller outside this package.

    Args:
        text: the message.
        category: its class.
    """
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and _is_ours(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    """Whether the code is of this package; code that `exec` runs may have no module's name."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "fastpg"
