"""Arguments as JSON values by which an experiment or a study is known again."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from fastpg.algorithms.settings import TunedSettings
from fastpg.envs.user_env import UserEnvironment
from fastpg.policies.base import Policy

_MOST_NESTED = 8
_UNKNOWN = " at 0x"


def plain(value: Any, depth: int = _MOST_NESTED) -> Any:
    """JSON values that are the same in another process, and others for another argument.

    A function is its name, with what it has closed over; its code may change. An array or a policy
    has a digest of its numbers, any other object its class and its attributes.

    Args:
        value: anything.
        depth: how many more objects may be within each other.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if depth == 0:
        return type(value).__qualname__
    if isinstance(value, Mapping):
        return {str(key): plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, depth - 1) for each in value]
    return _of_object(value, depth - 1)


def of_tuned(settings: TunedSettings | None) -> Any:
    """JSON values of tuned settings, wherever their file is.

    Args:
        settings: the settings, or None.
    """
    return None if settings is None else plain(replace(settings, file=None))


def name_of(value: Any) -> str:
    """A short name: an id, or that of a function or a class.

    Args:
        value: anything.
    """
    if isinstance(value, functools.partial):
        return name_of(value.func)
    found = plain(value, 1)
    if isinstance(found, dict):
        found = found.get("function", next(iter(found)))
    return str(found)


def _of_object(value: Any, depth: int) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, UserEnvironment):
        return value.id
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "digest": _digest(value)}
    if isinstance(value, Policy):
        stored, meta = value.state()
        digests = {name: _digest(array) for name, array in stored.items()}
        return {"policy": type(value).__name__, "arguments": plain(meta, depth), "digests": digests}
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return {"partial": [plain(part, depth) for part in parts]}
    if inspect.ismethod(value):
        return {"method": value.__qualname__, "of": plain(value.__self__, depth)}
    if callable(value) and hasattr(value, "__qualname__"):
        return _of_function(value, depth)
    if is_dataclass(value) and not isinstance(value, type):
        values = {field.name: getattr(value, field.name) for field in fields(value)}
        return {type(value).__qualname__: plain(values, depth)}
    if _UNKNOWN in repr(value):  # its text has its address
        return {type(value).__qualname__: plain(getattr(value, "__dict__", {}), depth)}
    return repr(value)


def _of_function(function: Any, depth: int) -> Any:
    """Its name; beside it, if there are any, the values of its defaults and of its closure."""
    name = f"{function.__module__}.{function.__qualname__}"
    if not inspect.isfunction(function):
        return name
    used = {
        "defaults": [function.__defaults__, function.__kwdefaults__],
        "closure": [_content(cell) for cell in function.__closure__ or ()],
    }
    seen = {key: plain(each, depth) for key, each in used.items() if any(each)}
    return {"function": name, **seen} if seen else name


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty: a function that is not defined yet
        return None


def _digest(array: Any) -> str:
    numbers = np.ascontiguousarray(array)
    if numbers.dtype.hasobject:
        return str(numbers.tolist())
    return hashlib.sha256(numbers.tobytes()).hexdigest()[:16]
