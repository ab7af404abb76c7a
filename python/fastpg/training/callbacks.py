"""Callbacks of `learn`, called after every iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastpg.training.metrics import Metrics

Callback = Callable[[Metrics], bool | None]


def says_stop(answer: Any) -> bool:
    """Whether a callback asks to stop, that is, returned False.

    Args:
        answer: return value of the callback; NumPy's False and a boolean array of one element count
            too.

    Returns:
        Whether to stop.

    Raises:
        ValueError: a boolean array of several elements, which is neither True nor False.
    """
    if answer is None or isinstance(answer, bool):
        return answer is False
    if "bool" not in str(getattr(answer, "dtype", "")):
        return False  # any other return value continues
    if np.size(answer) != 1:
        raise ValueError(f"callback: expected True or False, got {answer!r}")
    return not answer
