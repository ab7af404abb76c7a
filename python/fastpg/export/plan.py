"""What a policy computes, as plain arrays: the part that all formats share.

A linear policy is a perceptron too: its features are monomials of the inputs, or the hidden layer
sin(x P + phase); its weights are the last layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core
from fastpg.arrays import Floats

Numbers = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

LOG_STD_BOUNDS = _core.LOG_STD_RANGE
CLIP = float(_core.OBSERVATION_CLIP)  # of normalised observations


@dataclass(frozen=True)
class Layer:
    """activation(x W + bias); no activation in the last layer."""

    weights: Numbers  # W, (fan_in, fan_out)
    bias: Numbers  # (fan_out,)
    activation: str = "none"  # or "sin", "tanh", "relu", "elu", "silu"

    def without_equal_outputs(self) -> tuple[Layer, Indices | None]:
        """The layer with one of each set of equal outputs, and where each output is found.

        A library's product may give equal columns different results, and so break a tie.

        Returns:
            The layer, and for each output of this layer its index there; None if all differ.
        """
        rows = np.vstack([self.weights, self.bias]).T
        first: dict[bytes, int] = {}
        found = np.array([first.setdefault(row.tobytes(), len(first)) for row in rows])
        if len(first) == len(rows):
            return self, None
        kept = np.unique(found, return_index=True)[1]
        return replace(self, weights=self.weights[:, kept], bias=self.bias[kept]), found


@dataclass(frozen=True)
class Normalizer:
    """clip((x - mean) * inverse_std), before anything is rounded."""

    mean: Floats  # (d,)
    inverse_std: Floats  # (d,)

    def split_mean(self, dtype: np.dtype[Any]) -> tuple[Numbers, Numbers]:
        """The mean in a dtype, and what that rounding has lost: both are subtracted.

        Where the mean is large beside the deviation, the second matters in float32.

        Args:
            dtype: float32 or float64.
        """
        mean = self.mean.astype(dtype)
        return mean, (self.mean - mean).astype(dtype)


@dataclass(frozen=True)
class Choices:
    """Discrete actions: the outputs are the logits of all choices, side by side."""

    counts: list[int]  # of actions of each choice
    starts: list[int]  # of the first action of each choice
    shape: tuple[int, ...]  # of one action
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Numbers of an action."""
        return len(self.counts)


@dataclass(frozen=True)
class Means:
    """A Box of actions: the outputs are the means, and ln sigma where it depends on the state."""

    log_std: Floats | None  # (size,), as the bounds; None: outputs, clipped to LOG_STD_BOUNDS
    low: Floats
    high: Floats
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Numbers of an action."""
        return len(self.low)

    @property
    def bounded(self) -> bool:
        """Whether any bound is finite."""
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())

    @property
    def whole(self) -> bool:
        """Whether actions are integers."""
        return self.dtype.kind in "iu"

    def clipped_in(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype that holds the bounds: that of the network, or float64 if float32 does not.

        Args:
            dtype: of the network.
        """
        holds = self.dtype.kind == "f" and self.dtype.itemsize <= dtype.itemsize
        return dtype if holds else np.dtype(np.float64)

    def bounds(self, dtype: np.dtype[Any]) -> tuple[Numbers, Numbers]:
        """Both bounds; one beyond the dtype is infinite.

        Args:
            dtype: float32 or float64.
        """
        with np.errstate(over="ignore"):
            return self.low.astype(dtype), self.high.astype(dtype)


@dataclass(frozen=True)
class Level:
    """Monomials of one degree: those of the degree below times an input."""

    parent: Indices  # index in the level below
    factor: Indices  # index of the input


@dataclass(frozen=True)
class Plan:
    """A policy, with the weights of the network in `dtype`."""

    policy: str  # the name of its class
    dtype: np.dtype[Any]
    observation_size: int
    time: bool  # whether the step in the episode is the last input
    normalizer: Normalizer | None
    levels: list[Level]  # monomials of degrees 2, 3, ...; the inputs are those of degree 1
    layers: list[Layer]
    head: Choices | Means
    observation: list[str]  # lines that describe the numbers of an observation
    action: str

    @property
    def inputs(self) -> int:
        """Numbers before the monomials: the observation and the time."""
        return self.observation_size + self.time

    @property
    def monomials(self) -> int:
        """Numbers that the first layer takes."""
        return self.inputs + sum(len(level.parent) for level in self.levels)

    @property
    def outputs(self) -> int:
        """Number of logits, or of means and ln sigma that depend on the state."""
        return len(self.layers[-1].bias)


def comment_lines(plan: Plan) -> list[str]:
    """Lines about observations and actions, for the reader of any file."""
    parts = plan.observation or [f"0 to {plan.observation_size - 1}"]
    return [
        "Numbers of an observation:",
        *(f"  {each}" for each in parts),
        f"Action: {plan.action}.",
    ]
