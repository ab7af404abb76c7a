"""The path of an exact algorithm: its policies, their J, and how far each step went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.results import finite, quiet
from fastpg.tabular.exact import LocalModel
from fastpg.tabular.mdp import MDP, an_mdp

MOST_ITERATIONS = 1_000_000

# Of a policy and the progress that remains (1 at the start, towards 0) the next policy, and the
# multiplier of the step.
Step = Callable[[LocalModel, Any, float], tuple[Any, float]]


@dataclass(frozen=True, eq=False)
class Iterates:
    """n iterations of an exact algorithm."""

    policies: tuple[Any, ...]  # n + 1: policies, or tables of probabilities
    J: Floats  # (n + 1,)
    kl: Floats  # (n,) KL(old | new) of every step, of a trajectory or per step as asked; or inf
    step: Floats  # (n,) the multiplier: eta, alpha, or 1 / lambda

    @property
    def policy(self) -> Any:
        """The last one."""
        return self.policies[-1]

    def __len__(self) -> int:
        return len(self.step)


@np.errstate(**quiet)  # thetas, steps and values that are not finite are errors
def iterate(mdp: MDP, policy: Any, n_iterations: int, step: Step, kl_per: str) -> Iterates:
    """Apply a step n times and record the policies, their J, the KLs and the multipliers.

    Args:
        mdp: a finite MDP.
        policy: where to start, a policy or its table.
        n_iterations: n, in [0, 10^6].
        step: gives the next policy and its multiplier, from the old policy and the remaining
            progress.
        kl_per: whether the KL recorded is of a "trajectory" or per "step".

    Returns:
        The n + 1 policies and what was recorded.

    Raises:
        TypeError: no MDP, or arguments of the wrong type.
        ValueError: as `MDP.evaluate`, arguments out of range, or a multiplier that is not finite.
    """
    an_mdp(mdp)
    count = arrays.integer("n_iterations", n_iterations, 0, MOST_ITERATIONS)
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
