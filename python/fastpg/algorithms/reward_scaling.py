"""Rewards divided by a running standard deviation of discounted returns, and clipped."""

from __future__ import annotations

import math
import sys
from copy import copy
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Bools, Floats
from fastpg.functional.advantages import discounted_returns
from fastpg.rollouts.rollout import Rollout

_LEAST_VARIANCE = 1e-8  # as in VecNormalize
_CONSTANT = 1e-12  # of the mean square: sums that have not varied, but for rounding


class RewardScaling:
    """Rewards for the estimates of advantages and values; reported returns never change.

    Each environment has a discounted sum of its rewards so far, F_t = r_t + gamma F_{t-1}, which
    starts at 0 with each episode. Rewards are divided by the standard deviation of all F seen;
    their mean stays. This is the reward part of stable-baselines3's VecNormalize; there each step
    uses the deviation up to it, here a rollout uses the one that includes the rollout. Attributes
    are replaced, never changed in place.

    Args:
        gamma: the discount factor, in [0, 1].
        normalize: divide by the standard deviation.
        clip: bound of the magnitude afterwards; None: none.

    Attributes:
        sums: F of the last row, (N,); (0,) before the first rollout, and without `normalize`.
    """

    def __init__(self, gamma: float, normalize: bool, clip: float | None) -> None:
        self.gamma = gamma
        self.normalize = normalize
        self.clip = clip
        self.sums: Floats = np.zeros(0)
        self.count = 0.0
        self.mean = 0.0
        self.squares = 0.0  # summed squared deviations from the mean

    @property
    def deviation(self) -> float:
        """Standard deviation of the discounted sums seen; 1 if they have not varied."""
        variance = self.squares / self.count if self.count else 0.0
        if variance <= _CONSTANT * (self.mean * self.mean):
            return 1.0
        return math.sqrt(variance + _LEAST_VARIANCE)

    def of_new_episodes(self) -> RewardScaling:
        """The same without the sums of episodes that do not go on."""
        made = copy(self)
        made.sums = np.zeros(0)
        return made

    def __call__(self, rollout: Rollout) -> Floats:
        """The rewards that estimates use, after an update with those of a rollout by steps.

        Args:
            rollout: T rows by N columns; rows that only reset are not counted.

        Returns:
            (T, N).
        """
        rewards = rollout.rewards
        if self.normalize:
            self._update(rollout)
            rewards = rewards / self.deviation
        if self.clip is not None:
            rewards = np.clip(rewards, -self.clip, self.clip)
        return rewards

    def _update(self, rollout: Rollout) -> None:
        sums = self._discounted_sums(rollout.rewards, rollout.ended, rollout.step_index[0] > 0)
        self.sums = sums[-1].copy()
        if not rollout.valid.all():
            sums = sums[rollout.valid]
        if not sums.size:
            return
        count = self.count + sums.size
        mean = float(sums.mean())
        shift = mean - self.mean
        between = shift * shift * self.count * sums.size / count
        with np.errstate(over="ignore", invalid="ignore"):
            squares = self.squares + float(np.square(sums - mean).sum()) + between
        if not math.isfinite(squares):
            raise ValueError("rewards: expected values whose discounted sums can be squared")
        self.squares = squares
        self.mean += shift * sums.size / count
        self.count = count

    def _discounted_sums(self, rewards: Floats, ended: Bools, goes_on: Bools) -> Floats:
        """F, (T, N): the recursion of returns, backward in time."""
        first = rewards.copy()
        if len(self.sums) == rewards.shape[1]:
            first[0] += np.where(goes_on, self.gamma * self.sums, 0.0)
        cut = np.zeros_like(ended)  # where F begins anew: after an end
        cut[1:] = ended[:-1]
        backward = np.ascontiguousarray(first[::-1])
        ends = np.ascontiguousarray(cut[::-1])
        return discounted_returns(backward, ends, self.gamma)[::-1]

    def state(self) -> dict[str, Any]:
        """JSON values for `restore`; the sums of unfinished episodes are not among them."""
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`.

        Args:
            state: "count" and "squares", at least 0, and "mean".

        Raises:
            KeyError, TypeError, ValueError: an entry is missing, or of another kind or range.
        """
        self.count = arrays.between("reward count", state["count"], 0.0, 2.0**62)
        self.mean = arrays.number("reward mean", state["mean"])
        self.squares = arrays.between("reward squares", state["squares"], 0.0, sys.float_info.max)
