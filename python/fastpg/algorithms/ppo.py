"""Proximal policy optimisation, clipped (Schulman et al. 2017; lecture L10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastpg.options import StepOptions, option
from fastpg.rollout import Rollout
from fastpg.solvers import clipped_surrogate
from fastpg.training import AdamAlgorithm, Record, StepAlgorithm


@dataclass(frozen=True, kw_only=True)
class PPOOptions(StepOptions):
    """Options of PPO."""

    gae_lambda: float = option(0.98, "lambda of the advantage estimate", low=0.0, high=1.0)
    baseline_memory: float = option(
        0.7, "weight a fit of the baseline leaves to the data of earlier ones", low=0.0, high=1.0
    )
    learning_rate: float = option(0.02, "step size of Adam", above=0.0)
    n_epochs: int = option(10, "passes over the samples of an iteration", low=1)
    batch_size: int = option(512, "samples per minibatch; sizes differ by at most one", low=1)
    clip_range: float = option(0.2, "epsilon of the clipped ratio", above=0.0)
    max_grad_norm: float | None = option(None, "upper bound of the gradient's norm", above=0.0)
    target_kl: float | None = option(
        None, "stop after the epoch whose exact KL(old | new) passed it", above=0.0
    )


class PPO(AdamAlgorithm, StepAlgorithm):
    """Epochs of minibatch Adam on mean_i min(w_i A_i, clip(w_i, 1 - eps, 1 + eps) A_i).

    Every sample is used once an epoch. Advantages are standardised per minibatch. If a gradient is
    not finite, theta and Adam stay as they were and `train/status` is "not_finite".
    """

    name = "ppo"
    options_class: ClassVar = PPOOptions
    options: PPOOptions

    def update(self, rollout: Rollout) -> Record:
        """Advantages, epochs, fit, log."""
        options, policy = self.options, self.policy
        batch = self.estimate(rollout)
        result = clipped_surrogate(
            policy,
            batch.phi,
            batch.actions,
            batch.advantages,
            self.adam,
            seed=self.seed,
            epoch_count=self.adam.count,
            clip_range=options.clip_range,
            learning_rate=options.learning_rate,
            ent_coef=options.ent_coef,
            max_grad_norm=options.max_grad_norm,
            target_kl=options.target_kl,
            n_epochs=options.n_epochs,
            batch_size=options.batch_size,
            normalize_advantage=options.normalize_advantage,
        )
        policy.theta = result["theta"]
        return {
            "train/status": "accepted" if result["finite"] else "not_finite",
            "train/policy_gradient_loss": result["policy_loss"],
            "train/kl": result["kl"],
            "train/approx_kl": result["approx_kl"],
            "train/clip_fraction": result["clip_fraction"],
            "train/clip_range": options.clip_range,
            "train/entropy_loss": -result["entropy"],
            "train/grad_norm": result["grad_norm"],
            "train/learning_rate": options.learning_rate,
            "train/n_updates": self.adam.count,
            **self.fit_baseline(batch),
        }
