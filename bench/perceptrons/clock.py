"""Clocks of both sides."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

ENOUGH = 0.1  # CPU seconds of calls between two readings, at least


def spent(call: Callable[[], Any]) -> list[float]:
    """Seconds and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return [time.perf_counter() - wall, time.process_time() - cpu]


def of_call(call: Callable[[], Any]) -> float:
    """CPU seconds of a call: the mean over enough of them, whose number doubles until it is."""
    count, seconds = 1, 0.0
    while seconds < ENOUGH:
        start = time.process_time()
        for _ in range(count):
            call()
        seconds = time.process_time() - start
        count *= 2
    return 2 * seconds / count
