"""The iterates of an exact algorithm: policies, their J, and the KL of each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.results import finite, quiet
from fastpg.suggestions import one_of
from fastpg.tabular.local_model import PER, LocalModel
from fastpg.tabular.mdp import MDP, an_mdp

MOST_ITERATIONS = 1_000_000

# A step: from the model at the old policy, this policy, and the fraction of progress that remains
# (from 1 towards 0), to the next policy and the multiplier of the step.
Step = Callable[[LocalModel, Any, float], tuple[Any, float]]


@dataclass(frozen=True, eq=False)
class Iterates:
    """n iterations of an exact algorithm."""

    policies: tuple[Any, ...]  # n + 1: policies, or tables of probabilities
    J: Floats  # (n + 1,)
    kl: Floats  # (n,) KL(old | new) of every step, in the unit of `kl_per`; may be infinite
    step: Floats  # (n,) the multiplier: eta, alpha, or 1 / lambda

    @property
    def policy(self) -> Any:
        """The last policy."""
        return self.policies[-1]

    def __len__(self) -> int:
        return len(self.step)


@np.errstate(**quiet)  # thetas, steps and values that are not finite are errors
def iterate(mdp: MDP, policy: Any, n_iterations: int, step: Step, kl_per: str) -> Iterates:
    """Apply a step n times and record the policies, their J, the KLs and the multipliers.

    Args:
        mdp: a finite MDP.
        policy: initial policy, or its table.
        n_iterations: n, in [0, 10^6].
        step: function that returns the next policy and the multiplier of the step.
        kl_per: unit of the recorded KL: "trajectory" or "step".

    Returns:
        The n + 1 policies and the recorded numbers.

    Raises:
        TypeError: no MDP, or arguments of the wrong type.
        ValueError: as in `MDP.evaluate`; arguments out of range; a multiplier that is not finite.
    """
    an_mdp(mdp)
    count = arrays.integer("n_iterations", n_iterations, 0, MOST_ITERATIONS)
    one_of("kl_per", kl_per, PER)
    policies, values = [policy], []
    kls, steps = np.empty(count), np.empty(count)
    for k in range(count):
        local = LocalModel(mdp, policy)
        values.append(local.evaluation.J)
        policy, taken = step(local, policy, 1.0 - k / count)
        steps[k] = finite("step", taken)
        kls[k] = local.kl(policy, kl_per)
        policies.append(policy)
    values.append(mdp.evaluate(policy).J)
    return Iterates(tuple(policies), np.array(values), kls, steps)
