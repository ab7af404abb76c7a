"""Warnings that name the line of the user's code."""

from __future__ import annotations

import sys
import warnings


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest caller outside this package.

    Args:
        text: the message.
        category: its class.
    """
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "fastpg":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
