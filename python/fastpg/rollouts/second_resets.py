"""Steps after a reset that only reset once more."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv

from fastpg.arrays import Bools
from fastpg.rollouts.instances import Moves
from fastpg.rollouts.make_env import autoreset_mode
from fastpg.rollouts.masks import has_usual_workers


def resets_twice(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether a step after `reset` only resets once more where an episode had ended before.

    So Gymnasium's workers do without shared memory under NEXT_STEP (seen in 1.4.0): the reset
    leaves their note of the end as it is.
    """
    base = env.unwrapped
    return (
        isinstance(base, AsyncVectorEnv)
        and has_usual_workers(base)
        and not base.shared_memory
        and autoreset_mode(base) == AutoresetMode.NEXT_STEP
    )


class SecondResets:
    """Knows, for environments that reset twice, whose first step will be a reset.

    Whoever steps such an environment leaves a note with its moves.

    Args:
        env: any vector environment.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self._num_envs = env.num_envs
        self._moves = Moves(env) if resets_twice(env) else None

    def expected(self) -> Bools:
        """Which rows of the step after the next reset only reset; to be asked before that reset.

        Raises:
            ValueError: it depends on steps that others took.
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
                "AsyncVectorEnv that others have stepped: under NEXT_STEP its step after a reset "
                "may be a reset again"
            )
        return none

    def leave(self, ended: Bools) -> None:
        """Tell whoever moves the environment next whose episode ended at the last step."""
        if self._moves is not None:
            self._moves.write_note(ended.copy())
