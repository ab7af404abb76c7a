"""The file of a model that the user named."""

from __future__ import annotations

from pathlib import Path

# Of a run folder, the best policy first.
_OF_A_FOLDER = ("best.npz", "final.npz", "checkpoint.npz")


def model_file(path: Path) -> Path:
    """The checkpoint that a path means.

    Args:
        path: a checkpoint, or a run folder.

    Returns:
        `path`; in a folder best.npz, else final.npz, else checkpoint.npz.

    Raises:
        FileNotFoundError: a folder without them.
    """
    if not path.is_dir():
        return path
    for name in _OF_A_FOLDER:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"{path}: expected one of {', '.join(_OF_A_FOLDER)}, found none")
