"""What options are: dataclass fields with a default, a range and a line of documentation."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fastpg.algorithms.option_values import checked
from fastpg.suggestions import require_known, unknown

# Arguments of the algorithms and of `train`, which an error about a name lists with the options.
_ARGUMENTS = (
    "policy",
    "env",
    "policy_kwargs",
    "value_kwargs",
    "seed",
    "total_timesteps",
    "callback",
    "log",
    "progress_bar",
    "eval_env",
    "eval_freq",
    "n_eval_episodes",
)

THE_SAME = object()  # no default of its own with a perceptron

# Values of other options by name: without them an option has no effect. All of them are needed.
Values = Mapping[str, tuple[Any, ...]]


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] | None = None,
    mlp: Any = THE_SAME,
    only_with: tuple[Values, ...] = (),
    unit_from: str | None = None,
    search: str | None = None,
    mlp_search: str | None = None,
    fixed: bool = False,
) -> Any:
    """A dataclass field for an option.

    Args:
        default: default value; it is not checked.
        doc: one line of documentation, for `--help` and docs/api.md.
        low: least value, inclusive.
        high: greatest value, inclusive.
        above: lower bound, exclusive.
        choices: the allowed strings.
        mlp: the default with a policy that is a perceptron, if it is another.
        only_with: values of other options without which it has no effect, such as ({"baseline":
            ("linear", "mean")},); of several such sets one is enough.
        unit_from: name of another option that decides in which unit this one is.
        search: values that `tune` tries, as `--search` takes them: "1e-3:10:log" or "64,128"; None:
            it is not searched by default.
        mlp_search: those with a policy that is a perceptron; None: the same.
        fixed: whether what a file stores depends on it, so that `load` cannot change it.

    Returns:
        The field, with documentation and limits as metadata.
    """
    limits = {"low": low, "high": high, "above": above, "choices": choices}
    searched = {"search": search, "mlp_search": mlp_search or search}
    own = {"only_with": only_with, "unit_from": unit_from, "fixed": fixed}
    rest = {"doc": doc, "mlp": mlp, **own, **searched}
    return field(default=default, metadata=rest | limits)


def inherited(
    options_class: type[Options],
    name: str,
    default: Any,
    mlp: Any = THE_SAME,
    only_with: tuple[Values, ...] | None = None,
) -> Any:
    """A dataclass field for an option of a base class, with another default.

    Args:
        options_class: the base class.
        name: name of the option.
        default: default value; it is not checked.
        mlp: as in `option`.
        only_with: as in `option`; None: as in the base class.

    Returns:
        The field, with documentation and limits as in the base class.
    """
    metadata = {**_specs(options_class)[name].metadata, "mlp": mlp}
    if only_with is not None:
        metadata["only_with"] = only_with
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of every option class: checks types, ranges and names of options."""

    def __post_init__(self) -> None:
        hints = type_hints(type(self))
        for spec in _specs(type(self)).values():
            value = getattr(self, spec.name)
            if value is spec.default:  # a test checks the defaults
                continue
            converted = checked(spec.name, value, hints[spec.name], spec.metadata)
            object.__setattr__(self, spec.name, converted)

    def require_effects(self, names: Iterable[str]) -> None:
        """Raise ValueError if an option that the user gave can have no effect.

        Args:
            names: of the options given. None, False and the integer 0 turn an option off, and are
                always allowed. Defaults are not checked, nor are numbers that make another option
                neutral, such as gamma = 1.

        Raises:
            ValueError: an option that needs other values of other options.
        """
        for name in names:
            if not self.has_effect(name):
                sets, value = self._needs(name), getattr(self, name)
                others = dict.fromkeys(other for values in sets for other in values)
                got = ", ".join(f"{other}={getattr(self, other)!r}" for other in others)
                expected = " or ".join(_in_words(values) for values in sets)
                raise ValueError(f"{name}: allowed only with {expected}, got {value!r} and {got}")

    def has_effect(self, name: str) -> bool:
        """Whether an option has an effect together with the others, or is turned off.

        Args:
            name: name of the option.
        """
        value = getattr(self, name)
        off = value is None or value is False or (type(value) is int and value == 0)
        return off or self.is_read(name)

    def is_read(self, name: str) -> bool:
        """Whether an option may have an effect together with the others, whatever its value.

        Args:
            name: name of the option.
        """
        sets = self._needs(name)
        return not sets or any(self._holds(values) for values in sets)

    def changes_unit(self, name: str, other: Options) -> bool:
        """Whether an option has another unit here than in other options of the same class.

        Args:
            name: name of the option.
            other: options with other values.
        """
        unit: str | None = _specs(type(self))[name].metadata["unit_from"]
        return unit is not None and getattr(self, unit) != getattr(other, unit)

    def _needs(self, name: str) -> tuple[Values, ...]:
        sets: tuple[Values, ...] = _specs(type(self))[name].metadata["only_with"]
        return sets

    def _holds(self, values: Values) -> bool:
        return all(getattr(self, name) in allowed for name, allowed in values.items())

    @classmethod
    def mlp_defaults(cls) -> dict[str, Any]:
        """The defaults that differ with a policy that is a perceptron, by option name."""
        both = {spec.name: spec.metadata["mlp"] for spec in _specs(cls).values()}
        return {name: value for name, value in both.items() if value is not THE_SAME}

    def changed(self, owner: str, given: Mapping[str, Any]) -> Self:
        """These options with other values for some, as a stored algorithm may get them.

        Args:
            owner: name of the function with these arguments, for errors.
            given: values by option name.

        Returns:
            The checked options.

        Raises:
            TypeError: unknown option, or a value of the wrong type.
            ValueError: a value out of range or without effect, or an option on which what is stored
                depends.
        """
        own = _specs(type(self))
        require_options(owner, given, own)
        new = dataclasses.replace(self, **given)
        for name in given:
            old, value = getattr(self, name), getattr(new, name)
            if own[name].metadata["fixed"] and old != value:
                raise ValueError(
                    f"{owner}: {name}: expected {old!r}, on which the values in the file depend, "
                    f"got {value!r}; a new algorithm takes another one"
                )
        new.require_effects(given)
        return new

    @classmethod
    def build(cls, owner: str, given: dict[str, Any], mlp: bool = False) -> Self:
        """Options with the given values, and defaults for the rest.

        Args:
            owner: name of the algorithm, for errors.
            given: values by option name.
            mlp: whether the policy is a perceptron.

        Returns:
            The checked options.

        Raises:
            TypeError: unknown option, or a value of the wrong type.
            ValueError: a value out of range.
        """
        own = _specs(cls)
        for name in given:
            if name not in own:
                raise TypeError(f"{owner}: {unknown('option', name, [*own, *_ARGUMENTS])}")
        return cls(**((cls.mlp_defaults() if mlp else {}) | given))


