"""Writing a file completely or not at all, even if several processes write it at once."""

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
    """Replace `target` by a file with new content, completely or not at all.

    The content is written to a temporary file in the same folder, flushed to disk and renamed. Any
    number of threads and processes may do this at once: the last one's file remains. Temporary
    files of killed processes are removed.

    Args:
        target: path of the file.
        content: its new bytes.

    Raises:
        OSError: the file cannot be written.
    """
    for _ in range(_TRIES):
        if _replaced(target, content):
            break
    else:
        raise OSError(f"{target}: the temporary file was removed {_TRIES} times")
    _remove_leftovers(target)


def also_as(source: Path, target: Path) -> None:
    """Give a file a second name, which replaces another file; the first name keeps it.

    Args:
        source: path of the file.
        target: its second name, in the same folder.

    Raises:
        OSError: the file cannot be linked or copied.
    """
    link = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_SUFFIX}")
    try:
        link.hardlink_to(source)
    except OSError:  # a file system without hard links
        replace_file(target, source.read_bytes())
        return
    link.replace(target)


def _replaced(target: Path, content: bytes) -> bool:
    """Write and rename; False if another process removed the temporary file as a leftover."""
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
    """Remove temporary files of killed processes: their lock is free (Windows: they are closed)."""
    for part in target.parent.glob(f".{_escaped(target.name)}.*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            with part.open("rb") as file:
                left = _lock(file.fileno(), wait=False)
            if left:
                part.unlink()


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file until it is closed or its process ends; returns whether that worked."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # its writer holds the lock, or the file system has no locks
        return False
    return True


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
