"""Baselines by their names."""

from __future__ import annotations

from fastpg.values.base import Baseline
from fastpg.values.mean import MeanBaseline
from fastpg.values.ridge import LinearBaseline

BASELINES = ("linear", "mean", "none")


def make_baseline(
    kind: str,
    observation_size: int,
    *,
    ridge: float,
    memory: float,
    time: bool,
    num_threads: int | None = None,
) -> Baseline:
    """The baseline of a name.

    Args:
        kind: "linear", "mean" or "none".
        observation_size: length d of an observation.
        ridge: as of `LinearBaseline`.
        memory: as of `LinearBaseline` and `MeanBaseline`.
        time: as of `LinearBaseline`.
        num_threads: as of `LinearBaseline`.

    Returns:
        A baseline that is not fitted yet.
    """
    if kind == "none":
        return Baseline(observation_size)
    if kind == "mean":
        return MeanBaseline(observation_size, memory=memory)
    return LinearBaseline(
        observation_size, ridge=ridge, memory=memory, time=time, num_threads=num_threads
    )
