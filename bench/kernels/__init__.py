"""One file per topic; every function decorated with `bench` gives some rows of bench/run.py."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A kernel and its baselines, on one problem.

    `check` raises AssertionError unless both sides give the right answer; it runs before timing.
    `work` is the number of `unit`s that one call does. One call of a baseline does `baseline_work`,
    by default the same; its time is scaled to the same work.

    `bound` says in a few words what limits the kernel. Where that is arithmetic or memory, `flops`
    are the multiplications and additions of the products in float64, and `moved` the bytes that are
    read and written beyond the caches, of one call; `threads` share the work.
    """

    name: str
    size: str
    ours: Callable[[], Any]
    baselines: dict[str, Callable[[], Any]]
    check: Callable[[], None]
    work: int
    unit: str
    bound: str
    baseline_work: int | None = None
    flops: float = 0.0
    moved: float = 0.0
    threads: int = 1

    @property
    def scale(self) -> float:
        """Number of baseline calls that do as much work as one call of the kernel."""
        return 1.0 if self.baseline_work is None else self.work / self.baseline_work


_makers: list[Callable[[], Iterator[Case]]] = []


def bench(maker: Callable[[], Iterator[Case]]) -> Callable[[], Iterator[Case]]:
    """Register a generator of cases."""
    _makers.append(maker)
    return maker


def cases(filter_text: str = "") -> Iterator[Case]:
    """The cases whose name contains the text, of every file in this folder."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    for maker in _makers:
        for case in maker():
            if filter_text in case.name:
                yield case
