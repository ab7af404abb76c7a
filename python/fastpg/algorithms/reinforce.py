"""REINFORCE with a learned baseline (Williams 1992; lecture L1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastpg.estimators import discounted_returns
from fastpg.options import CommonOptions, option
from fastpg.rollout import Collector, Rollout
from fastpg.training import AdamAlgorithm, Record


@dataclass(frozen=True, kw_only=True)
class REINFORCEOptions(CommonOptions):
    """Options of REINFORCE."""

    n_episodes: int = option(16, "whole episodes per iteration", low=1)
    gamma: float = option(1.0, "discount; 1 is the lecture's return to go", low=0.0, high=1.0)
    learning_rate: float = option(0.3, "step size of Adam", above=0.0)
    ridge: float = option(0.01, "penalty of the value baseline's regression", above=0.0)
    baseline_time: bool = option(True, "whether the baseline sees the step in the episode")


class REINFORCE(AdamAlgorithm):
    """g' = sum_h grad ln pi(a_h|s_h) (R_h - b(s_h, h)), averaged over whole episodes (lecture L1).

    The baseline b is fitted on the episodes of earlier iterations, so g' is unbiased for gamma = 1:
    a time limit ends an episode like any other end, and nothing is bootstrapped. With gamma < 1 the
    weights gamma^h are left out, as is usual, and g' is biased for the discounted return.
    """

    name = "reinforce"
    options_class: ClassVar = REINFORCEOptions
    options: REINFORCEOptions

    def collect(self, collector: Collector, remaining: int) -> Iterator[Rollout]:
        """Whole episodes; the last, cut by the budget, is not learned from."""
        while remaining > 0:
            rollout = collector.episodes(self.options.n_episodes, max_samples=remaining)
            remaining -= rollout.sample_count
            yield rollout

    def update(self, rollout: Rollout) -> Record:
        """One step of Adam along g'."""
        options, policy = self.options, self.policy
        values, _ = rollout.values(self.baseline)
        returns = discounted_returns(rollout.rewards, rollout.cut, options.gamma)
        batch = self.batch(rollout, returns - values, returns, values)

        # Sums over h, means over episodes: per-step means times the mean length.
        mean_length = rollout.sample_count / len(rollout.end_rows)
        log_pi = policy.log_probs(batch.phi)
        gradient = policy.score_gradient(batch.phi, log_pi, batch.actions, batch.advantages)
        if options.ent_coef:
            gradient = gradient + options.ent_coef * policy.entropy_gradient(batch.phi, log_pi)
        gradient = mean_length * gradient

        old_theta = policy.theta
        policy.theta = self.adam.ascend(old_theta, gradient, options.learning_rate)
        new_log_pi = policy.log_probs(batch.phi)
        return {
            "train/policy_gradient_loss": -float(
                np.mean(batch.advantages * _taken(log_pi, batch.actions))
            ),
            "train/grad_norm": float(np.linalg.norm(gradient)),
            "train/kl": float(policy.kl(log_pi, new_log_pi).mean()),
            "train/entropy_loss": -float(policy.entropy(log_pi).mean()),
            "train/learning_rate": options.learning_rate,
            "train/n_updates": self.adam.count,
            **self.fit_baseline(batch),
        }


def _taken(log_pi: Any, actions: Any) -> Any:
    return log_pi[np.arange(len(actions)), actions]
