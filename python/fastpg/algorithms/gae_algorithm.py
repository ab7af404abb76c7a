"""Algorithms that collect by steps and estimate advantages by GAE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastpg import _core
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.batch import Batch, make_batch
from fastpg.algorithms.options import StepOptions
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.rollout import Rollout
from fastpg.values.base import Baseline
from fastpg.values.ridge import LinearBaseline

_SAMPLES_PER_ITERATION = 2048  # if n_steps is None


class StepAlgorithm(Algorithm):
    """An algorithm that collects by steps and estimates advantages by GAE."""

    options: StepOptions

    def collect(
        self, collector: Collector, remaining: int
    ) -> Iterator[tuple[Rollout | None, Rollout]]:
        """Collect rollouts whose lengths differ by at most one step: no short one at the end.

        Args:
            collector: collector of the environment and the policy.
            remaining: number of samples that may be taken.

        Returns:
            An iterator over pairs (fresh, rollout), as in `Algorithm.collect`. The last rollout
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
        """Advantages by GAE with the baseline of earlier fits; value targets by `value_target`.

        Args:
            rollout: T rows by N columns.

        Returns:
            The batch of its n valid samples.
        """
        options, baseline = self.options, self.baseline
        value: Any = None
        if type(baseline) is LinearBaseline:
            value = baseline.weights
        elif type(baseline) is not Baseline:
            value = rollout.state_values(baseline)
        estimates = _core.estimate(
            vars(rollout),
            value,
            options.baseline_time,
            options.gamma,
            options.gae_lambda,
            options.value_target == "mc",
            self.num_threads,
        )
        return make_batch(self.policy, rollout, estimates, self.num_threads)
