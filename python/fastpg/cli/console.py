"""Output of the command line, and errors that the user can correct."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import gymnasium
import typer
from rich.console import Console
from rich.table import Table

from fastpg.files import path_of
from fastpg.playing import NoPictureError
from fastpg.rollouts.collect import EndlessEpisodeError

INTERRUPTED = 130  # exit code: 128 + SIGINT, as in shells

_EXPLAINED = (
    ValueError,
    TypeError,
    OSError,
    ImportError,
    EndlessEpisodeError,
    NoPictureError,
    gymnasium.error.Error,
)


def fail(message: str) -> NoReturn:
    """Print one line on standard error and exit with code 2.

    Args:
        message: the line, without "error: ".

    Raises:
        typer.Exit: always.
    """
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {message}", markup=False)
    raise typer.Exit(2)


class Settings:
    """What options before the command set; the command line of a process has one."""

    debug = False  # show tracebacks


@contextmanager
def explained(options: Collection[str] | Mapping[str, str] = ()) -> Iterator[None]:
    """Turn errors that the user can correct into one line and exit code 2; not with `--debug`.

    Args:
        options: names of the command's options, or its flags by the names that errors use. An error
            about one of them, "n_envs: …", names the flag instead, "--n-envs: …".
    """
    try:
        yield
    except BrokenPipeError:  # nobody reads the output: not an error of the user
        raise
    except _EXPLAINED as error:
        if Settings.debug:
            raise
        text = ". ".join([str(error), *getattr(error, "__notes__", ())])
        fail(_with_dashes(" ".join(text.split()), options))


def _with_dashes(message: str, options: Collection[str] | Mapping[str, str]) -> str:
    """The message, with the flag in place of the option's name before the first colon."""
    message = re.sub(r"^value_kwargs\['(\w+)'\]", r"value_\1", message)
    named = re.match(r"(\w+(?:, \w+)*)(?=[:\[])", message)
    if named is None or named[1] not in options:
        return message
    usual = "--" + named[1].replace("_", "-")
    flag = options[named[1]] if isinstance(options, Mapping) else usual
    return f"{flag}{message[named.end() :]}"


def writable(path: Path, *, force: bool, option: str = "--out") -> Path:
    """Check that a command may write a file, before it works for its content.

    Args:
        path: the file.
        force: whether an existing one may be replaced.
        option: the option that names the file.

    Returns:
        The path, with the user's home in place of "~".

    Raises:
        FileExistsError: it exists, without `force`.
        OSError: its folder does not exist, or it is a folder itself.
    """
    path = path_of(path)
    if path.is_dir():
        raise IsADirectoryError(f"{option}: expected a file, got the folder {path}")
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists: --force replaces it, {option} names another file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option}: no folder {path.parent}")
    return path


def note(message: str) -> None:
    """Print one line on standard error that is no error.

    Args:
        message: the line, without "note: ".
    """
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"note: {message}", markup=False)


def show_table(rows: dict[str, str]) -> None:
    """Print a table of names and values.

    Args:
        rows: values by name, one row each.
    """
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in rows.items():
        table.add_row(key, value)
    Console(highlight=False).print(table)
