"""The file of a model that the user named."""

from __future__ import annotations

from pathlib import Path

from fastpg.files import path_of
from fastpg.training.checkpoints import MODELS


def model_file(path: Path) -> Path:
    """The checkpoint that a path means.

    Args:
        path: a checkpoint, or a run folder.

    Returns:
        The path, with the user's home in place of "~"; in a folder best.npz, else final.npz, else
            checkpoint.npz.

    Raises:
        FileNotFoundError: a folder without them, or nothing.
    """
    path = path_of(path)
    if not path.exists() and not path.with_name(path.name + ".npz").exists():
        raise FileNotFoundError(f"no run folder or file {path}")
    if not path.is_dir():
        return path
    for name in MODELS:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"{path}: expected one of {', '.join(MODELS)}, found none")
