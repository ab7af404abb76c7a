"""`fastpg export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastpg.algorithms import load
from fastpg.cli.console import explained, show_table
from fastpg.cli.models import model_file
from fastpg.export import SUFFIXES, export, identifier, target_of
from fastpg.suggestions import one_of


def export_policy(
    path: Annotated[Path, typer.Argument(help="a checkpoint, or a run folder")],
    to: Annotated[
        str | None,
        typer.Option(help="onnx, c (a header) or numpy (a Python file); default: by --out"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="path of the file; default: beside the checkpoint, named after it"
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="arithmetic, float or double; default: double for a linear policy, float for a "
            "perceptron"
        ),
    ] = None,
    action_mask: Annotated[
        bool, typer.Option("--action-mask", help="give an ONNX file the input action_mask")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="replace an existing file")] = False,
) -> None:
    """Export the policy of a checkpoint to ONNX, C or NumPy, to run it without fastpg."""
    with explained():
        model = model_file(path)
        target, kind = _target(model, to, out)
        if target.exists() and not force:
            raise FileExistsError(f"{target} exists: --force replaces it, --out names another file")
        if not target.parent.is_dir():
            raise FileNotFoundError(f"--out: no folder {target.parent}")
        algo = load(model)
        written = export(algo, target, kind, dtype=dtype, action_mask=action_mask)
        show_table({"policy": repr(algo.policy), "exported": str(written)})


def _target(path: Path, to: str | None, out: Path | None) -> tuple[Path, str]:
    """The file to write, and its format."""
    if out is not None:
        return target_of(out, to)
    if to is None:
        raise ValueError(f"--to: expected {', '.join(SUFFIXES)}, or --out with a suffix")
    suffix = SUFFIXES[one_of("--to", to, SUFFIXES)][0]
    return target_of(path.with_name(identifier(path.name.removesuffix(".npz")) + suffix), to)
