"""Checkpoints: an .npz archive of arrays and one JSON text. Loading never executes code."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from fastpg.files import path_of, replace_file
from fastpg.policies.feature_choice import FeatureFunctionError
from fastpg.training import history_columns

FORMAT = 1
MODELS = ("best.npz", "final.npz", "checkpoint.npz")  # of a run folder, the best policy first

# Errors that a damaged or forged file may cause while the algorithm is rebuilt from it.
_DAMAGE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    OverflowError,
    RecursionError,
)

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or is of another version."""


@contextmanager
def restoring(path: str | os.PathLike[str]) -> Iterator[None]:
    """A context in which errors about what a file holds become a `CheckpointError`.

    Args:
        path: path of the file, for the message.

    Raises:
        CheckpointError: an entry is missing, or has the wrong type, shape or values.
        FeatureFunctionError: the feature function is missing, or not that of the file.
    """
    try:
        yield
    except (CheckpointError, FeatureFunctionError):
        raise
    except _DAMAGE as error:
        raise CheckpointError(
            f"{os.fspath(path)}: expected a complete checkpoint, got {error}"
        ) from error


def write(
    path: str | os.PathLike[str],
    arrays: dict[str, Any],
    meta: dict[str, Any],
    *,
    running: bool = False,
) -> Path:
    """Write a checkpoint, completely or not at all.

    Args:
        path: path of the file; ".npz" is appended if it has another suffix. An existing file is
            replaced only once the new one is complete.
        arrays: arrays by name.
        meta: JSON values by name; the records of "history" become arrays.
        running: whether it is written again and again: an existing file remains, at the path of
            `previous_of`.

    Returns:
        The path of the file written.

    Raises:
        TypeError, ValueError: `path` does not name a file, or `meta` is not JSON.
        OSError: the file cannot be written.
    """
    target = _with_suffix(_named(path))
    buffer = io.BytesIO()
    columns, described = history_columns.packed(meta.get("history", ()))
    text = json.dumps({"format": FORMAT, **meta, "history": described}, allow_nan=False)
    content: dict[str, Any] = {**arrays, **columns, "meta": np.array(text.encode())}
    np.savez(buffer, **content)
    replace_file(target, buffer.getvalue(), previous_of(target) if running else None)
    return target


def previous_of(path: str | os.PathLike[str]) -> Path:
    """Where `save_checkpoint` keeps the checkpoint before the one at a path.

    Args:
        path: path of the checkpoint; the suffix ".npz" may be left out.

    Returns:
        For NAME.npz the path NAME.previous.npz.
    """
    return _with_suffix(_named(path)).with_suffix(".previous.npz")


def read(path: str | os.PathLike[str]) -> State:
    """Read a checkpoint.

    Args:
        path: path of the file; the suffix ".npz" may be left out.

    Returns:
        (arrays by name, JSON values by name).

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: the file is damaged, no checkpoint, or of another version.
        TypeError, ValueError: `path` does not name a file.
    """
    source = _named(path)
    if not source.is_file():
        folder, source = source, _with_suffix(source)
        if folder.is_dir() and not source.exists():
            raise FileNotFoundError(_of_a_folder(folder))
    content = source.read_bytes()
    try:
        _require_its_own_size(content)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(arrays.pop("meta")[()])  # text or bytes
        found = meta["format"]
        meta["history"] = history_columns.unpacked(arrays, meta.get("history", []))
    except Exception as error:  # zipfile and numpy may raise anything on damaged bytes
        raise CheckpointError(
            f"{source}: expected a fastpg checkpoint, got a damaged or foreign file ({error})"
        ) from error
    if type(found) is not int or found != FORMAT:  # True and 1.0 would be equal to 1
        raise CheckpointError(f"{source}: expected checkpoint format {FORMAT}, got {found!r}")
    return arrays, meta


def _named(path: str | os.PathLike[str]) -> Path:
    """The path of a file; TypeError or ValueError if it names none."""
    try:
        named = path_of(path)
    except TypeError:
        raise TypeError(f"path: expected the name of a file, got {path!r}") from None
    if not named.name:
        raise ValueError(f"path: expected the name of a file, got {os.fspath(path)!r}")
    return named


def _of_a_folder(folder: Path) -> str:
    """The error for a folder given instead of a file."""
    found = [str(folder / name) for name in MODELS if (folder / name).is_file()]
    files = f"give {' or '.join(found)}" if found else f"it has none of {', '.join(MODELS)}"
    return f"{folder}: expected a file, got a folder: {files}"


def _with_suffix(path: Path) -> Path:
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def _require_its_own_size(content: bytes) -> None:
    """Raise ValueError, before unpacking, if an archive would become far larger than its file.

    `save` does not compress; an archive that others have compressed may grow tenfold.
    """
    import zipfile  # slow to import, and many runs read no checkpoint

    most = 10 * len(content) + 2**20
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > most:
            raise ValueError(f"expected at most {most:,} bytes unpacked, got {total:,}")
        for member in members:
            with archive.open(member) as file:
                _require_size_of_array(file, member.file_size)


def _require_size_of_array(file: IO[bytes], size: int) -> None:
    """Raise ValueError if the header of an array claims more bytes than the archive has for it."""
    version = np.lib.format.read_magic(file)
    read_head = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read_head(file)
    promised = math.prod(shape) * dtype.itemsize
    if promised > size:
        raise ValueError(f"expected an array of at most {size:,} bytes, got {promised:,}")
