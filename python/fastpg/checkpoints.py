"""Checkpoints: an .npz archive of arrays and one JSON text. Nothing in it is ever executed."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FORMAT = 1

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or is of another version."""


def write(path: str | os.PathLike[str], arrays: dict[str, Any], meta: dict[str, Any]) -> Path:
    """Write all or nothing: a file of that name is replaced only by a complete one."""
    target = Path(path)
    if target.suffix != ".npz":
        target = target.with_name(target.name + ".npz")
    buffer = io.BytesIO()
    text = json.dumps({"format": FORMAT, **meta}, allow_nan=False)
    np.savez(buffer, meta=np.array(text), **arrays)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(buffer.getvalue())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def read(path: str | os.PathLike[str]) -> State:
    """The arrays and the JSON object of a checkpoint.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: anything else that is wrong with it.
    """
    source = Path(path)
    if not source.is_file() and source.suffix != ".npz":
        source = source.with_name(source.name + ".npz")
    content = source.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(str(arrays.pop("meta")[()]))
        found = meta["format"]
    except Exception as error:  # damaged bytes raise nearly anything in zipfile and numpy
        raise CheckpointError(
            f"{source}: expected a fastpg checkpoint, got a damaged or foreign file ({error})"
        ) from error
    if found != FORMAT:
        raise CheckpointError(f"{source}: expected checkpoint format {FORMAT}, got {found!r}")
    return arrays, meta
