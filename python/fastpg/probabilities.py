"""Checks of arguments that are probabilities, or logarithms of densities."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats


def probabilities(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """Distributions along the last axis: at least 0, sums of 1 within 1e-9.

    Float32 sums are 1 within 1e-6, and the rows are divided by them.
    """
    return normalised(name, arrays.finite_floats(name, values, shape), is_single(values))


def distribution(name: str, values: Any, size: int) -> Floats:
    """One distribution (size,)."""
    return probabilities(name, values, (size,)).copy()


def normalised(
    name: str, table: Floats, single: bool, axes: tuple[str, ...] | None = None
) -> Floats:
    """The same distributions along the last axis, checked; divided by their sums if float32.

    Args:
        name: of the argument.
        table: finite.
        single: whether the numbers were float32.
        axes: what the other axes count, for the error.
    """
    if (table < 0.0).any():
        raise ValueError(f"{name}: expected probabilities, got {table.min()}")
    with np.errstate(over="ignore"):
        sums = np.asarray(table.sum(axis=-1))
    tolerance, within = (1e-6, "1e-6") if single else (1e-9, "1e-9")  # left by rounding
    off = np.abs(sums - 1.0)
    if (off > tolerance).any():
        where = tuple(int(k) for k in np.unravel_index(int(np.argmax(off)), off.shape))
        raise ValueError(
            f"{name}: expected sums of 1 along the last axis within {within}, "
            f"got {_near_one(float(sums[where]))}{_place(where, axes)}"
        )
    return table / sums[..., None] if single else table


def is_single(values: Any) -> bool:
    """Whether numbers that `finite_floats` has taken were float32."""
    return bool(np.asarray(values).dtype == np.float32)


def log_densities(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """Logarithms of densities, float64: -inf allowed, NaN and inf not."""
    converted = arrays.shaped_floats(name, values, shape)
    if np.isnan(converted).any() or np.isposinf(converted).any():
        raise ValueError(f"{name}: expected logarithms of densities, got NaN or inf")
    return converted


def _near_one(total: float) -> str:
    """A sum as what it differs by from 1, where that says more than its digits."""
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
