"""Checks of arguments that are probabilities, or logarithms of densities."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats


def probabilities(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """Check distributions along the last axis: at least 0, with sums of 1 within 1e-9.

    Float32 sums need only be 1 within 1e-6; the rows are then divided by them.

    Args:
        name: name of the argument, for errors.
        values: real numbers.
        shape: expected shape; None stands for any length.

    Returns:
        Float64 of that shape.

    Raises:
        TypeError: not real numbers.
        ValueError: another shape, a value that is negative or not finite, or another sum.
    """
    return normalised(name, arrays.finite_floats(name, values, shape), is_single(values))


def distribution(name: str, values: Any, size: int) -> Floats:
    """A copy of one distribution (size,), checked as by `probabilities`."""
    return probabilities(name, values, (size,)).copy()


def normalised(
    name: str, table: Floats, single: bool, axes: tuple[str, ...] | None = None
) -> Floats:
    """Check distributions along the last axis; divide them by their sums if they were float32.

    Args:
        name: name of the argument, for errors.
        table: finite values.
        single: whether the values were given as float32.
        axes: names of the other axes, for errors.

    Returns:
        The distributions, of the shape of `table`.

    Raises:
        ValueError: a negative value, or a sum that is not 1 within 1e-9 (1e-6 if float32).
    """
    if (table < 0.0).any():
        raise ValueError(f"{name}: expected probabilities, got {table.min()}")
    with np.errstate(over="ignore"):
        sums = np.asarray(table.sum(axis=-1))
    tolerance, within = (1e-6, "1e-6") if single else (1e-9, "1e-9")  # rounding errors
    off = np.abs(sums - 1.0)
    if (off > tolerance).any():
        where = tuple(int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
        raise ValueError(
            f"{name}: expected sums of 1 along the last axis within {within}, "
            f"got {_near_one(float(sums[where]))}{_place(where, axes)}"
        )
    return table / sums[..., None] if single else table


def is_single(values: Any) -> bool:
    """Whether values are float32."""
    return bool(np.asarray(values).dtype == np.float32)


def log_densities(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """Check logarithms of densities; -inf is allowed, NaN and inf are not.

    Args:
        name: name of the argument, for errors.
        values: real numbers.
        shape: expected shape; None stands for any length.

    Returns:
        Float64 of that shape.

    Raises:
        TypeError: not real numbers.
        ValueError: another shape, NaN or inf.
    """
    converted = arrays.shaped_floats(name, values, shape)
    if np.isnan(converted).any() or np.isposinf(converted).any():
        raise ValueError(f"{name}: expected logarithms of densities, got NaN or inf")
    return converted


def _near_one(total: float) -> str:
    """A sum in words: "1 + 2e-07" if it is near 1, otherwise its digits."""
    off = total - 1.0
    if abs(off) >= 1e-2:
        return f"{total:.6g}"
    return f"1 {'+' if off > 0.0 else '-'} {abs(off):.2g}"


def _place(where: tuple[int, ...], axes: tuple[str, ...] | None) -> str:
    if not where:
        return ""
    if axes is None:
        return f" at index {where}"
    named = (f"{axis} {k}" for axis, k in zip(axes, where, strict=True))
    return f" at {', '.join(named)}"
