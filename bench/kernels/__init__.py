"""One file a topic; every function decorated with `bench` is a row group of bench/run.py."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A kernel and what it is measured against, on one problem.

    `check` raises AssertionError unless both sides give the right answer; it runs before the clock
    does. `work` is the number of `unit`s one call does; one of a baseline does `baseline_work`, the
    same by default, and its time is scaled to ours.
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
        """Calls of a baseline that do as much as one of ours."""
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
