"""Exporting policies: to ONNX, to a C header and to a Python file that needs NumPy alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastpg import arrays
from fastpg.files import path_of
from fastpg.suggestions import names_checked, one_of

if TYPE_CHECKING:
    from fastpg.policies.base import Policy
    from fastpg.rollouts.policy_model import PolicyModel

SUFFIXES = {"onnx": (".onnx",), "c": (".h", ".hpp"), "numpy": (".py",)}  # the first by default
DTYPES = ("float", "double")


@names_checked
def export(
    model: PolicyModel | Policy,
    path: str | os.PathLike[str],
    to: str | None = None,
    *,
    dtype: str | None = None,
    name: str | None = None,
    action_mask: bool = False,
) -> Path:
    """Write a policy to a file that runs without fastpg.

    The file has the greedy action of `predict(deterministic=True)`, and the logits or means. It
    contains the features, the normalisation of observations and the bounds of actions.
    docs/export.md describes inputs, outputs and precision of each format.

    Args:
        model: an algorithm, or a policy alone: discrete actions then count from 0, and others are a
            Box of float32. Features that are a function cannot be exported.
        path: path of the file; the suffix is appended if it has none of the format. An existing
            file is replaced only once the new one is complete.
        to: "onnx" (.onnx, needs `pip install '.[onnx]'`), "c" (.h or .hpp, a header in C99 and C++)
            or "numpy" (.py, needs NumPy); None: by the suffix of `path`.
        dtype: arithmetic of the features and the network, "float" (32 bits) or "double"; None: that
            of `predict`, "double" for a linear policy and "float" for a perceptron.
        name: begins every name in a C header, and is the name of the ONNX graph: letters, digits
            and underscores; None: from the name of the file.
        action_mask: whether an ONNX file has the input "action_mask", which then is required; the
            other formats always take masks.

    Returns:
        The path of the file written.

    Raises:
        TypeError: neither an algorithm nor a policy, or features that are a function.
        ValueError: an unknown format, name or dtype; numbers that are not finite in this dtype; a
            mask for a policy or format that takes none; or a file too large for its format.
        ImportError: onnx is missing.
        OSError: the file cannot be written.
    """
    from fastpg.export import formats
    from fastpg.export.reading import plan_of
    from fastpg.files import replace_file

    target, kind = target_of(path, to)
    given = None if dtype is None else one_of("dtype", dtype, DTYPES)
    masked = arrays.boolean("action_mask", action_mask)
    plan = plan_of(model, given)
    called = identifier(target.stem) if name is None else _checked_name(name)
    content = formats.write(kind, plan, called, action_mask=masked)
    replace_file(target, content)
    return target


def target_of(path: str | os.PathLike[str], to: str | None) -> tuple[Path, str]:
    """The path with its suffix, and the format.

    Args:
        path: path of the file.
        to: the format; None: by the suffix.

    Raises:
        TypeError, ValueError: an unknown format, or a path that names no file.
    """
    try:
        target = path_of(path)
    except TypeError:
        raise TypeError(f"path: expected the name of a file, got {path!r}") from None
    if not target.name:
        raise ValueError(f"path: expected the name of a file, got {os.fspath(path)!r}")
    if to is None:
        for kind, suffixes in SUFFIXES.items():
            if target.suffix in suffixes:
                return target, kind
        raise ValueError(f"to: expected {', '.join(SUFFIXES)}, or a path with {_known_suffixes()}")
    kind = one_of("to", to, SUFFIXES)
    if target.suffix not in SUFFIXES[kind]:
        target = target.with_name(target.name + SUFFIXES[kind][0])
    return target, kind


def identifier(text: str) -> str:
    """A name of a text for C and Python: letters, digits and underscores, a letter first."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in text)
    return plain if plain[:1].isalpha() else f"policy_{plain}".rstrip("_")


def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name: expected a text, got {name!r}")
    if identifier(name) != name:
        raise ValueError(f"name: expected letters, digits and underscores, got {name!r}")
    return name


def _known_suffixes() -> str:
    return ", ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
