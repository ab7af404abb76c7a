"""Writing a figure to a file."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastpg.files import path_of, replace_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Kinds of files, each with the metadata that would differ from run to run.
FORMATS: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def format_of(path: str | os.PathLike[str]) -> str:
    """The kind of picture that a file name asks for.

    Args:
        path: name of a file.

    Returns:
        A key of `FORMATS`.

    Raises:
        ValueError: another suffix, or none.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ValueError(f"{path}: expected a file name that ends with {known}")
    return kind


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure, completely or not at all.

    Args:
        figure: the figure.
        path: name of the file, which ends with .png, .svg or .pdf; an existing file is replaced.

    Returns:
        The path.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    target, kind = path_of(path), format_of(path)
    content = io.BytesIO()
    figure.savefig(content, format=kind, facecolor="white", metadata=FORMATS[kind])
    replace_file(target, content.getvalue())
    return target
