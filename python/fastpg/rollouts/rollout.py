"""Rollouts: what a policy met in an environment, as (T, N) arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays
from fastpg.arrays import Bools, Float32s, Floats, Integers
from fastpg.baselines import Baseline
from fastpg.envs import NativeVectorEnv
from fastpg.linear_policy import Actor, LinearPolicy
from fastpg.rollouts.instances import Moves

UNLIMITED = 2**62
MOST_STEPS = 2**31 - 1  # in one call, and as many episodes


@dataclass(frozen=True)
class Rollout:
    """T rows by N columns: steps by environments, or steps in the episode by episodes.

    Where `valid` is False nothing counts; whole episodes are filled up with zeros. Episodes that
    ended are listed in the order of their ends; entry k ended at [end_rows[k], end_columns[k]].
    """

    observations: Float32s  # (T, N, d)
    actions: npt.NDArray[Any]  # (T, N), or (T, N, size) where an action is several numbers
    rewards: Floats  # (T, N)
    terminated: Bools  # (T, N)
    truncated: Bools  # (T, N); both flags may be set
    valid: Bools  # (T, N)
    step_index: npt.NDArray[np.int32]  # (T, N): step in the episode, the lecture's h
    last_observations: Float32s  # (N, d): what follows the last row of a column still running
    last_step_index: Integers  # (N,)
    end_rows: Integers  # (K,)
    end_columns: Integers  # (K,)
    final_observations: Float32s  # (K, d): the true last observations, before any reset
    episode_returns: Floats  # (K,)
    episode_lengths: Integers  # (K,)
    sample_count: int  # number of valid samples
    step_count: int  # steps that the slowest environment took
    complete: bool  # False: a budget cut the last episodes
    action_masks: Bools | None = None  # (T, N, n_actions); None if the environment gave none
    raw_returns: Floats | None = None  # (K,): before the reward wrappers, where that is known

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """A rollout with these fields, unchecked: faster than the constructor.

        Args:
            fields: arrays and numbers by field name; those without a default must be there.

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

    @cached_property
    def steps(self) -> Integers:
        """`step_index` as kernels take it, (T, N)."""
        return self.step_index.astype(np.int64)

    def flattening(self) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
        """A function that takes the valid samples of a (T, N, ...) array, in row-major order.

        Returns:
            A function of one array (T, N, ...) with the result (n, ...).
        """
        if not self._has_no_gaps:
            return lambda values: values[self.valid]
        size = self.valid.size
        return lambda values: (
            values.ravel() if values.ndim == 2 else values.reshape(size, *values.shape[2:])
        )

    def flat(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The valid samples of one array, in row-major order.

        Args:
            values: (T, N, ...).

        Returns:
            (n, ...), n = sample_count.
        """
        return self.flattening()(values)

    def values(self, baseline: Baseline) -> tuple[Floats, Floats]:
        """The baseline's values of each state and of the state that followed it.

        Args:
            baseline: of observations of the same length.

        Returns:
            V(s_t) and V(s_t+1), each (T, N). Where an episode ended, terminated or truncated,
                s_t+1 is its true last observation, not the first one after the reset. Entries that
                are not valid mean nothing.
        """
        shape = self.rewards.shape
        values = baseline.values(
            self.observations.reshape(-1, self.observations.shape[2]),
            self.steps.ravel(),
        ).reshape(shape)
        last = baseline.values(self.last_observations, self.last_step_index)
        final = np.zeros(0)
        if len(self.end_rows):
            final = baseline.values(self.final_observations, self.episode_lengths)
        if self._has_no_gaps:
            return values, _core.following_values(
                values, last, self.end_rows, self.end_columns, final
            )
        following = np.zeros(shape)
        following[:-1] = values[1:]
        last_rows = shape[0] - 1 - np.argmax(self.valid[::-1], axis=0)
        following[last_rows, np.arange(shape[1])] = last
        following[self.end_rows, self.end_columns] = final
        return values, following

    @property
    def _has_no_gaps(self) -> bool:
        return self.sample_count == self.valid.size

    @property
    def cut(self) -> Bools:
        """Where no recursion may pass, (T, N): the end of an episode or of a column's samples."""
        if self._has_no_gaps:
            return self.ended
        follows = np.zeros_like(self.valid)
        follows[:-1] = self.valid[1:]
        return self.ended | ~follows


class Collector:
    """Collects rollouts of a policy in an environment, one random stream over all of them.

    Actions are drawn from a counter-based generator keyed by the seed and counted by environment
    and step: two calls of 100 steps take the same actions as one of 200.

    Args:
        env: a vector environment that has been reset.
        policy: read anew at every call.
        seed: in [0, 2^64).
        evaluation: draws from a stream of its own.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        policy: LinearPolicy,
        seed: int,
        *,
        evaluation: bool = False,
    ) -> None:
        self.env = env
        self.policy = policy
        self.seed = arrays.seed(seed)
        self.purpose = _core.Purpose.evaluation if evaluation else _core.Purpose.action
        self.step_count = 0
        self._moves = Moves(env)
        self._moves_here: int | None = None  # their count after the last call

    def reset(self, seed: int | None) -> None:
        """Start new episodes in all environments.

        Args:
            seed: of the environments; None continues their own random streams.
        """
        self._reset(seed)
        self._leave()

    def _reset(self, seed: int | None) -> None:
        raise NotImplementedError

    def _resume(self) -> None:
        """Start new episodes if the environment has moved since the last call, by whoever it was.

        The new start states depend on the seed and the steps taken here, not on what moved it.
        """
        if self._moves_here is not None and self._moves.count != self._moves_here:
            self.reset(self.start_seed)

    def _leave(self) -> None:
        """The environment is as this collector left it."""
        self._moves_here = self._moves.count

    @property
    def start_seed(self) -> int:
        """Of the environment: the seed itself at first, another after every number of steps."""
        if self.step_count == 0:
            return self.seed
        words = np.random.SeedSequence([self.seed, self.step_count]).generate_state(1, np.uint64)
        return int(words[0] >> np.uint64(1))

    def steps(self, n_steps: int, *, deterministic: bool = False) -> Rollout:
        """Take steps in every environment; the next call continues unfinished episodes.

        Args:
            n_steps: steps of every environment, in [1, 2^31 - 1].
            deterministic: take the most probable action instead of a sampled one.

        Returns:
            A rollout with one column for each environment.

        Raises:
            TypeError: n_steps that is no integer.
            ValueError: n_steps out of range.
        """
        raise NotImplementedError

    def samples(self, count: int) -> Rollout:
        """Steps of every environment until fewer than `num_envs` of `count` samples are left.

        Rows in which an environment only resets are not counted.

        Args:
            count: number of samples, at least `num_envs`.

        Returns:
            A rollout as of `steps`.
        """
        return self.steps(count // self.env.num_envs)

    def episodes(
        self, n_episodes: int, *, max_samples: int | None = None, deterministic: bool = False
    ) -> Rollout:
        """Whole episodes, one in each column; environment i plays i, i + N, i + 2N, ….

        Args:
            n_episodes: number of episodes, in [1, 2^31 - 1].
            max_samples: stop before taking more samples than this; `complete` is then False. None
                is no limit.
            deterministic: take the most probable action instead of a sampled one.

        Returns:
            A rollout with one column for each episode, filled up with zeros where `valid` is False.

        Raises:
            TypeError: numbers that are no integers.
            ValueError: numbers out of range.
        """
        raise NotImplementedError


class NativeCollector(Collector):
    """A `Collector` that runs wholly in C++, in a native environment."""

    env: NativeVectorEnv

    def _reset(self, seed: int | None) -> None:
        self.env.reset(seed=seed)

    def steps(self, n_steps: int, *, deterministic: bool = False) -> Rollout:
        """See `Collector`."""
        self._resume()
        return self._rollout(
            self.env.native.collect_steps(
                self._actor(deterministic),
                arrays.integer("n_steps", n_steps, 1, MOST_STEPS),
                self.seed,
                self.purpose,
                self.step_count,
            )
        )

    def episodes(
        self, n_episodes: int, *, max_samples: int | None = None, deterministic: bool = False
    ) -> Rollout:
        """See `Collector`."""
        limit = UNLIMITED if max_samples is None else max_samples
        self._resume()
        return self._rollout(
            self.env.native.collect_episodes(
                self._actor(deterministic),
                arrays.integer("n_episodes", n_episodes, 1, MOST_STEPS),
                arrays.integer("max_samples", limit, 1, UNLIMITED),
                self.seed,
                self.purpose,
                self.step_count,
            )
        )

    def _actor(self, deterministic: bool) -> Actor:
        return self.policy.actor(self.env.single_action_space, deterministic)

    def _rollout(self, collected: _core._RolloutDict) -> Rollout:
        self.step_count += collected["step_count"]
        self.env.moves += 1
        self._leave()
        return Rollout.of(collected)


def contrast(rollout: Rollout) -> Floats | None:
    """Weights (n,) that set one half of the environments against the other.

    sqrt(m/k) for each of the k samples of the first half, -sqrt(k/m) for each of the m others.
    With them the mean over samples is sqrt(k m)/n times the difference of the halves' means, whose
    variance is that of the mean over all n, if the environments are independent. None where one
    half has no samples.
    """
    shape = rollout.valid.shape
    if rollout._has_no_gaps:
        return _whole_contrast(shape)
    return _contrast(rollout.flat(_first_half(shape)))


def _first_half(shape: tuple[int, ...]) -> Bools:
    return np.broadcast_to(np.arange(shape[1]) < shape[1] // 2, shape)


@lru_cache(maxsize=2)  # iterations have the same, give or take one step
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
