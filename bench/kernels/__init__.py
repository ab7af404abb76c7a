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
    """

    name: str
    size: str
    ours: Callable[[], Any]
    baselines: dict[str, Callable[[], Any]]
    check: Callable[[], None]
    work: int
    unit: str
    baseline_work: int | None = None

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
