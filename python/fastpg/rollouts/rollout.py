"""Rollouts: the samples of one collection, as (T, N) arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastpg import deprecated
from fastpg.arrays import Bools, Float32s, Floats, Integers
from fastpg.values.base import Baseline


@dataclass(frozen=True)
class Rollout:
    """T rows by N columns: steps by environments, or steps in the episode by episodes.

    Entries with `valid` False do not count; after a whole episode they are 0. Episodes that ended
    are listed in the order of their ends; entry k ended at [end_rows[k], end_columns[k]].
    """

    observations: Float32s  # (T, N, d)
    actions: npt.NDArray[Any]  # (T, N), or (T, N, size) if an action is several numbers
    rewards: Floats  # (T, N)
    terminated: Bools  # (T, N)
    truncated: Bools  # (T, N); both flags may be set
    valid: Bools  # (T, N)
    step_index: npt.NDArray[np.int32]  # (T, N): step in the episode, the lecture's h
    last_observations: Float32s  # (N, d): after the last row, if the episode goes on
    last_step_index: Integers  # (N,)
    end_rows: Integers  # (K,)
    end_columns: Integers  # (K,)
    final_observations: Float32s  # (K, d): the true last observations, before any reset
    episode_returns: Floats  # (K,)
    episode_lengths: Integers  # (K,)
    sample_count: int  # number of valid samples
    step_count: int  # largest number of steps that an environment took
    complete: bool  # False: `max_samples` ended the last episodes early
    action_masks: Bools | None = None  # (T, N, n_actions); None if the environment gave none
    raw_returns: Floats | None = None  # (K,): in rewards before reward wrappers, if known

    @classmethod
    def from_core(cls, fields: Mapping[str, Any]) -> Self:
        """A rollout with these fields, unchecked: faster than the constructor.

        Args:
            fields: arrays and numbers by field name; fields without a default must be present.

        Returns:
            A rollout that shares the arrays.
        """
        made = object.__new__(cls)
        vars(made).update(fields)
        return made

    @property
    def ended(self) -> Bools:
        """Terminated or truncated, (T, N)."""
        return self.terminated | self.truncated

    def flattened(self, *values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """The valid samples of arrays, in row-major order.

        Args:
            *values: (T, N, ...) each.

        Returns:
            (n, ...) each, n = sample_count.
        """
        flat = []
        for array in values:
            if self._has_no_gaps:
                flat.append(array.reshape(self.sample_count, *array.shape[2:]))
            else:
                flat.append(array[self.valid])
        return flat

    def flat(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The valid samples of one array, in row-major order.

        Args:
            values: (T, N, ...).

        Returns:
            (n, ...), n = sample_count.
        """
        return self.flattened(values)[0]

    def state_values(self, baseline: Baseline) -> tuple[Floats, Floats, Floats]:
        """The baseline's values of all states.

        Args:
            baseline: a baseline for observations of the same length.

        Returns:
            V of each state (T, N), of the observation after the last row of each column (N,), and
                of the true last observations of the episodes that ended (K,). Entries that are not
                valid have no meaning.
        """
        observations = self.observations.reshape(-1, self.observations.shape[2])
        steps = self.step_index.astype(np.int64)
        values = baseline.values(observations, steps.ravel()).reshape(steps.shape)
        last = baseline.values(self.last_observations, self.last_step_index)
        final = np.zeros(0)
        if len(self.end_rows):
            final = baseline.values(self.final_observations, self.episode_lengths)
        return values, last, final

    def values(self, baseline: Baseline) -> tuple[Floats, Floats]:
        """The baseline's values of each state and of the state that followed it.

        Args:
            baseline: a baseline for observations of the same length.

        Returns:
            V(s_t) and V(s_t+1), each (T, N). Where an episode ended, terminated or truncated,
                s_t+1 is its true last observation, not the first one after the reset. Entries that
                are not valid have no meaning.
        """
        values, last, final = self.state_values(baseline)
        following = np.zeros(values.shape)
        following[:-1] = values[1:]
        last_rows = len(values) - 1 - np.argmax(self.valid[::-1], axis=0)
        following[last_rows, np.arange(values.shape[1])] = last
        following[self.end_rows, self.end_columns] = final
        return values, following

    @property
    def _has_no_gaps(self) -> bool:
        return self.sample_count == self.valid.size

    @property
    def segment_ends(self) -> Bools:
        """Steps at which a recursion is cut, (T, N): an episode or a column's samples end there."""
        if self._has_no_gaps:
            return self.ended
        follows = np.zeros_like(self.valid)
        follows[:-1] = self.valid[1:]
        return self.ended | ~follows

    @property
    def cut(self) -> Bools:
        """The name of `segment_ends` in version 0.1.0; it warns."""
        deprecated.warn("Rollout.cut", "Rollout.segment_ends")
        return self.segment_ends


def contrast(rollout: Rollout) -> Floats | None:
    """Weights (n,) for the difference between two halves of the environments.

    sqrt(m/k) for each of the k samples of the first half, -sqrt(k/m) for each of the m others.
    With them the mean over samples is sqrt(k m)/n times the difference of the halves' means, whose
    variance is that of the mean over all n, if the environments are independent. None if one half
    has no samples.
    """
    shape = rollout.valid.shape
    if rollout._has_no_gaps:
        return _whole_contrast(shape)
    return _contrast(rollout.flat(_first_half(shape)))


def _first_half(shape: tuple[int, ...]) -> Bools:
    return np.broadcast_to(np.arange(shape[1]) < shape[1] // 2, shape)


@lru_cache(maxsize=2)  # shapes of iterations differ by at most one step
def _whole_contrast(shape: tuple[int, ...]) -> Floats | None:
    return _contrast(_first_half(shape).ravel())


def _contrast(chosen: Bools) -> Floats | None:
    k = int(np.count_nonzero(chosen))
    m = len(chosen) - k
    if not k or not m:
        return None
    weights: Floats = np.where(chosen, np.sqrt(m / k), -np.sqrt(k / m))
    weights.flags.writeable = False  # shared by all callers
    return weights
