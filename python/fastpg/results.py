"""Results that are not finite are errors, which name what could not be computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")

# NumPy's warnings of these say nothing that the checks of this file do not say.
quiet: dict[str, Any] = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}


def finite(quantity: str, value: T, *, infinite: bool = False) -> T:
    """The same number or array.

    Args:
        quantity: what it is, in the error.
        value: as it was computed from finite numbers.
        infinite: infinity may be the right value, NaN never is.

    Raises:
        ValueError: it is not finite.
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
    """For functions whose result, a number, an array or several of them, must be finite.

    NumPy does not warn on the way. Arguments as of `finite`.
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
