"""Docstrings of the algorithms for `help`: all arguments and options, with defaults."""

from __future__ import annotations

import inspect
from typing import Any

_WIDTH = 100


class ClassHelp:
    """A docstring that lists the options of an algorithm, made when it is read: that takes time.

    Args:
        text: the docstring of the class.
        common: the docstring with the arguments that all algorithms have, under "Args:".
    """

    def __init__(self, text: str, common: str) -> None:
        self.text = text
        self._common = common

    def __get__(self, instance: object, cls: Any) -> str:
        return f"{inspect.cleandoc(self.text)}\n\n{_arguments(self._common)}\n{_options(cls)}"


def _arguments(common: str) -> str:
    """The arguments in front of the options."""
    text = inspect.cleandoc(common)
    return text[text.index("Args:") : text.index("    **options:")].rstrip()


def _options(kind: Any) -> str:
    """A line for each option: name, default, meaning, range."""
    import textwrap

    from fastpg.algorithms.option_texts import described

    lines = []
    for spec in described(kind.options_class):
        meaning = spec.doc if spec.limits is None else f"{spec.doc}; {spec.limits}"
        text = f"{spec.name} = {spec.default!r}: {meaning}"
        lines += textwrap.wrap(
            text, _WIDTH, initial_indent="    ", subsequent_indent=" " * 8, break_on_hyphens=False
        )
    return "\n".join(["", "Options, which are keywords too:", *lines])
