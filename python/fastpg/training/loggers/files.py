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


def end_line(path: Path, is_whole: Callable[[Path], bool]) -> None:
    """Complete the last line of a file that has no end, or cut it off if a kill has broken it.

    Args:
        path: path of the file; nothing happens if there is none.
        is_whole: whether the last line of a file is all of a record.

    Raises:
        OSError: the file cannot be read or written.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    if not content or content.endswith(b"\n"):
        return
    if is_whole(path):
        with path.open("ab") as file:
            file.write(b"\n")
    else:
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
