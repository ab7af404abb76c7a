"""A learning run of fastpg: a perceptron as the policy, defaults for the rest."""

from __future__ import annotations

import time

from fastpg.algorithms import ALGORITHMS
from perceptrons.runs import Outcome, Run, versions
from tables.runs import final_return

VERSIONS = versions("fastpg-rl", "numpy", "gymnasium", "mujoco")


def trained(run: Run) -> Outcome:
    """Train, and evaluate in Gymnasium's own environment."""
    wall, cpu = time.perf_counter(), time.process_time()
    algo = ALGORITHMS[run.algorithm]("mlp", run.env_id, seed=run.seed)
    algo.learn(run.steps)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    greedy, stochastic = (
        float(final_return(algo, run.env_id, run.seed, greedy=greedy)) for greedy in (True, False)
    )
    return Outcome(greedy, stochastic, seconds, cpu_seconds, VERSIONS)
