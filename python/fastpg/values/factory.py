"""Baselines by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastpg.values.base import Baseline
from fastpg.values.mean import MeanBaseline
from fastpg.values.mlp import MlpBaseline
from fastpg.values.ridge import LinearBaseline

BASELINES = ("linear", "mlp", "mean", "none")


def make_baseline(
    kind: str,
    observation_size: int,
    *,
    ridge: float,
    memory: float,
    time: bool,
    num_threads: int | None = None,
    mlp: Mapping[str, Any] | None = None,
) -> Baseline:
    """Make a baseline by name.

    Args:
        kind: "linear", "mlp", "mean" or "none".
        observation_size: length d of an observation.
        ridge: as in `LinearBaseline`.
        memory: as in `LinearBaseline` and `MeanBaseline`.
        time: as in `LinearBaseline` and `MlpBaseline`.
        num_threads: as in `LinearBaseline`.
        mlp: other arguments of `MlpBaseline`.

    Returns:
        A baseline that is not fitted yet.

    Raises:
        TypeError: arguments of the wrong type.
        ValueError: arguments out of range.
    """
    if kind == "none":
        return Baseline(observation_size)
    if kind == "mean":
        return MeanBaseline(observation_size, memory=memory)
    if kind == "mlp":
        return MlpBaseline(observation_size, time=time, num_threads=num_threads, **mlp or {})
    return LinearBaseline(
        observation_size, ridge=ridge, memory=memory, time=time, num_threads=num_threads
    )
