"""Environments that reset again at the first step after a reset."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv

from fastpg.arrays import Bools
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
    """For environments that reset twice: which of them will reset at the next first step.

    Every user of such an environment leaves a note with its count of moves.

    Args:
        env: any vector environment.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self._num_envs = env.num_envs
        self._moves = Moves(env) if resets_twice(env) else None

    def expected(self) -> Bools:
        """Environments whose first step after the next `reset` only resets; call this before it.

        Returns:
            Bool (num_envs,).

        Raises:
            ValueError: this depends on steps of another user, who left no note.
        """
        none: Bools = np.zeros(self._num_envs, dtype=np.bool_)
        if self._moves is None:
            return none
        noted: Bools | None = self._moves.read_note()
        if noted is not None:
            return noted
        if self._moves.count:
            raise ValueError(
                "env: expected shared_memory=True, or another autoreset mode, from an "
                "AsyncVectorEnv that other code has stepped: under NEXT_STEP its step after a "
                "reset may reset again"
            )
        return none

    def leave(self, ended: Bools) -> None:
        """Leave a note for the next user of the environment.

        Args:
            ended: bool (num_envs,), environments whose episode ended at the last step.
        """
        if self._moves is not None:
            self._moves.write_note(ended.copy())
