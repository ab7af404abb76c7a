"""Options in words, for the command line and the API page."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastpg.algorithms.option_fields import THE_SAME, Options, type_hints
from fastpg.algorithms.option_values import is_schedule, range_text


@dataclass(frozen=True)
class Described:
    """An option as `--help` shows it.

    Attributes:
        name: name of the option.
        hint: its type annotation.
        default: its default.
        doc: its line of documentation, with the default for a perceptron if that is another.
        limits: its range or choices in words; None if any value of the type is allowed.
        search: what `tune` searches by default, as `--search` takes it; None: nothing.
        mlp_search: the same with a policy that is a perceptron.
    """

    name: str
    hint: Any
    default: Any
    doc: str
    limits: str | None
    search: str | None
    mlp_search: str | None

    @property
    def takes_none(self) -> bool:
        """Whether None is allowed."""
        return isinstance(self.hint, types.UnionType) and type(None) in typing.get_args(self.hint)

    @property
    def is_schedule(self) -> bool:
        """Whether the value may be a schedule, which changes during learning."""
        return is_schedule(self.hint)

    @property
    def plain(self) -> type:
        """The type of the option, without None; str for a schedule."""
        if self.is_schedule:
            return str
        members = typing.get_args(self.hint) if self.takes_none else (self.hint,)
        kind: type = next(member for member in members if member is not type(None))
        return kind


def described(options_class: type[Options]) -> list[Described]:
    """Describe every option of a class.

    Args:
        options_class: the class.

    Returns:
        One description per option, in the order of the fields.
    """
    hints = type_hints(options_class)
    return [
        Described(
            spec.name,
            hints[spec.name],
            spec.default,
            _doc(spec.metadata),
            range_text(spec.metadata),
            spec.metadata["search"],
            spec.metadata["mlp_search"],
        )
        for spec in dataclasses.fields(options_class)
    ]


def read_text(spec: Described, text: str) -> Any:
    """The value of an option in a text, as on the command line; its range is not checked.

    Args:
        spec: the option.
        text: a value of its type, "true" or "false", "none", or a schedule.

    Returns:
        The value.

    Raises:
        ValueError: a text of another form.
    """
    if spec.takes_none and text.lower() == "none":
        return None
    if spec.plain is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{spec.name}: expected true or false, got {text!r}")
        return text.lower() == "true"
    if spec.plain is str:
        return _number(text) if spec.is_schedule else text
    try:
        return spec.plain(text)
    except ValueError:
        kind = "an integer" if spec.plain is int else "a number"
        raise ValueError(f"{spec.name}: expected {kind}, got {text!r}") from None


def _number(text: str) -> float | str:
    """A schedule: a number if it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _doc(metadata: Mapping[str, Any]) -> str:
    doc: str = metadata["doc"]
    mlp = metadata["mlp"]
    return doc if mlp is THE_SAME else f"{doc}; with policy mlp the default is {mlp}"
