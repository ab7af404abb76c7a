"""The samples that an iteration learns from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

from fastpg import _core
from fastpg.arrays import Bools, Float32s, Floats, Integers
from fastpg.policies.base import Policy
from fastpg.rollouts.rollout import Rollout, contrast


class Batch(NamedTuple):
    """The valid samples of a rollout, flat (n,), ready for a step.

    `samples` evaluates a policy at them. `values` are those of the baseline before its fit,
    `targets` the numbers to which it is fitted; `explained_variance` and `value_loss` measure how
    well the values predict the targets. `n_episodes` is the number of episodes that ended in the
    rollout.

    `halves`, (n,), are weights: above 0 for samples of the first half of the environments, below 0
    for the others. If x is noise and the environments are independent, the mean of `halves` times x
    has the variance of the mean of x. None for one environment.
    """

    samples: _core.PolicyBatch
    actions: npt.NDArray[Any]
    advantages: Floats
    observations: Float32s
    step_index: Integers
    values: Floats
    targets: Floats
    mask: Bools | None
    n_episodes: int
    halves: Floats | None
    explained_variance: float
    value_loss: float

    @property
    def phi(self) -> Floats:
        """Features (n, n_features)."""
        return self.samples.phi


def make_batch(
    policy: Policy, rollout: Rollout, estimates: _core.Estimates, num_threads: int
) -> Batch:
    """The valid samples of a rollout, with their features; as in `Algorithm.batch`."""
    observations, actions = rollout.flattened(rollout.observations, rollout.actions)
    steps, mask = estimates.steps, rollout.action_masks
    if mask is not None:
        (mask,) = rollout.flattened(mask)
    return Batch(
        policy.core_batch(observations, steps, actions, mask, num_threads),
        actions,
        estimates.advantages,
        observations,
        steps,
        estimates.values,
        estimates.targets,
        mask,
        len(rollout.end_rows),
        contrast(rollout),
        estimates.explained_variance,
        estimates.value_loss,
    )
