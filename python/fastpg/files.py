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


def path_of(path: str | os.PathLike[str]) -> Path:
    """A path that a user gave.

    Args:
        path: a path; "~" at its begin is the user's home.

    Returns:
        The path.

    Raises:
        TypeError: no path.
    """
    return Path(os.path.expanduser(path))


def replace_file(target: Path, content: bytes, kept: Path | None = None) -> None:
    """Replace `target` by a file with new content, completely or not at all.

    The content is written to a temporary file in the same folder, flushed to disk and renamed. Any
    number of threads and processes may do this at once: the last one's file remains. Temporary
    files of killed processes are removed.

    Args:
        target: path of the file; its folder is made if needed.
        content: its new bytes.
        kept: where the old file remains, in the same folder; a file there is replaced. At every
            moment `target` or `kept` is complete. None: the old file is removed.

    Raises:
        OSError: the file cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(_TRIES):
        if _replaced(target, content, kept):
            break
    else:
        raise OSError(f"{target}: the temporary file was removed {_TRIES} times")
    _remove_leftovers(target)


def _replaced(target: Path, content: bytes, kept: Path | None) -> bool:
    """Write and rename; False if another process removed a temporary file as a leftover."""
    part = _temporary(target)
    try:
        with part.open("xb") as file:
            _lock(file.fileno(), wait=True)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if kept is not None and target.is_file():
            _keep(target, kept)
        part.replace(target)
    except FileNotFoundError:
        if target.parent.is_dir():
            return False
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return True


def _keep(target: Path, kept: Path) -> None:
    """Give the file of `target` the name `kept` too; without hard links, rename it."""
    link = _temporary(target)
    try:
        link.hardlink_to(target)
    except FileNotFoundError:  # another process has renamed it
        return
    except OSError:  # a file system without hard links
        target.replace(kept)
        return
    try:
        link.replace(kept)
    finally:  # nothing is renamed where `kept` is the same file already
        link.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}{_SUFFIX}")


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


def own_names(folder: Path) -> set[str]:
    """Names in a folder without those of temporary files, which a killed process may leave.

    Args:
        folder: a folder that exists.

    Returns:
        The names.

    Raises:
        OSError: the folder cannot be read.
    """
    names = {each.name for each in folder.iterdir()}
    return {name for name in names if not (name.startswith(".") and name.endswith(_SUFFIX))}


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def is_locked(path: Path) -> bool:
    """Whether a live process holds the `FileLock` of a path.

    Args:
        path: path of the lock.

    Returns:
        False if there is no such file; where the system has no locks, False too.
    """
    if not path.exists():
        return False
    try:
        lock = FileLock(path)
    except OSError:  # no right to write: the error of the first write says so
        return False
    lock.release()
    return not lock.acquired


class FileLock:
    """A lock on a file, which is made if needed. The end of the process frees it in any case.

    Args:
        path: path of the file.

    Attributes:
        acquired: False if another holder has the lock, in this process or another one.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self.acquired = _take(self._file.fileno())

    def release(self) -> None:
        """Free the lock; the file stays."""
        if self.acquired and fcntl is not None:
            with contextlib.suppress(OSError):  # also for copies of the descriptor in children
                fcntl.flock(self._file.fileno(), fcntl.LOCK_UN)
        self._file.close()


def _take(descriptor: int) -> bool:
    """Lock an open file at once; False if another one has the lock."""
    if fcntl is None:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
