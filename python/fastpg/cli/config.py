"""`--config FILE`: options of a command from a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import typer

from fastpg.cli.console import explained
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
            ctx.default_map = _options(path, [p.name for p in ctx.command.params if p.name])
    return path


def _options(path: Path, known: list[str]) -> dict[str, Any]:
    """The values of a file, as words of the command line."""
    given = _read(path)
    for name in given:
        if name.replace("-", "_") not in known:
            raise ValueError(f"{path}: {unknown('option', name, known)}")
    return {name.replace("-", "_"): _word(value) for name, value in given.items()}


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


def _word(value: Any) -> Any:
    """A value as on the command line: lists with commas, tables as NAME=VALUE."""
    if isinstance(value, list):
        return ",".join(str(each) for each in value) or "none"
    if isinstance(value, dict):
        return [f"{name}={json.dumps(each)}" for name, each in value.items()]
    return value if isinstance(value, bool) or value is None else str(value)
