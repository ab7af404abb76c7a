"""The samples that an iteration learns from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpg.arrays import AnyFloats, Bools, Float32s, Floats
from fastpg.policies.base import LinearPolicy
from fastpg.policies.batch import PolicyBatch
from fastpg.rollouts.rollout import Rollout, contrast


class Batch(NamedTuple):
    """The valid samples of a rollout, flat (n,), ready for a step.

    n_episodes is the number of episodes that ended in the rollout.

    halves, (n,), are weights: above 0 for samples of the first half of the environments, below 0
    for the others. Where x is noise and the environments are independent, the mean of halves x has
    the variance of the mean of x. None for one environment.
    """

    samples: PolicyBatch
    actions: npt.NDArray[Any]
    advantages: Floats
    observations: Float32s
    step_index: npt.NDArray[np.int64]
    values: Floats
    targets: Floats
    n_episodes: int
    halves: Floats | None

    @property
    def phi(self) -> AnyFloats:
        """Features (n, n_features)."""
        return self.samples.phi

    @property
    def mask(self) -> Bools | None:
        """Action mask, bool (n, n_actions); None if the environment gave none."""
        return self.samples.mask


def make_batch(
    policy: LinearPolicy,
    rollout: Rollout,
    advantages: Floats,
    targets: Floats,
    values: Floats,
    num_threads: int,
) -> Batch:
    """The valid samples of a rollout, with their features; see `Algorithm.batch`."""
    flat = rollout.flattening()
    observations = flat(rollout.observations)
    steps = flat(rollout.steps)
    actions = flat(rollout.actions)
    masks = rollout.action_masks
    samples = PolicyBatch(
        policy,
        policy.feature_map.native.features(observations, steps, num_threads),
        actions.reshape(len(actions), policy._head.action_size),
        None if masks is None else flat(masks),
        num_threads,
    )
    return Batch(
        samples=samples,
        actions=actions,
        advantages=flat(advantages),
        observations=observations,
        step_index=steps,
        values=flat(values),
        targets=flat(targets),
        n_episodes=len(rollout.end_rows),
        halves=contrast(rollout),
    )
