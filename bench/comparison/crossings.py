"""Every entry from Python into fastpg's extension, counted and timed.

Python's own profiler does not see them all: neither constructors, nor properties, nor methods
called with unpacked arguments. So while `Crossings` are installed a function of Python stands
before every function of the module `fastpg._core`, before every method, static method and property
of its classes, and before the call of a class. Modules of fastpg that imported such a function by
name get the one that stands before it too. What was bound before (a method kept in an attribute, a
default argument) stays as it was: install first, construct then. The classes are immutable types;
their flag in CPython's type object is cleared for as long.

One entry is one crossing, whatever it calls inside. Enumerations are no crossings: they are plain
Python.
"""

from __future__ import annotations

import ctypes
import operator
import statistics
import sys
import types
from collections.abc import Callable
from time import perf_counter
from typing import Any, Self

import fastpg

CORE = fastpg._core
_FLAGS_OFFSET = 168  # of tp_flags in a type object, on 64 bits
_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE
_NOT_CALLED = ("__init__", "__new__", "__doc__", "__module__")
Function = Callable[..., Any]


class Crossings:
    """A context in which crossings are counted; `seconds` is the time within them."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0
        self._inside = False
        self._undo: list[tuple[Any, str, Any]] = []

    def take(self) -> tuple[int, float]:
        """Crossings and seconds since the last time."""
        found = self.count, self.seconds
        self.count, self.seconds = 0, 0.0
        return found

    def before(self, function: Function) -> Function:
        """A function that stands before another one."""

        def crossing(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside = True
            start = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += perf_counter() - start
                self.count += 1
                self._inside = False

        return crossing

    def __enter__(self) -> Self:
        self._before_classes()
        self._before_functions()
        return self

    def __exit__(self, *error: object) -> None:
        for owner, name, value in reversed(self._undo):
            _set(owner, name, value)
        self._undo.clear()

    def _before_classes(self) -> None:
        classes = [c for c in vars(CORE).values() if _is_bound_class(c)]
        for cls in classes:
            self._replace_members(cls)
        for metaclass in {type(cls) for cls in classes}:
            self._replace(metaclass, "__call__", self.before(metaclass.__call__))

    def _before_functions(self) -> None:
        functions = {
            id(f): self.before(f)
            for f in vars(CORE).values()
            if isinstance(f, types.BuiltinFunctionType)
        }
        for module in _modules():
            for name, value in list(vars(module).items()):
                if id(value) in functions:
                    self._replace(module, name, functions[id(value)])

    def _replace_members(self, cls: type) -> None:
        for name, value in list(vars(cls).items()):
            if name not in _NOT_CALLED and (other := self._member(value)) is not None:
                self._replace(cls, name, other)

    def _member(self, value: Any) -> Any:
        if isinstance(value, property):
            return property(*(f and self.before(f) for f in (value.fget, value.fset)))
        if isinstance(value, staticmethod):
            return staticmethod(self.before(value.__func__))
        return self.before(getattr(value, "__func__", value)) if callable(value) else None

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._undo.append((owner, name, vars(owner)[name]))
        _set(owner, name, value)


def _set(owner: Any, name: str, value: Any) -> None:
    """Set an attribute, of an immutable type too."""
    if not isinstance(owner, type) or not owner.__flags__ & _IMMUTABLE:
        setattr(owner, name, value)
        return
    flags = ctypes.c_ulong.from_address(id(owner) + _FLAGS_OFFSET)
    assert flags.value == owner.__flags__, "another layout of type objects"
    flags.value &= ~_IMMUTABLE
    try:
        setattr(owner, name, value)
    finally:
        flags.value |= _IMMUTABLE


def _is_bound_class(value: Any) -> bool:
    return isinstance(value, type) and type(value).__name__.startswith("pybind11")


def _modules() -> list[types.ModuleType]:
    return [m for name, m in list(sys.modules.items()) if name.split(".")[0] == "fastpg"]


def seconds_of_nothing() -> float:
    """What the clock shows of a crossing that does nothing: to be taken off each."""
    crossings = Crossings()
    nothing = crossings.before(operator.index)
    times = []
    for _ in range(5000):
        nothing(0)
        times.append(crossings.take()[1])
    return statistics.median(times)
