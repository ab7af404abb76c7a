"""The random stream of an environment, for undecorated functions."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

_PARTS = 2.0**52  # equal ones of [0, 1); a normal number comes from the middle of one
_normal = NormalDist()


class Stream:
    """What `rng` is in an undecorated function: the same draws, with the same bits, in Python.

    Args:
        generator: a PCG64 generator of NumPy; each draw moves it on.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number on [low, high), one draw.

        Args:
            low: lower end.
            high: upper end.
        """
        return low + (high - low) * self._generator.random()

    def normal(self, mean: float = 0.0, sd: float = 1.0) -> float:
        """A normal number, one draw: the quantile (Wichura 1988, AS 241) of a uniform number.

        Args:
            mean: its mean.
            sd: its standard deviation.
        """
        part = math.floor(self._generator.random() * _PARTS)
        return mean + sd * _normal.inv_cdf((part + 0.5) / _PARTS)

    def exponential(self, mean: float = 1.0) -> float:
        """An exponential number, one draw.

        Args:
            mean: its mean.
        """
        return mean * -math.log1p(-self._generator.random())

    def integer(self, n: int) -> int:
        """A whole number on 0 … n - 1, all with the same probability.

        Args:
            n: how many, at least 1.

        Raises:
            ValueError: n below 1.
        """
        if n < 1:
            raise ValueError("rng.integer: expected n of at least 1")
        incomplete = -n % 2**64 % n
        while True:
            bits = int(self._generator.bit_generator.random_raw())
            if bits >= incomplete:
                return bits % n
