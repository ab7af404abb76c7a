"""Checks that results are finite; the error names the quantity."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")

# Keywords of np.errstate: no warnings, since the checks below raise errors instead.
quiet: dict[str, Any] = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}


def finite(quantity: str, value: T, *, infinite: bool = False) -> T:
    """Check that a result is finite.

    Args:
        quantity: name of the result, for errors.
        value: a number or an array, computed from finite numbers.
        infinite: whether infinity is a correct result; NaN never is.

    Returns:
        `value`.

    Raises:
        ValueError: the result is not finite.
    """
    array = np.asarray(value)
    bad = np.isnan(array) if infinite else ~np.isfinite(array)
    if bad.any():
        raise ValueError(
            f"{quantity}: expected a finite result, got {array[bad][0]}: the numbers given are too "
            "large or too small for it"
        )
    return value


def checked(quantity: str, *, infinite: bool = False) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: the result of the function, or each part of a tuple, must be finite.

    NumPy's warnings are off while the function runs.

    Args:
        quantity: name of the result, for errors.
        infinite: whether infinity is a correct result; NaN never is.

    Returns:
        The decorator; the decorated function raises ValueError for a result that is not finite.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            with np.errstate(**quiet):
                found = function(*args, **kwargs)
            for part in found if isinstance(found, tuple) else (found,):
                finite(quantity, part, infinite=infinite)
            return found

        return wrapped

    return decorate