def require_options(
    function: str, given: Iterable[str], known: Iterable[str] | None = None
) -> None:
    """Raise TypeError if a name is no option.

    Args:
        function: the function that was called: load or resume.
        given: the names.
        known: names of the options; None: those of all algorithms.

    Raises:
        TypeError: another name; the message suggests one.
    """
    names = _of_all(Options) if known is None else known
    require_known(f"argument of {function}", given, ["path", "env", "features", *names])


def _of_all(base: type[Options]) -> dict[str, None]:
    """Names of the options of a class and its subclasses."""
    names = dict.fromkeys(_specs(base))
    for each in base.__subclasses__():
        names |= _of_all(each)
    return names


def _in_words(values: Values) -> str:
    return " and ".join(
        f"{name}={' or '.join(repr(value) for value in allowed)}"
        for name, allowed in values.items()
    )


# Of each class; every construction of an algorithm reads them several times.
_SPECS: dict[type[Options], dict[str, dataclasses.Field[Any]]] = {}
_HINTS: dict[type[Options], dict[str, Any]] = {}


def _specs(options_class: type[Options]) -> dict[str, dataclasses.Field[Any]]:
    if options_class not in _SPECS:
        _SPECS[options_class] = {spec.name: spec for spec in dataclasses.fields(options_class)}
    return _SPECS[options_class]


def specs_of(options_class: type[Options]) -> dict[str, Mapping[str, Any]]:
    """The metadata of each option by its name: documentation, limits, what `tune` searches."""
    return {name: spec.metadata for name, spec in _specs(options_class).items()}


def type_hints(options_class: type[Options]) -> dict[str, Any]:
    """The type annotations by option name."""
    if options_class not in _HINTS:
        _HINTS[options_class] = typing.get_type_hints(options_class)
    return _HINTS[options_class]
