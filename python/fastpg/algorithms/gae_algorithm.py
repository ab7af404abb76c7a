"""Algorithms that collect by steps and estimate advantages by GAE."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.algorithms.base import Algorithm, Collected
from fastpg.algorithms.batch import Batch, make_batch
from fastpg.algorithms.options import StepOptions
from fastpg.algorithms.reward_scaling import RewardScaling
from fastpg.arrays import Floats
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.rollout import Rollout
from fastpg.training.checkpoints import State
from fastpg.training.plan import Plan
from fastpg.values.base import Baseline
from fastpg.values.ridge import LinearBaseline

_SAMPLES_PER_ITERATION = 2048  # if n_steps is None


class StepAlgorithm(Algorithm):
    """An algorithm that collects by steps and estimates advantages by GAE."""

    options: StepOptions
    reward_scaling: RewardScaling

    def collect(self, collector: Collector, plan: Plan) -> Collected | None:
        """Collect rollouts whose lengths differ by at most one step: no short one at the end.

        Args:
            collector: collector of the environment and the policy.
            plan: how far `learn` has come.

        Returns:
            The pair (fresh, rollout) of the next iteration, as in `Algorithm.collect`. The last
                rollout takes the samples that are left.
        """
        n_envs, remaining = collector.env.num_envs, plan.remaining
        steps = (plan.total - plan.before) // n_envs
        n_steps, extra = self._n_steps, self.options.baseline_batch
        iterations, k = -(-steps // (n_steps + extra)), plan.iterations - plan.done
        if k >= iterations or remaining < n_envs:
            return None
        length = steps * (k + 1) // iterations - steps * k // iterations
        fresh = min(length - 1, round(length * extra / (n_steps + extra)))
        early = collector.samples(fresh * n_envs) if fresh else None
        # To where the plan is after this iteration: what rows that only reset have left is made up
        # for in the next one.
        goal = plan.before + steps * (k + 1) // iterations * n_envs
        goal = plan.total if k == iterations - 1 else goal
        return early, collector.samples(goal - plan.taken - (early.sample_count if early else 0))

    def in_effect(self, option: str) -> Any:
        """The value of an option; of None, what stands for it.

        Args:
            option: its name.
        """
        return self._n_steps if option == "n_steps" else super().in_effect(option)

    @property
    def _n_steps(self) -> int:
        """The option n_steps; of None, what stands for it."""
        options = self.options
        return options.n_steps or max(1, round(_SAMPLES_PER_ITERATION / options.n_envs))

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
        fields = vars(rollout)
        if options.normalize_reward or options.clip_reward is not None:
            fields = fields | {"rewards": self._scaled_rewards(rollout)}
        estimates = _core.estimate(
            fields,
            value,
            options.baseline_time,
            options.gamma,
            options.gae_lambda,
            options.value_target == "mc",
            self.num_threads,
        )
        return make_batch(self.policy, rollout, estimates, self.num_threads)

    def _start_fresh(self) -> None:
        super()._start_fresh()
        options = self.options
        self.reward_scaling = RewardScaling(
            options.gamma, options.normalize_reward, options.clip_reward
        )

    def use_env(self, env: Any) -> None:
        """Continue to learn in this environment, where new episodes start.

        Args:
            env: as of every algorithm.

        Raises:
            TypeError, ValueError: as of every algorithm.
        """
        super().use_env(env)
        self.reward_scaling = self.reward_scaling.of_new_episodes()

    def _scaled_rewards(self, rollout: Rollout) -> Floats:
        """The rewards as the options change them, (T, N)."""
        scaling = copy(self.reward_scaling)
        rewards = scaling(rollout)
        self.reward_scaling = scaling
        return rewards

    def state(self) -> State:
        """Arrays and JSON values, with the deviation of the rewards."""
        stored, meta = super().state()
        return stored, meta | {"reward_scaling": self.reward_scaling.state()}

    def running_state(self) -> State:
        """As of every algorithm, with the discounted sums of rewards of unfinished episodes."""
        stored, running = super().running_state()
        return stored | {"reward_sums": self.reward_scaling.sums}, running

    def restore_running(self, stored: dict[str, npt.NDArray[Any]], running: dict[str, Any]) -> None:
        """As for every algorithm.

        Args:
            stored: arrays by name, "reward_sums" (number of environments,) or (0,) among them.
            running: JSON values by name.

        Raises:
            KeyError, TypeError, ValueError: an entry is missing, or has the wrong type or values.
        """
        super().restore_running(stored, running)
        sums = stored["reward_sums"]
        if sums.shape != (0,):  # none
            shape = (self.options.n_envs,)
            self.reward_scaling.sums = arrays.exactly("reward_sums", sums, np.float64, shape)

    def plan_anew(self, names: Collection[str]) -> None:
        """Plan the rest of an interrupted `learn` if iterations have another length now.

        Args:
            names: of the options that have other values than before.
        """
        if self.plan is not None and not {"n_steps", "baseline_batch"}.isdisjoint(names):
            self.plan = self.plan.planned_anew()

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore the deviation of the rewards, which files of earlier versions lack.

        Args:
            stored: not used.
            meta: JSON values by name, "reward_scaling" as in `RewardScaling.state`.

        Raises:
            KeyError, TypeError, ValueError: an entry is missing, or has wrong values.
        """
        super().restore_optimizer(stored, meta)
        if "reward_scaling" in meta:
            self.reward_scaling.restore(meta["reward_scaling"])
