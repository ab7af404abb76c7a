"""Attributes of algorithms: errors for names that they do not have, and for options set as ones."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from fastpg.suggestions import NOT_AN_ATTRIBUTE, NOT_HERE, nearest


class NamedAttributes:
    """Base of a class whose attributes are the annotated ones and whose options are none.

    An option that is set would seem to change. Each option's name has a descriptor, which costs
    nothing where other attributes are set; a `__setattr__` would be called for all of them.
    """

    options_class: ClassVar[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse options as attributes, apart from those that are also attributes."""
        super().__init_subclass__(**kwargs)
        kind: Any = cls
        for name in _options(kind) - _annotated(kind):
            if not hasattr(cls, name):
                setattr(cls, name, _NoAttribute(name))

    def __dir__(self) -> list[str]:
        """The attributes that there are."""
        kind: Any = type(self)
        return [name for name in super().__dir__() if name not in _refused(kind)]

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            """AttributeError, which knows options and names of other libraries."""
            raise _error(self, name, f"has no attribute {name!r}")


class _NoAttribute:
    """A name that objects of a class neither have nor take."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        kind = type(owner) if kind is None else kind
        raise AttributeError(f"{kind.__name__!r} object has no attribute {self._name!r}")

    def __set__(self, owner: Any, value: Any) -> None:
        raise _error(owner, self._name, f"has no attribute {self._name!r} to set")


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
def _refused(kind: Any) -> frozenset[str]:
    return frozenset(
        name for each in kind.__mro__ for name, it in vars(each).items() if type(it) is _NoAttribute
    )


@functools.cache
def _annotated(kind: Any) -> frozenset[str]:
    return frozenset(name for each in kind.__mro__ for name in inspect.get_annotations(each))


def _options(kind: Any) -> frozenset[str]:
    options_class = getattr(kind, "options_class", None)
    return frozenset() if options_class is None else _annotated(options_class)


def _public(kind: Any) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]
