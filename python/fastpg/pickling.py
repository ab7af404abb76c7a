"""How parts written in C++ are pickled and copied: from the numbers that `restore` takes."""

from __future__ import annotations

import copyreg
from typing import Any

from fastpg import _core


def _restored(kind: Any, size: int, numbers: tuple[Any, ...]) -> Any:
    part = kind(size)
    part.restore(*numbers)
    return part


def _adam(adam: _core.Adam) -> tuple[Any, ...]:
    numbers = (adam.mean, adam.square, adam.count)
    return _restored, (_core.Adam, adam.mean.size, numbers)


def _ridge(ridge: _core.RidgeRegression) -> tuple[Any, ...]:
    numbers = (ridge.mean, ridge.comoment, ridge.weight)
    # The mean has the target's behind those of the features without the constant.
    return _restored, (_core.RidgeRegression, len(ridge.mean), numbers)


def _feature_moments(moments: _core.FeatureMoments) -> tuple[Any, ...]:
    numbers = (moments.square, moments.fourth, moments.products)
    return _restored, (_core.FeatureMoments, len(moments.square), numbers)


def _moments(moments: _core.RunningMoments) -> tuple[Any, ...]:
    numbers = (moments.mean, moments.squares, moments.count)
    return _restored, (_core.RunningMoments, len(moments.mean), numbers)


def register_reducers() -> None:
    """Let `pickle` and `copy` know these classes."""
    copyreg.pickle(_core.Adam, _adam)
    copyreg.pickle(_core.FeatureMoments, _feature_moments)
    copyreg.pickle(_core.RidgeRegression, _ridge)
    copyreg.pickle(_core.RunningMoments, _moments)
    copyreg.pickle(
        _core.CategoricalHead,
        lambda head: (_core.CategoricalHead, (head.choices,)),
    )
    copyreg.pickle(
        _core.GaussianHead,
        lambda head: (_core.GaussianHead, (head.action_size,)),
    )
