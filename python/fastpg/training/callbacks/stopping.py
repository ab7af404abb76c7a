"""Callbacks that end the training when a condition holds."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from typing import Any

from fastpg import arrays
from fastpg.suggestions import names_checked
from fastpg.training.callbacks.base import Callback
from fastpg.training.metrics import MOST_COUNT, Metrics


class _OfEvaluations(Callback, ABC):
    """Counts evaluations of one `learn`, its interruptions included."""

    needs_evaluations = True

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Begin to count, unless this `learn` finishes an interrupted one.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.
        """
        super().on_training_start(algo, total_timesteps)
        if not _goes_on(algo):
            self._begin()

    @abstractmethod
    def _begin(self) -> None:
        """Nothing has been counted."""


class StopTrainingOnNoModelImprovement(_OfEvaluations):
    """Stops after several evaluations in a row without a new best mean return.

    It needs evaluations: `learn(eval_freq=…)`, or an `EvalCallback`, as whose
    `callback_after_eval` it may also be given. Without them `learn` warns.

    Args:
        max_no_improvement_evals: number of evaluations in a row without a new best one that are
            still allowed.
        min_evals: number of first evaluations that do not count.
    """

    @names_checked
    def __init__(self, max_no_improvement_evals: int, min_evals: int = 0) -> None:
        self.max_no_improvement_evals = arrays.integer(
            "max_no_improvement_evals", max_no_improvement_evals, 0, MOST_COUNT
        )
        self.min_evals = arrays.integer("min_evals", min_evals, 0, MOST_COUNT)
        self._begin()

    def _begin(self) -> None:
        self._best, self._evaluations, self._without = -math.inf, 0, 0

    def on_evaluation(self, record: Metrics) -> bool:
        """Count evaluations without a new best mean return.

        Args:
            record: the record of the evaluation.

        Returns:
            False to stop.
        """
        mean = float(record["eval/mean_reward"])
        self._evaluations += 1
        if mean > self._best:
            self._best, self._without = mean, 0
        elif self._evaluations > self.min_evals:
            self._without += 1
        return self._without <= self.max_no_improvement_evals


class StopTrainingOnRewardThreshold(_OfEvaluations):
    """Stops once evaluations reach a mean return.

    It needs evaluations, as `StopTrainingOnNoModelImprovement`.

    Args:
        reward_threshold: the mean return to reach.
        times: number of evaluations in a row that must reach it. With more than 1, do not give it
            as `callback_on_new_best`, which sees only some of the evaluations.
    """

    @names_checked
    def __init__(self, reward_threshold: float, times: int = 1) -> None:
        self.reward_threshold = arrays.number("reward_threshold", reward_threshold)
        self.times = arrays.integer("times", times, 1, MOST_COUNT)
        self._begin()

    def _begin(self) -> None:
        self._held = 0

    def on_evaluation(self, record: Metrics) -> bool:
        """Count evaluations in a row at the threshold.

        Args:
            record: the record of the evaluation.

        Returns:
            False to stop.
        """
        reached = float(record["eval/mean_reward"]) >= self.reward_threshold
        self._held = self._held + 1 if reached else 0
        return self._held < self.times


class StopTrainingOnMaxEpisodes(Callback):
    """Stops once a number of episodes has ended, counted from the start of `learn`.

    It takes effect after an iteration, so that some more episodes may end. A `learn` that finishes
    an interrupted one goes on with its count.

    Args:
        max_episodes: number of episodes, of all environments together.
    """

    @names_checked
    def __init__(self, max_episodes: int) -> None:
        self.max_episodes = arrays.integer("max_episodes", max_episodes, 1, MOST_COUNT)
        self._first = 0
        self._counted: Any = None  # the algorithm

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Note the number of episodes so far, unless this `learn` finishes an interrupted one.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.
        """
        super().on_training_start(algo, total_timesteps)
        if self._counted is not algo or not _goes_on(algo):
            self._counted, self._first = algo, algo.num_episodes

    def on_iteration(self, record: Metrics) -> bool:
        """Compare the number of episodes with the limit.

        Args:
            record: the record of the iteration.

        Returns:
            False to stop.
        """
        return bool(self.algo.num_episodes - self._first < self.max_episodes)


class StopTrainingAfterSeconds(Callback):
    """Stops after the first iteration that ends later than a time after the start of `learn`.

    The clock starts anew in each `learn`, also in one that finishes an interrupted one.

    Args:
        seconds: wall time, above 0.
    """

    @names_checked
    def __init__(self, seconds: float) -> None:
        self.seconds = arrays.positive("seconds", seconds)
        self._end = math.inf

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Start the clock.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.
        """
        super().on_training_start(algo, total_timesteps)
        self._end = time.monotonic() + self.seconds

    def on_iteration(self, record: Metrics) -> bool:
        """Read the clock.

        Args:
            record: the record of the iteration.

        Returns:
            False to stop.
        """
        return time.monotonic() < self._end


def _goes_on(algo: Any) -> bool:
    """Whether a `learn` finishes one that was interrupted."""
    return algo.plan is not None and algo.plan.taken > 0
