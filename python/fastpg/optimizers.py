"""First-order optimizers by name, and what checkpoints store of them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.suggestions import one_of

_KINDS: dict[str, type[_core.Adam | _core.RMSprop | _core.Sgd]] = {
    "adam": _core.Adam,
    "rmsprop": _core.RMSprop,
    "sgd": _core.Sgd,
}
OPTIMIZERS = tuple(_KINDS)
_MOMENTS = {"adam": ("mean", "square"), "rmsprop": ("square",), "sgd": ()}
_MOST_COUNT = 2**62


def make_optimizer(name: str, size: int) -> _core.Optimizer:
    """Make an optimizer by name.

    Args:
        name: "adam" (Kingma & Ba 2015; beta 0.9 and 0.999, epsilon 1e-5); "rmsprop", PyTorch's
            definition (alpha 0.99, epsilon 1e-5 beside the root, no momentum), or "sgd", plain
            ascent.
        size: number of parameters.

    Returns:
        An optimizer that has taken no step.

    Raises:
        ValueError: an unknown name.
    """
    return _KINDS[one_of("optimizer", name, OPTIMIZERS)](size)


def stored_moments(optimizer: _core.Optimizer) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an optimizer, such as "adam_mean"; its count is not among them."""
    name = _name(optimizer)
    return {f"{name}_{moment}": getattr(optimizer, moment) for moment in _MOMENTS[name]}


def restore_moments(
    optimizer: Any, stored: dict[str, npt.NDArray[Any]], count: Any, prefix: str = ""
) -> None:
    """Continue from `stored_moments`.

    Args:
        optimizer: one of the same kind and size; it is changed in place.
        stored: arrays by name, (size,) each; squares are at least 0.
        count: number of steps taken, in [0, 2^62].
        prefix: of the names.

    Raises:
        KeyError: an array is missing.
        TypeError, ValueError: an array or a count of another kind or shape, or with wrong values.
    """
    name, shape = _name(optimizer), (optimizer.size,)
    moments = []
    for moment in _MOMENTS[name]:
        key = f"{prefix}{name}_{moment}"
        check = arrays.non_negatives if moment == "square" else arrays.finite_floats
        moments.append(check(key, stored[key], shape))
    optimizer.restore(*moments, arrays.integer("count", count, 0, _MOST_COUNT))


def _name(optimizer: _core.Optimizer) -> str:
    return next(name for name, kind in _KINDS.items() if type(optimizer) is kind)
