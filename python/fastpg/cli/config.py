"""`--config FILE`: options of a command from a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import typer

from fastpg.cli.console import explained
from fastpg.files import path_of
from fastpg.suggestions import unknown


def apply(ctx: typer.Context, path: Path | None) -> Path | None:
    """Let the options of a file replace the defaults of a command; a callback for typer.

    Args:
        ctx: typer's context of the command.
        path: the file; None: there is none.

    Returns:
        The path.

    Raises:
        typer.Exit: the file cannot be read, or has an unknown option.
    """
    if path is not None:
        with explained():
            ctx.default_map = _options(path_of(path), _options_of(ctx))
    return path


def _options_of(ctx: typer.Context) -> dict[str, Any]:
    """The command's options by name, but for `--config` itself."""
    return {p.name: p for p in ctx.command.params if p.name and p.name != "config"}


def _options(path: Path, known: dict[str, Any]) -> dict[str, Any]:
    """The values of a file, as words of the command line."""
    words = {}
    for name, value in _read(path).items():
        option = name.replace("-", "_")
        if option not in known:
            raise ValueError(f"{path}: {unknown('option', name, list(known))}")
        if value == "" and option != "label":
            raise ValueError(f"{path}: {name}: expected a value, got ''")
        words[option] = _words(value, known[option])
    return words


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    kind, read = ("JSON", json.loads) if path.suffix == ".json" else ("TOML", tomllib.loads)
    try:
        given = read(content.decode())
    except ValueError as error:  # a wrong encoding too
        raise ValueError(f"{path}: expected {kind}, got {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"{path}: expected options by name, got {given!r}")
    return given


def _words(value: Any, option: Any) -> Any:
    """A value as on the command line: lists with commas, tables as NAME=VALUE, flags as bools."""
    if isinstance(value, bool) and getattr(option, "is_flag", False):
        return value
    if isinstance(value, dict) and getattr(option, "multiple", False):
        return [f"{name}={json.dumps(each)}" for name, each in value.items()]
    if isinstance(value, list):
        return ",".join(map(_word, value)) or "none"
    return _word(value)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
