"""Attributes of algorithms: errors for unknown names, and for those that nobody may set."""

from __future__ import annotations

import functools
import inspect
import operator
from typing import TYPE_CHECKING, Any, ClassVar

from fastpg.names_elsewhere import NOT_AN_ATTRIBUTE, NOT_HERE
from fastpg.suggestions import nearest
from fastpg.values.base import Baseline
from fastpg.values.factory import BASELINES

_OF_THE_ENVIRONMENT = "it is that of the environment: algo.use_env(env)"
_GIVE_IT = "give it to a new algorithm"
# Attributes that other parts have read when the algorithm was made, and what to do instead.
_SET_ONCE = {
    "env": "algo.use_env(env) takes another environment",
    "policy": "algo.policy.theta = … sets its parameters; a new algorithm takes another policy",
    "seed": f"{_GIVE_IT}: NPG(policy, env, seed=…)",
    "num_threads": (
        "give it to a new algorithm, or load(path, env, num_threads=…); FASTPG_NUM_THREADS is the "
        "default"
    ),
    "options": "load(path, env, learning_rate=…) and resume(path, learning_rate=…) change options",
    "value_kwargs": _GIVE_IT,
    "observation_space": _OF_THE_ENVIRONMENT,
    "action_space": _OF_THE_ENVIRONMENT,
}


class NamedAttributes:
    """Base of a class whose attributes are the annotated ones and whose options are none.

    An option that is set would seem to change, and so would an attribute that other parts have read
    already. Each of these names has a descriptor, which costs nothing where other attributes are
    set; a `__setattr__` would be called for all of them.
    """

    options_class: ClassVar[Any]

    def _set_again(self, **values: Any) -> None:
        """Set attributes that users cannot set."""
        for name, value in values.items():
            vars(self)[_stored(name)] = value

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
            if hasattr(type(self), name):  # the error of a property
                return object.__getattribute__(self, name)
            raise _error(self, name, f"has no attribute {name!r}")


def _stored(name: str) -> str:
    """Where the value of an attribute is that is set once."""
    return f"_made_{name}"


def _set_once(name: str) -> property:
    """An attribute that only the constructor sets; it is read in C, since it is read often."""
    stored = _stored(name)

    def set_first(owner: Any, value: Any) -> None:
        if stored in vars(owner):
            raise AttributeError(
                f"{type(owner).__name__!r} object: {name} cannot be set, got {value!r}: "
                f"{_SET_ONCE[name]}",
                name=name,
            )
        vars(owner)[stored] = value

    return property(operator.attrgetter(stored), set_first)


for _name in _SET_ONCE:
    setattr(NamedAttributes, _name, _set_once(_name))


def _set_baseline(owner: Any, value: Any) -> None:
    """Refuse what `learn` could not use; a `Baseline` takes effect in the next iteration."""
    if not isinstance(value, Baseline):
        raise TypeError(
            f"baseline: expected a Baseline, got {value!r}: {type(owner).__name__}(policy, env, "
            f"baseline=…) takes {', '.join(BASELINES)}"
        )
    size = owner.policy.observation_size
    if value.observation_size != size:
        raise ValueError(
            f"baseline: expected one for observations of length {size}, got "
            f"{value.observation_size}"
        )
    vars(owner)[_stored("baseline")] = value


NamedAttributes.baseline = property(  # type: ignore[attr-defined]
    operator.attrgetter(_stored("baseline")), _set_baseline
)


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
