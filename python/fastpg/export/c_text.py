"""Text of C: numbers, arrays, and names in place of marks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastpg.export.plan import Numbers

_PER_LINE = 8


def number(value: float, dtype: np.dtype[Any]) -> str:
    """A literal that reads as exactly this number in this dtype; infinities too.

    Args:
        value: not NaN.
        dtype: float32 or float64.
    """
    single = dtype == np.float32
    if np.isinf(value):
        infinity = "INFINITY" if single else "HUGE_VAL"
        return infinity if value > 0 else f"-{infinity}"
    digits = f"{value:.9g}" if single else f"{value:.17g}"
    pointed = digits if "." in digits or "e" in digits else f"{digits}.0"
    return f"{pointed}f" if single else pointed


def array(kind: str, name: str, values: Numbers) -> str:
    """The definition of a constant array of a float type.

    Args:
        kind: its type in C.
        name: its name.
        values: float32 or float64, any shape; C order is kept.
    """
    flat = np.asarray(values).ravel()
    return _array(kind, name, (number(value, flat.dtype) for value in flat.tolist()), flat.size)


def integers(kind: str, name: str, values: Iterable[int]) -> str:
    """The definition of a constant array of integers.

    Args:
        kind: its type in C.
        name: its name.
        values: the integers.
    """
    texts = [str(value) for value in values]
    return _array(kind, name, texts, len(texts))


def _array(kind: str, name: str, texts: Iterable[str], size: int) -> str:
    all_texts = list(texts)
    lines = ["    " + ", ".join(all_texts[k : k + _PER_LINE]) for k in range(0, size, _PER_LINE)]
    return f"static const {kind} {name}[{size}] = {{\n" + ",\n".join(lines) + "\n};"


def named(text: str, name: str, dtype: np.dtype[Any]) -> str:
    """Replace the marks of a text: @x by NAME_x, @X by NAME_X in capitals, ~ by f in float.

    Args:
        text: C with marks.
        name: what every name begins with.
        dtype: float32 or float64.
    """
    text = re.sub(r"@([A-Z])", lambda m: f"{name.upper()}_{m[1]}", text)
    text = re.sub(r"@([a-z])", lambda m: f"{name}_{m[1]}", text)
    return text.replace("~", "f" if dtype == np.float32 else "")
