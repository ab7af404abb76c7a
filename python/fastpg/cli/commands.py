"""Commands that refuse an option given twice, of which all values but the last would be lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from fastpg.cli.console import fail


class _Once:
    """A part of a command: each option that takes one value is expected once."""

    def make_parser(self, ctx: Any) -> Any:
        """The parser of click, which names the parameters in the order in which they came.

        Args:
            ctx: typer's context.

        Returns:
            The parser.
        """
        parser = super().make_parser(ctx)  # type: ignore[misc]
        parse = parser.parse_args

        def parsed(args: list[str]) -> Any:
            given = list(args)
            result = parse(args)
            if not ctx.resilient_parsing:  # of the completion in a shell
                _require_once(result[-1], given)
            return result

        parser.parse_args = parsed
        return parser


def _require_once(order: list[Any], words: list[str]) -> None:
    single = [each for each in order if each.param_type_name == "option" and not each.multiple]
    for option in single:
        if single.count(option) > 1:
            flags = [*option.opts, *option.secondary_opts]
            given = [word for word in words if word.partition("=")[0] in flags]
            name = " or ".join(dict.fromkeys(word.partition("=")[0] for word in given))
            fail(f"{name or flags[0]}: expected once, got it {single.count(option)} times")


class Command(_Once, typer.core.TyperCommand):
    """A command of `fastpg`."""


class Group(_Once, typer.core.TyperGroup):
    """Commands with a common name, and options before it."""


class App(typer.Typer):
    """An application whose commands are of the classes above."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"cls": Group} | arguments)

    def command(self, name: str | None = None, **arguments: Any) -> Callable[[Any], Any]:
        """A decorator, as in typer.

        Args:
            name: of the command; None: that of the function.
            **arguments: as in typer.

        Returns:
            The decorator.
        """
        return super().command(name, **{"cls": Command} | arguments)
