"""Attributes of algorithms: errors for names that they do not have, read or set."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from fastpg.suggestions import NOT_AN_ATTRIBUTE, NOT_HERE, nearest

_PACKAGE = __name__.partition(".")[0]


class NamedAttributes:
    """Base of a class whose attributes are the annotated ones; a typing error never makes one.

    Subclasses outside the package may have further attributes, but none with an option's name: an
    option of that name would seem to change.
    """

    options_class: ClassVar[Any]

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            """AttributeError, which knows options and names of other libraries."""
            raise _error(self, name, f"has no attribute {name!r}")

        def __setattr__(self, name: str, value: Any) -> None:
            """AttributeError for an option, and for what is no attribute."""
            if name not in self.__dict__ and not _is_settable(type(self), name):
                raise _error(self, name, f"has no attribute {name!r} to set")
            object.__setattr__(self, name, value)


def _error(owner: Any, name: str, text: str) -> AttributeError:
    kind = type(owner)
    return AttributeError(f"{kind.__name__!r} object {text}{_hint(kind, name)}", name=name)


def _hint(kind: Any, name: str) -> str:
    """What to do instead, as the end of a sentence."""
    if name in _options(kind):
        return (
            f": it is an option, algo.options.{name}; load(path, env, {name}=…) and "
            f"resume(path, {name}=…) change it"
        )
    reason = NOT_AN_ATTRIBUTE.get(name) or NOT_HERE.get(name)
    if reason is not None:
        return f": {reason}"
    if name.startswith("_"):
        return ""
    near = nearest(name, [*_options(kind), *_annotated(kind), *_public(kind)])
    return f"; did you mean {near!r}?" if near else ""


@functools.cache
def _is_settable(kind: Any, name: str) -> bool:
    if name in _annotated(kind) or name.startswith("_"):
        return True
    if name in _options(kind):
        return False
    return hasattr(kind, name) or kind.__module__.partition(".")[0] != _PACKAGE


@functools.cache
def _annotated(kind: Any) -> frozenset[str]:
    return frozenset(name for each in kind.__mro__ for name in inspect.get_annotations(each))


def _options(kind: Any) -> frozenset[str]:
    options_class = getattr(kind, "options_class", None)
    return frozenset() if options_class is None else _annotated(options_class)


def _public(kind: Any) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]
