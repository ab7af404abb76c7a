"""Files that are there whole or not at all, whoever writes them at the same time."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".part"
_TRIES = 100


def replace_file(target: Path, content: bytes) -> None:
    """Put a file in the place of `target`, complete or not at all.

    It is written beside it under a name of its own, flushed to the disk and renamed. Any number of
    threads and processes may do so at once; the last one's file stays. What a killed one has left
    behind is removed.
    """
    for _ in range(_TRIES):
        if _replaced(target, content):
            break
    else:
        raise OSError(f"{target}: the file beside it was removed {_TRIES} times")
    _remove_leftovers(target)


def _replaced(target: Path, content: bytes) -> bool:
    """Whether the file was put in its place; False where it was taken for a leftover meanwhile."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_SUFFIX}")
    try:
        with part.open("xb") as file:
            _lock(file.fileno(), wait=True)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except FileNotFoundError:
        if target.parent.is_dir():
            return False
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return True


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes left: nobody holds its lock (on Windows: nobody has it open)."""
    for part in target.parent.glob(f".{_escaped(target.name)}.*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            with part.open("rb") as file:
                left = _lock(file.fileno(), wait=False)
            if left:
                part.unlink()


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file until it is closed, by a killed process too; whether that was possible."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # held by its writer, or a file system that knows no locks
        return False
    return True


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
