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
    does. `work` is the number of `unit`s one call does.
    """

    name: str
    size: str
    ours: Callable[[], Any]
    baselines: dict[str, Callable[[], Any]]
    check: Callable[[], None]
    work: int
    unit: str


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
