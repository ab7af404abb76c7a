"""The cases of bench/kernels of the version's own tree."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

_calls: dict[str, Callable[[], Any]] = {}
_loops: dict[str, int] = {}
_ROUND = 0.02  # seconds, at least
_WARM = 0.005


def load_kernels(tree: str) -> list[str]:
    """Names with sizes of all cases."""
    sys.path.insert(0, f"{tree}/bench")
    from kernels import cases

    _calls.update({f"{case.name}, {case.size}": case.ours for case in cases()})
    return list(_calls)


def kernel(name: str) -> float:
    """Seconds a call, of one round."""
    call = _calls[name]
    warm = time.perf_counter() + _WARM
    while time.perf_counter() < warm:
        call()
    if name not in _loops:
        _loops[name] = max(1, int(_ROUND / _seconds(call, 1)))
    return _seconds(call, _loops[name])


def _seconds(call: Callable[[], Any], loops: int) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - start) / loops
