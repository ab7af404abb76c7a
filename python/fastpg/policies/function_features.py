"""Features computed by a user's function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.arrays import Float32s, Floats
from fastpg.policies.features import TIME_SCALE, FeatureMap, normalized

_MOST_OUTPUTS = 2**20 - 1  # beside the constant
_RESULT = "features(observations)"  # in errors

Function = Callable[[Floats], Any]


def require_function(function: Any) -> Function:
    """The function itself; TypeError if it is not callable."""
    if not callable(function):
        raise TypeError(f"features: expected a function of arrays (n, d), got {function!r}")
    return function  # type: ignore[no-any-return]


def require_outputs(features: FeatureMap) -> None:
    """Raise ValueError unless a function returns as many columns as its map expects."""
    if isinstance(features, FunctionFeatures):
        features.require_outputs()


class FunctionFeatures(FeatureMap):
    """phi = (f(x), 1): a function's columns, and a constant.

    The function takes a new array, float64 (n, d) or, with `time`, (n, d + 1), and returns finite
    real numbers or flags (n, k), with the same k at every call. It is first called with two rows of
    zeros, to count its columns. The numbers of a row must not depend on the other rows.
    Environments are stepped from Python then.

    Args:
        observation_size: length d of an observation.
        function: of the inputs (n, d); they are normalised if the policy normalises observations.
        time: whether t = h / 100 is the last column of the inputs.
        n_outputs: k, if it is known, for example from a file; None: the function is called to
            count.

    Raises:
        TypeError: no function, or a result that is no array of real numbers.
        ValueError: a result of another shape, or one that is not finite.
    """

    kind = "function"

    def __init__(
        self,
        observation_size: int,
        function: Function,
        *,
        time: bool = False,
        n_outputs: int | None = None,
    ) -> None:
        self.function = require_function(function)
        self.n_outputs = (
            None if n_outputs is None else arrays.integer("n_outputs", n_outputs, 1, _MOST_OUTPUTS)
        )
        super().__init__(observation_size, time=time)

    def _make(self) -> _Asked:
        if self.n_outputs is None:
            self.n_outputs = self._count()
        return _Asked(self.function, self.n_outputs, self.time)

    def _count(self) -> int:
        zeros = np.zeros((2, self.observation_size + self.time))
        with np.errstate(all="ignore"):  # the function may not be defined at zeros
            given = self.function(zeros)
        columns = arrays.numbers(_RESULT, given)
        if columns.ndim != 2 or len(columns) != 2 or not 1 <= columns.shape[1] <= _MOST_OUTPUTS:
            raise ValueError(f"{_RESULT}: expected shape (2, any), got {columns.shape}")
        return int(columns.shape[1])

    def require_outputs(self) -> None:
        """Raise ValueError unless the function returns `n_outputs` columns."""
        if (found := self._count()) != self.n_outputs:
            raise ValueError(f"{_RESULT}: expected {self.n_outputs} columns, got {found}")

    def state(self) -> dict[str, Any]:
        """As for every map, with the number of columns, but without the function."""
        return super().state() | {"n_outputs": self.n_outputs}


class _Asked:
    """A function with the methods of a `_core.FeatureMap`, as in `MapInUse`."""

    def __init__(
        self,
        function: Function,
        n_outputs: int,
        time: bool,
        moments: tuple[Floats, Floats] | None = None,
    ) -> None:
        self._function = function
        self._n_outputs = n_outputs
        self._time = time
        self._moments = moments

    @property
    def size(self) -> int:
        return self._n_outputs + 1

    def normalized(self, mean: Any, inverse_std: Any) -> Self:
        moments = (np.array(mean), np.array(inverse_std))
        return type(self)(self._function, self._n_outputs, self._time, moments)

    def features(
        self, observations: Float32s, step_index: npt.NDArray[np.int64], num_threads: int = 1
    ) -> Floats:
        n = len(observations)
        inputs = observations.astype(np.float64)
        if self._moments is not None:
            inputs = normalized(inputs, *self._moments)
        if self._time:
            inputs = np.column_stack([inputs, step_index / TIME_SCALE])
        given = arrays.numbers(_RESULT, self._function(inputs))
        if given.dtype == np.bool_:
            given = given.astype(np.float64)
        phi = np.ones((n, self.size))
        phi[:, :-1] = arrays.finite_floats(_RESULT, given, (n, self._n_outputs))
        return phi
