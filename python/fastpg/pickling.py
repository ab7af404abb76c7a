"""Pickling and copying of C++ objects, by the numbers that their `restore` takes."""

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


def _rmsprop(rmsprop: _core.RMSprop) -> tuple[Any, ...]:
    return _restored, (_core.RMSprop, rmsprop.size, (rmsprop.square, rmsprop.count))


def _ridge(ridge: _core.RidgeRegression) -> tuple[Any, ...]:
    numbers = (ridge.mean, ridge.comoment, ridge.weight)
    # mean: of the features without the constant, then of the target; so its length is the size.
    return _restored, (_core.RidgeRegression, len(ridge.mean), numbers)


def _feature_moments(moments: _core.FeatureMoments) -> tuple[Any, ...]:
    numbers = (moments.square, moments.fourth, moments.products)
    return _restored, (_core.FeatureMoments, len(moments.square), numbers)


def _moments(moments: _core.RunningMoments) -> tuple[Any, ...]:
    numbers = (moments.mean, moments.squares, moments.count)
    return _restored, (_core.RunningMoments, len(moments.mean), numbers)


def _mlp(made: _core.Mlp) -> tuple[Any, ...]:
    return _core.Mlp, (made.inputs, made.hidden, made.outputs, made.activation)


def _gaussian(made: _core.Distribution) -> tuple[Any, ...]:
    return type(made), (made.action_size,)


def register_reducers() -> None:
    """Register the C++ classes with `pickle` and `copy`."""
    copyreg.pickle(_core.Adam, _adam)
    copyreg.pickle(_core.FeatureMoments, _feature_moments)
    copyreg.pickle(_core.RMSprop, _rmsprop)
    copyreg.pickle(_core.RidgeRegression, _ridge)
    copyreg.pickle(_core.RunningMoments, _moments)
    copyreg.pickle(_core.Sgd, lambda sgd: (_restored, (_core.Sgd, sgd.size, (sgd.count,))))
    copyreg.pickle(_core.Categorical, lambda made: (_core.Categorical, (made.choices,)))
    for gaussian in (_core.DiagGaussian, _core.StateStdGaussian):
        copyreg.pickle(gaussian, _gaussian)
    copyreg.pickle(_core.Linear, lambda made: (_core.Linear, (made.inputs, made.outputs)))
    copyreg.pickle(_core.Mlp, _mlp)
