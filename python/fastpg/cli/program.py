"""The commands of `fastpg`."""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from fastpg import _core
from fastpg.cli.check import check
from fastpg.cli.commands import App
from fastpg.cli.compare import compare
from fastpg.cli.console import Settings, fail
from fastpg.cli.enjoyment import enjoy
from fastpg.cli.evaluation import evaluate
from fastpg.cli.export import export_policy
from fastpg.cli.info import info
from fastpg.cli.lecture import lecture
from fastpg.cli.plotting import plot
from fastpg.cli.sweep import sweep
from fastpg.cli.training import train_app
from fastpg.cli.tune import tune

app = App(
    name="fastpg",
    help="Policy gradients on a CPU.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help does not cut long option names
    pretty_exceptions_enable=False,
)
app.add_typer(train_app, name="train")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"fastpg {_core.__version__}")
        raise typer.Exit


@app.callback()
def before(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_show_version, is_eager=True),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Policy gradients on a CPU."""
    Settings.debug = debug


@app.command(
    hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def train_preset() -> None:
    """A command of version 0.1.0, which now names its replacement."""
    fail(
        "train-preset was removed: expected fastpg train ALGORITHM ENV, which uses the tuned "
        "settings of the environment, such as fastpg train trpo Pendulum-v1"
    )


app.command("eval")(evaluate)
app.command("export")(export_policy)
app.command()(enjoy)
app.command()(plot)
for _with_options in (sweep, tune):  # options of the algorithm are read by the command itself
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        _with_options
    )
app.command()(compare)
app.command()(check)
app.command()(lecture)
app.command()(info)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `fastpg` command.

    Modules of the present folder can be imported, as with `python -m`, unless Python runs with -P.

    Args:
        arguments: words of the command line; None: those of the process.

    Raises:
        SystemExit: always, with the exit code: 0, 1 after a defect of fastpg or of a user's
            environment or where nobody reads the output, 2 after an error that the user can
            correct, 130 after Ctrl-C.
    """
    Settings.debug = False
    _print_any_character()
    _require_words(sys.argv[1:] if arguments is None else arguments)
    try:
        with _modules_of_this_folder():
            app(args=list(arguments) if arguments is not None else None)
    except Exception as error:
        if Settings.debug:
            raise
        text = ". ".join([str(error), *getattr(error, "__notes__", ())])
        print(f"error: {type(error).__name__}: {text}", file=sys.stderr)
        print(
            "fastpg --debug ... shows where it happened; if that is in fastpg, please report it",
            file=sys.stderr,
        )
        raise SystemExit(1) from None


def _print_any_character() -> None:
    """Print "?" for characters that standard output cannot encode; standard error escapes them."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def _require_words(words: Sequence[str]) -> None:
    """Exit with code 2 after an empty word: as a path it would mean the present folder."""
    for previous, word in itertools.pairwise(["", *words]):
        name, equals, value = previous, "=", word
        if word.startswith("--"):
            name, equals, value = word.partition("=")
        if equals and not value and name != "--label":
            print(f"error: expected a word after {name!r}, got ''", file=sys.stderr)
            raise SystemExit(2)


@contextmanager
def _modules_of_this_folder() -> Iterator[None]:
    """Let `module:id` find modules of the present folder, after all others, as `python -m` does."""
    path = list(sys.path)
    if not sys.flags.safe_path:
        with suppress(FileNotFoundError):  # a folder that was deleted
            sys.path.append(os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = path
