"""Collectors, which run a policy in an environment, and the one that runs wholly in C++."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays
from fastpg.envs import NativeVectorEnv
from fastpg.policies.base import Policy
from fastpg.rollouts.instances import Moves
from fastpg.rollouts.rollout import Rollout

_R = TypeVar("_R")

UNLIMITED = 2**62
MOST_STEPS = 2**31 - 1  # in one call, and as many episodes


class Collector:
    """Collects rollouts of a policy in an environment, with one random stream for all of them.

    Actions are drawn from a counter-based generator: its key is the seed, its counter the
    environment and the step. So two calls of 100 steps take the same actions as one of 200.

    Args:
        env: a vector environment that has been reset.
        policy: the policy that chooses the actions; it is read at every call.
        seed: in [0, 2^64).
        evaluation: use the random stream of evaluations, not the one of training.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        policy: Policy,
        seed: int,
        *,
        evaluation: bool = False,
    ) -> None:
        self.env = env
        self.policy = policy
        self.seed = arrays.seed(seed)
        self.purpose = _core.RandomStream.evaluation if evaluation else _core.RandomStream.action
        self._stream = _core.LaneStream(self.seed, self.purpose)
        self.step_count = 0
        self._moves = Moves(env)
        self._moves_here: int | None = None  # count of moves after the last call

    @property
    def gives_masks(self) -> bool:
        """Whether the environment is known to give action masks."""
        return False

    def reset(self, seed: int | None) -> None:
        """Start new episodes in all environments.

        Args:
            seed: seed of the environments; None continues their random streams.
        """
        self._reset(seed)
        self._leave()

    def _reset(self, seed: int | None) -> None:
        raise NotImplementedError

    def _resume(self) -> None:
        """Start new episodes if other code has moved the environment since the last call.

        The new start states depend on the seed and the number of steps taken here alone.
        """
        if self.is_moved:
            self.reset(self.start_seed)

    @property
    def is_moved(self) -> bool:
        """Whether other code has moved the environment since the last call."""
        return self._moves_here is not None and self._moves.count != self._moves_here

    def place(self) -> dict[str, npt.NDArray[Any]]:
        """What this object knows of the unfinished episodes, apart from the environment's state.

        Returns:
            Arrays by name, for `checked_place`.
        """
        return {}

    def checked_place(self, stored: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The arrays of `place` in a file, checked.

        Args:
            stored: arrays by name; others are ignored.

        Returns:
            Arrays for `take_place`.

        Raises:
            KeyError, TypeError, ValueError: an array is missing, or of another kind or shape.
        """
        return {}

    def take_place(self, place: dict[str, npt.NDArray[Any]]) -> None:
        """Continue unfinished episodes; the environment is already in their state.

        Args:
            place: return value of `checked_place`.
        """
        self._leave()

    def _leave(self) -> None:
        """Store the count of moves, by which those of other code are noticed."""
        self._moves_here = self._moves.count

    @property
    def start_seed(self) -> int:
        """Seed of the environment's next reset: the seed itself at first, later another one."""
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
            TypeError: `n_steps` is not an integer.
            ValueError: `n_steps` is out of range.
        """
        raise NotImplementedError

    def samples(self, count: int) -> Rollout:
        """Take steps in every environment until fewer than `num_envs` of `count` samples remain.

        Rows in which an environment only resets are not counted.

        Args:
            count: number of samples, at least `num_envs`.

        Returns:
            A rollout as in `steps`.
        """
        return self.steps(count // self.env.num_envs)

    def play(self, n_steps: int, *, deterministic: bool = False) -> _core.EpisodeEnds:
        """The same steps as `steps`, of which only the ends of episodes are kept.

        Args:
            n_steps: steps of every environment, in [1, 2^31 - 1].
            deterministic: take the most probable action instead of a sampled one.

        Returns:
            Of the k episodes that ended, in the order of their ends: environments `columns`,
                `returns` and `lengths`, (k,) each; `last_step_index`, steps of the episodes that go
                on, (num_envs,).

        Raises:
            TypeError: `n_steps` is not an integer.
            ValueError: `n_steps` is out of range.
        """
        raise NotImplementedError

    def episodes(
        self, n_episodes: int, *, max_samples: int | None = None, deterministic: bool = False
    ) -> Rollout:
        """Whole episodes, one in each column; environment i plays i, i + N, i + 2N, ….

        Args:
            n_episodes: number of episodes, in [1, 2^31 - 1].
            max_samples: stop before taking more samples than this; `complete` is then False. None:
                no limit.
            deterministic: take the most probable action instead of a sampled one.

        Returns:
            A rollout with one column for each episode; entries with `valid` False are 0.

        Raises:
            TypeError: numbers that are not integers.
            ValueError: numbers out of range.
        """
        raise NotImplementedError


class NativeCollector(Collector):
    """A `Collector` that runs wholly in C++, in a native environment."""

    env: NativeVectorEnv
    _form: tuple[Any, ...] | None = None
    _made: _core.Actor

    @property
    def gives_masks(self) -> bool:
        """See `Collector`."""
        return self.env.native.masks() is not None

    def _reset(self, seed: int | None) -> None:
        self.env.reset(seed=seed)

    def steps(self, n_steps: int, *, deterministic: bool = False) -> Rollout:
        """See `Collector`."""
        checked = arrays.integer("n_steps", n_steps, 1, MOST_STEPS)
        return self.samples(checked * self.env.num_envs, deterministic=deterministic)

    def play(self, n_steps: int, *, deterministic: bool = False) -> _core.EpisodeEnds:
        """See `Collector`."""
        checked = arrays.integer("n_steps", n_steps, 1, MOST_STEPS)
        return self._run(self.env.native.play_steps, checked, deterministic)

    def samples(self, count: int, *, deterministic: bool = False) -> Rollout:
        """See `Collector`."""
        env = self.env
        run = env.native.collect_steps
        return Rollout.from_core(self._run(run, count // env.num_envs, deterministic))

    def _run(self, run: Callable[..., _R], n_steps: int, deterministic: bool) -> _R:
        """The return value of a method of the environment that takes some steps."""
        env = self.env
        if env.moves != self._moves_here:
            self._resume()
        result = run(
            self._actor(deterministic), self.policy._theta, n_steps, self._stream, self.step_count
        )
        self.step_count += n_steps
        env.moves = self._moves_here = env.moves + 1
        return result

    def episodes(
        self, n_episodes: int, *, max_samples: int | None = None, deterministic: bool = False
    ) -> Rollout:
        """See `Collector`."""
        limit = UNLIMITED if max_samples is None else max_samples
        self._resume()
        collected = self.env.native.collect_episodes(
            self._actor(deterministic),
            self.policy.theta,
            arrays.integer("n_episodes", n_episodes, 1, MOST_STEPS),
            arrays.integer("max_samples", limit, 1, UNLIMITED),
            self._stream,
            self.step_count,
        )
        self.step_count += collected["step_count"]
        self.env.moves += 1
        self._leave()
        return Rollout.from_core(collected)

    def _actor(self, deterministic: bool) -> _core.Actor:
        """The policy's actor; a new one if the policy's features or bounds have changed."""
        policy = self.policy
        form = (policy.feature_map.native, policy.bounds, deterministic)
        if self._form is None or any(map(operator.is_not, form, self._form)):
            self._made = policy.actor(self.env.single_action_space, deterministic)
            self._form = form
        return self._made
