"""Errors about unknown names, which suggest the right one."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from fastpg.names_elsewhere import (
    ELSEWHERE,
    NOT_A_POLICY,
    NOT_AN_ARGUMENT,
    NOT_HERE,
    NOT_OF_LEARN,
    NOT_OF_PREDICT,
    NOT_OF_THIS_POLICY,
    NOTES,
)

_P = ParamSpec("_P")
_R = TypeVar("_R")

_REASONS = {
    "policy": NOT_A_POLICY,
    "option": NOT_HERE,
    "argument of learn": NOT_OF_LEARN,
    "argument of EvalCallback": NOT_OF_LEARN,
    "argument of CheckpointCallback": NOT_OF_LEARN,
    "argument of predict": NOT_OF_PREDICT,
    "policy argument": NOT_OF_THIS_POLICY,
}

_OWNERS = ("self", "cls")
_ALIKE = 0.75  # least similarity, by difflib's measure, of a name that is suggested


def unknown(
    kind: str, name: object, known: Iterable[str], reasons: Mapping[str, str] | None = None
) -> str:
    """The message for an unknown name.

    Args:
        kind: what the name stands for, such as "option" or "algorithm".
        name: the unknown name.
        known: the known names.
        reasons: what does the work of other names; None: what is known of this kind.

    Returns:
        One line with the unknown name, a reason or the nearest known name, and all known names.
    """
    names = list(known)
    if reasons is None:
        reasons = _REASONS.get(kind, NOT_AN_ARGUMENT if kind.startswith("argument of ") else {})
    if name in reasons:
        hint = f": {reasons[str(name)]}"
    else:
        near = nearest(str(name), names)
        hint = f"; did you mean {near!r}?{_note(name)}" if near else ""
    return f"unknown {kind} {name!r}{hint} (known: {', '.join(names)})"


def _note(name: object) -> str:
    return f" ({NOTES[name]})" if isinstance(name, str) and name in NOTES else ""


def missing(owner: object, name: str, reasons: Mapping[str, str]) -> Any:
    """What the `__getattr__` of a class returns: nothing, since it raises AttributeError.

    Args:
        owner: the object.
        name: the attribute that was not found.
        reasons: what does the work of attributes in other libraries.

    Raises:
        AttributeError: with the reason, if there is one; else Python's, or that of a property.
    """
    if name not in reasons:
        return object.__getattribute__(owner, name)
    kind = type(owner).__name__
    raise AttributeError(f"{kind!r} object has no attribute {name!r}: {reasons[name]}", name=name)


def names_checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A decorator: an unknown keyword raises TypeError that suggests the right one.

    Args:
        function: a function or method without `**` parameters; `__init__` has the class's name.

    Returns:
        The function, with the same signature.
    """
    known = [name for name in inspect.signature(function).parameters if name not in _OWNERS]
    owner, _, method = function.__qualname__.rpartition(".")
    kind = f"argument of {owner if method == '__init__' else method}"

    @functools.wraps(function)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        require_known(kind, kwargs, known)
        return function(*args, **kwargs)

    return checked


def require_known(kind: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for the first name that is not known, with a suggestion.

    Args:
        kind: what the names stand for, such as "argument of predict".
        given: the names.
        known: the known names.
    """
    for name in given:
        if name not in known:
            raise TypeError(unknown(kind, name, known))


def one_of(kind: str, name: Any, known: Iterable[str]) -> str:
    """Check that a name is known.

    Args:
        kind: what the name stands for, for errors.
        name: the name.
        known: the known names.

    Returns:
        `name`.

    Raises:
        TypeError: not a string.
        ValueError: unknown name; the message suggests the nearest known one.
    """
    if not isinstance(name, str):
        raise TypeError(f"{kind}: expected one of {', '.join(known)}, got {name!r}")
    if name not in known:
        raise ValueError(unknown(kind, name, known))
    return name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a name; case and version numbers of ids are ignored.

    Args:
        name: the unknown name.
        known: the known names.

    Returns:
        A known name; None if none is similar.
    """
    names = list(known)
    if name in ELSEWHERE:
        return next((one for one in ELSEWHERE[name].split() if one in names), None)
    stems = {_stem(candidate): candidate for candidate in names}
    matches = difflib.get_close_matches(_stem(name), stems, n=1, cutoff=_ALIKE)
    return stems[matches[0]] if matches else None


def _stem(name: str) -> str:
    return re.sub(r"-v\d+$", "", name.lower())
