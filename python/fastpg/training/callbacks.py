"""What `learn` calls after every iteration, and what its answer means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastpg.training.metrics import Metrics

Callback = Callable[[Metrics], bool | None]


def says_stop(answer: Any) -> bool:
    """Whether a callback returned False: Python's, or the one number of a boolean array.

    Raises:
        ValueError: an array of several flags, which is neither True nor False.
    """
    if answer is None or isinstance(answer, bool):
        return answer is False
    if "bool" not in str(getattr(answer, "dtype", "")):
        return False  # whatever else it may be: None is not asked for
    if np.size(answer) != 1:
        raise ValueError(f"callback: expected True or False, got {answer!r}")
    return not answer
