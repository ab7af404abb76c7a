"""Environments that reset again at the first step after a reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv

from fastpg.arrays import Bools
from fastpg.rollouts.contract import vector_flags
from fastpg.rollouts.instances import Moves
from fastpg.rollouts.make_env import autoreset_mode
from fastpg.rollouts.masks import has_usual_workers


def resets_twice(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether the step after `reset` resets again if the episode before it had ended.

    Workers of Gymnasium's AsyncVectorEnv without shared memory do this under NEXT_STEP (observed in
    1.4.0), since `reset` does not clear their flag for the ended episode.

    Args:
        env: a vector environment.

    Returns:
        True for such an environment.
    """
    base = env.unwrapped
    return (
        isinstance(base, AsyncVectorEnv)
        and has_usual_workers(base)
        and not base.shared_memory
        and autoreset_mode(base) == AutoresetMode.NEXT_STEP
    )


class SecondResets:
    """For environments that reset twice: makes the reset that follows the last one.

    Every user of such an environment leaves a note with its count of moves.

    Args:
        env: any vector environment.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self._env = env
        self._moves = Moves(env) if resets_twice(env) else None

    def settle(self, act: Callable[[Any, Any], Any]) -> Bools:
        """Take the step that may reset again; call this before a reset.

        Otherwise the start states after a seeded reset would depend on the episodes before it.

        Args:
            act: actions for (observations, info) of a reset.

        Returns:
            Bool (num_envs,), True where the first step after the next reset still only resets,
                since that step ended an episode.
        """
        if not self._pending():
            return np.zeros(self._env.num_envs, dtype=np.bool_)
        terminated, truncated = self._env.step(act(*self._env.reset()))[2:4]
        count = self._env.num_envs
        ends = vector_flags("terminated", terminated, count)
        return ends | vector_flags("truncated", truncated, count)

    def _pending(self) -> bool:
        """Whether some environment may reset again: an episode has ended, or nobody knows."""
        if self._moves is None or not self._moves.count:
            return False
        noted: Bools | None = self._moves.read_note()
        return noted is None or bool(noted.any())

    def leave(self, ended: Bools) -> None:
        """Leave a note for the next user of the environment.

        Args:
            ended: bool (num_envs,), environments whose episode ended at the last step.
        """
        if self._moves is not None:
            self._moves.write_note(ended.copy())
