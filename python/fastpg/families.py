"""Families of algorithms: those that ascend by Adam, and those that collect by steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt

from fastpg import _core, arrays, checkpoints
from fastpg.estimators import discounted_returns
from fastpg.linear_policy import Undo
from fastpg.options import StepOptions
from fastpg.rollouts.rollout import Collector, Rollout
from fastpg.solvers import Adam
from fastpg.training import Algorithm, Batch

_SAMPLES_PER_ITERATION = 2048  # where n_steps is None


class AdamAlgorithm(Algorithm):
    """An algorithm that ascends by Adam, whose moments are saved with it."""

    def make_optimizer(self) -> None:
        """Adam, its moments zero."""
        self.adam = Adam(self.policy.theta.size)

    def _keep(self) -> Undo:
        """What takes back all that is learned from now on, by Adam too."""
        others, adam = super()._keep(), self.adam.__copy__()

        def undo() -> None:
            others()
            self.adam = adam

        return undo

    def state(self) -> checkpoints.State:
        """Arrays and JSON values, with Adam's moments."""
        stored, meta = super().state()
        moments = {"adam_mean": self.adam.mean, "adam_square": self.adam.square}
        return stored | moments, meta | {"adam_count": self.adam.count}

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore Adam with its saved moments.

        Args:
            stored: "adam_mean" and "adam_square", (theta.size,) each; the second at least 0.
            meta: "adam_count", the number of steps taken, at least 0.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry of another kind or shape, or with wrong values.
        """
        size = self.policy.theta.size
        self.adam.restore(
            arrays.floats("adam_mean", stored["adam_mean"], (size,)),
            arrays.non_negatives("adam_square", stored["adam_square"], (size,)),
            arrays.integer("adam_count", meta["adam_count"], 0, 2**62),
        )


class StepAlgorithm(Algorithm):
    """An algorithm that collects by steps and estimates advantages by GAE."""

    options: StepOptions

    def collect(
        self, collector: Collector, remaining: int
    ) -> Iterator[tuple[Rollout | None, Rollout]]:
        """Collect rollouts whose lengths differ by at most one step: no short one at the end.

        Args:
            collector: of the environment and the policy.
            remaining: number of samples that may be taken.

        Returns:
            An iterator over pairs (fresh, rollout), as of `Algorithm.collect`. The last rollout
                takes the samples that are left.
        """
        n_envs = collector.env.num_envs
        steps = remaining // n_envs
        n_steps = self.options.n_steps or max(1, round(_SAMPLES_PER_ITERATION / n_envs))
        extra = self.options.baseline_batch
        iterations = -(-steps // (n_steps + extra))
        for k in range(iterations):
            length = steps * (k + 1) // iterations - steps * k // iterations
            fresh = min(length - 1, round(length * extra / (n_steps + extra)))
            early = collector.samples(fresh * n_envs) if fresh else None
            remaining -= early.sample_count if early else 0
            last = k == iterations - 1
            rollout = collector.samples(remaining if last else (length - fresh) * n_envs)
            remaining -= rollout.sample_count
            yield early, rollout

    def estimate(self, rollout: Rollout) -> Batch:
        """Advantages by GAE, from the baseline as fitted before; value targets by `value_target`.

        Args:
            rollout: T rows by N columns.

        Returns:
            The batch of its n valid samples.
        """
        values, next_values = rollout.values(self.baseline)
        options = self.options
        advantages, targets = _core.gae(  # the arrays are our own
            rollout.rewards,
            values,
            next_values,
            rollout.terminated,
            rollout.cut,
            options.gamma,
            options.gae_lambda,
            self.num_threads,
        )
        if options.value_target == "mc":
            targets = discounted_returns(
                rollout.rewards,
                rollout.cut,
                options.gamma,
                terminated=rollout.terminated,
                next_values=next_values,
                num_threads=self.num_threads,
            )
        return self.batch(rollout, advantages, targets, values)
