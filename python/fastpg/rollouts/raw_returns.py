"""Returns in an environment's own rewards, if reward wrappers change those of the learner."""

from __future__ import annotations

from typing import Any, Self

import gymnasium
import numpy as np
from gymnasium import wrappers
from gymnasium.vector import SyncVectorEnv, VectorEnv, VectorRewardWrapper

from fastpg.arrays import Bools, Floats
from fastpg.rollouts.instances import RewardSum, reward_sums
from fastpg.rollouts.wrappers import all_layers

_CHANGING = (
    gymnasium.RewardWrapper,
    VectorRewardWrapper,
    wrappers.NormalizeReward,
    wrappers.vector.NormalizeReward,
)


class RawReturns:
    """Returns of a collector's episodes, in the rewards of the innermost environments.

    Args:
        sums: reward sums, one for each environment.
    """

    def __init__(self, sums: list[RewardSum]) -> None:
        self._sums = sums

    @classmethod
    def of(cls, env: VectorEnv[Any, Any, Any]) -> Self | None:
        """Raw returns of a vector environment.

        Args:
            env: an environment whose steps are already counted by `Moves`.

        Returns:
            None without a reward wrapper, or if the environments are not Python objects in this
                process.
        """
        base = env.unwrapped
        if not isinstance(base, SyncVectorEnv) or reward_wrapper(env) is None:
            return None
        sums = reward_sums(base)
        return None if sums is None else cls(sums)

    def begin(self, which: Bools | None = None) -> None:
        """Start new episodes now.

        Args:
            which: bool (num_envs,), environments whose episodes start; None: all.
        """
        for i in range(len(self._sums)) if which is None else np.flatnonzero(which):
            self._sums[i].total = 0.0

    def of_ended(self, ended: Bools, reset_since: bool) -> Floats:
        """Returns of the episodes that ended at this step.

        Args:
            ended: bool (num_envs,), environments whose episode ended.
            reset_since: whether the same step has already reset those environments.

        Returns:
            (num_envs,), NaN where no episode ended.
        """
        found = np.full(len(ended), np.nan)
        for i in np.flatnonzero(ended):
            one = self._sums[i]
            found[i] = one.before_reset if reset_since else one.total
        return found


def reward_wrapper(env: VectorEnv[Any, Any, Any]) -> str | None:
    """A wrapper that changes rewards.

    Args:
        env: a vector environment.

    Returns:
        Name of the wrapper's class; None if none is known.
    """
    for layer in all_layers(env):
        if isinstance(layer, _CHANGING):
            return type(layer).__name__
    return None
