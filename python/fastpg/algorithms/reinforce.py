"""REINFORCE with a learned baseline (Williams 1992; lecture L1)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastpg import arrays
from fastpg.algorithms.base import Collected
from fastpg.algorithms.batch import Batch
from fastpg.algorithms.first_order import FirstOrderAlgorithm
from fastpg.algorithms.option_fields import inherited, option
from fastpg.algorithms.options import FITTED, CommonOptions, CriticOptions
from fastpg.algorithms.schedules import Schedule
from fastpg.functional.advantages import discounted_returns
from fastpg.functional.solvers import OPTIMIZERS
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.rollout import Rollout
from fastpg.training.metrics import Metrics
from fastpg.training.plan import Plan


@dataclass(frozen=True, kw_only=True)
class REINFORCEOptions(CriticOptions, CommonOptions):
    """Options of REINFORCE."""

    n_episodes: int = option(16, "whole episodes per iteration", low=1, search="4,8,16,32,64")
    gamma: float = inherited(CommonOptions, "gamma", 1.0, mlp=0.97)
    discount_weighting: bool = option(
        False, "weight step h by gamma^h, which is exact for the discounted return"
    )
    learning_rate: Schedule = option(
        0.3,
        "step size of the optimizer",
        above=0.0,
        mlp=0.005,
        search="3e-3:1:log",
        mlp_search="3e-4:0.03:log",
    )
    optimizer: str = option(
        "adam",
        "adam, rmsprop, or plain gradient ascent (sgd)",
        choices=OPTIMIZERS,
        fixed=True,
    )
    ridge: float = inherited(CommonOptions, "ridge", 0.01)
    baseline_time: bool = inherited(CommonOptions, "baseline_time", True)
    baseline_batch: int = option(
        0,
        "extra whole episodes, to fit the baseline before each gradient; 0: it is fitted to "
        "earlier iterations",
        low=0,
        only_with=FITTED,
    )


class REINFORCE(FirstOrderAlgorithm):
    """g' = sum_h grad ln pi(a_h|s_h) (R_h - b(s_h, h)), averaged over whole episodes (lecture L1).

    The baseline b is fitted on the episodes of earlier iterations, or on `baseline_batch` fresh
    ones, so g' is unbiased for gamma = 1: a time limit ends an episode like any other end, and
    nothing is bootstrapped. With gamma < 1 the weights gamma^h are left out unless
    `discount_weighting` keeps them, and g' is biased for the discounted return without them. With a
    perceptron gamma is 0.97 by default, since the noise of long returns slows it down most.
    """

    name = "reinforce"
    options_class: ClassVar = REINFORCEOptions
    options: REINFORCEOptions

    def collect(self, collector: Collector, plan: Plan) -> Collected | None:
        """Collect whole episodes, `n_episodes` for each iteration.

        Environments that have played their share wait. Those of a vector environment that steps all
        at once, such as an `AsyncVectorEnv` or one in a wrapper, step on, and are not counted.

        Args:
            collector: collector of the environment and the policy.
            plan: how far `learn` has come.

        Returns:
            The pair (fresh, rollout) of the next iteration, as in `Algorithm.collect`; fresh has
                `baseline_batch` episodes. If too few samples remain to finish the last episodes,
                `complete` is False, and nothing is learned from this pair.
        """
        remaining, n_envs = plan.remaining, collector.env.num_envs
        if remaining < n_envs:
            return None
        extra = self.options.baseline_batch
        fresh = collector.episodes(extra, max_samples=remaining) if extra else None
        remaining -= fresh.sample_count if fresh else 0
        if fresh and (not fresh.complete or remaining < n_envs):
            return None, dataclasses.replace(fresh, complete=False)
        return fresh, collector.episodes(self.options.n_episodes, max_samples=remaining)

    def estimate(self, rollout: Rollout) -> Batch:
        """Advantages R_h - b(s_h, h), and the returns R_h as targets of the baseline.

        Args:
            rollout: T rows by N columns, whole episodes.

        Returns:
            The batch of its n valid samples.
        """
        options = self.options
        values, _, _ = rollout.state_values(self.baseline)
        returns = discounted_returns(rollout.rewards, rollout.segment_ends, options.gamma)
        advantages = returns - values
        if options.discount_weighting:
            advantages = advantages * options.gamma ** rollout.step_index.astype(np.float64)
        return self.batch(rollout, advantages, returns, values)

    @property
    def _optimizer_name(self) -> str:
        return self.options.optimizer

    def update(self, batch: Batch) -> Metrics:
        """Take one step along g'.

        Args:
            batch: samples, advantages and targets of whole episodes.

        Returns:
            Entries for the log, with keys "train/..."; "train/status" is "accepted",
                "zero_gradient" or "not_finite".
        """
        samples = batch.samples
        # Sums over h, means over episodes: means over steps times the mean length.
        mean_length = len(batch.actions) / batch.n_episodes
        theta = self.policy.theta
        dist = samples.distribution(theta)
        ent_coef = self.at_progress(self.options.ent_coef, "ent_coef")
        try:
            flat = samples.score_gradient(theta, dist, batch.advantages, ent_coef)
            gradient = mean_length * flat.reshape(theta.shape)
        except OverflowError:
            gradient = np.full(self.policy.shape, np.inf)  # then the status is not_finite

        learning_rate = self.at_progress(self.options.learning_rate, "learning_rate")
        status, step = self._step(batch, dist, gradient, learning_rate)
        log_pi = self.policy.log_prob(dist, batch.actions)
        return {
            "train/status": status,
            "train/policy_gradient_loss": -float(np.mean(batch.advantages * log_pi)),
            "train/grad_norm": arrays.norm(gradient),
            "train/kl": step.kl,
            "train/entropy_loss": -step.entropy,
            "train/learning_rate": learning_rate,
            "train/n_updates": self.optimizer.count,
        }
