"""Opening the files of loggers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from fastpg.files import path_of


def require_new(path: Path) -> None:
    """Raise FileExistsError if a file has content.

    Args:
        path: path of the file.
    """
    if path.exists() and path.stat().st_size:
        raise FileExistsError(f"{path} exists: append=True continues it")


def opened(path: str | os.PathLike[str], *, append: bool) -> IO[str]:
    """Open a log for writing at its end; its folder is made if needed.

    Args:
        path: path of the file.
        append: whether the file may have content already.

    Returns:
        The open file.

    Raises:
        FileExistsError: the file has content, and `append` is False.
        OSError: the file cannot be opened.
    """
    target = path_of(path)
    if not append:
        require_new(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.open("a", encoding="utf-8", newline="")


def keep_records(path: Path, length_of_records: Callable[[bytes], int]) -> None:
    """Remove what stands behind the last whole record of a file.

    Args:
        path: path of the file; nothing happens if there is none.
        length_of_records: number of first bytes of a file's content that are whole records.

    Raises:
        OSError: the file cannot be read or written.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    length = length_of_records(content)
    if length < len(content):
        with path.open("r+b") as file:
            file.truncate(length)
