"""The commands of `fastpg`."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from fastpg.cli.console import fail
from fastpg.cli.evaluation import evaluate
from fastpg.cli.info import info
from fastpg.cli.lecture import lecture
from fastpg.cli.training import train_app

app = typer.Typer(
    name="fastpg",
    help="Policy gradients on a CPU.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help does not cut long option names
    pretty_exceptions_enable=False,
)
app.add_typer(train_app, name="train")


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
app.command()(lecture)
app.command()(info)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `fastpg` command.

    Args:
        arguments: words of the command line; None: those of the process.

    Raises:
        SystemExit: always, with the exit code.
    """
    app(args=list(arguments) if arguments is not None else None)
