"""Timing on a noisy machine: several functions alternately in one run; medians and quartiles."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_REST = 0.05  # seconds of rest, since threads of the last function may still spin
_WARM = 0.005  # seconds of warming up after the rest, for caches and cores


@dataclass(frozen=True)
class Timing:
    """Seconds per call."""

    median: float
    low: float  # first quartile
    high: float  # third quartile


def compare(
    calls: dict[str, Callable[[], Any]], *, repeats: int = 9, min_seconds: float = 0.02
) -> dict[str, Timing]:
    """Time several functions alternately, in `repeats` rounds of at least `min_seconds` each."""
    loops = {name: _loops(call, min_seconds) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            seconds[name].append(_time(call, loops[name]))
    return {name: Timing(*np.quantile(s, [0.5, 0.25, 0.75])) for name, s in seconds.items()}


def _time(call: Callable[[], Any], loops: int) -> float:
    time.sleep(_REST)
    warm = time.perf_counter() + _WARM
    while time.perf_counter() < warm:
        call()
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - start) / loops


def _loops(call: Callable[[], Any], min_seconds: float) -> int:
    call()
    once = _time(call, 1)
    return max(1, int(min_seconds / max(once, 1e-9)))
