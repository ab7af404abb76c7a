"""One training of an experiment, and several one after the other: what a worker does."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.settings import TunedSettings
from fastpg.algorithms.train import build
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.training.callbacks.base import Callback
from fastpg.training.callbacks.eval_env import close, make_eval_env
from fastpg.training.callbacks.evaluation import evaluation_seed
from fastpg.training.metrics import Metrics

Outcome = dict[str, Any]  # JSON values, see docs/experiments.md

_MOST_ENVS = 20  # copies of the environment in an evaluation


@dataclass(frozen=True)
class Trial:
    """What all seeds of a setting share.

    Attributes:
        setting: index of the setting.
        algorithm, env: as in `train`.
        tuned: tuned settings, or None.
        arguments: further arguments of `train`, those of the setting among them.
        total_timesteps: environment steps of a training.
        points: steps after which the policy is evaluated, the last one the end of the training.
        n_eval_episodes: episodes of an evaluation.
        eval_env: environment of the evaluations; None makes that of the training anew.
        deterministic: evaluate the most probable actions.
    """

    setting: int
    algorithm: str
    env: Any
    tuned: TunedSettings | None
    arguments: Mapping[str, Any]
    total_timesteps: int
    points: tuple[int, ...]
    n_eval_episodes: int
    eval_env: Any
    deterministic: bool

    def of(self, setting: int, arguments: Mapping[str, Any]) -> Trial:
        """The same of a setting.

        Args:
            setting: its index.
            arguments: those that it varies.
        """
        return replace(self, setting=setting, arguments={**self.arguments, **arguments})

    def built(self, seed: int) -> Algorithm:
        """The algorithm before it learns, with copies of the arguments: a policy would learn on."""
        arguments = copy.deepcopy(dict(self.arguments))
        return build(self.algorithm, self.env, self.tuned, seed=seed, **arguments)


class _Evaluations(Callback):
    """Evaluates at each point, after the first iteration that reaches it."""

    def __init__(self, trial: Trial, algo: Algorithm) -> None:
        self.trial, self.algo = trial, algo
        self.env = make_eval_env(algo, trial.eval_env, min(trial.n_eval_episodes, _MOST_ENVS))
        self.seed = evaluation_seed(algo.seed)
        self.returns: list[float] = []
        self.steps: list[int] = []

    def on_iteration(self, record: Metrics) -> None:
        due = [point for point in self.trial.points if point <= self.algo.num_timesteps]
        if len(due) > len(self.returns) and len(due) < len(self.trial.points):
            self._evaluate(len(due))

    def finish(self) -> None:
        """Evaluate the final policy."""
        self._evaluate(len(self.trial.points))

    def _evaluate(self, count: int) -> None:
        mean, _ = evaluate_policy(
            self.algo,
            self.env,
            self.trial.n_eval_episodes,
            deterministic=self.trial.deterministic,
            seed=self.seed,
        )
        passed = count - len(self.returns)  # a long iteration may pass several points
        self.returns += [float(mean)] * passed
        self.steps += [self.algo.num_timesteps] * passed


def run_seeds(trial: Trial, seeds: list[int]) -> list[Outcome]:
    """Train with some seeds.

    Args:
        trial: what they share.
        seeds: the seeds.

    Returns:
        An outcome for each; one that failed has its error instead of numbers.
    """
    return [_outcome(trial, seed) for seed in seeds]


def _outcome(trial: Trial, seed: int) -> Outcome:
    start = time.perf_counter()
    shared = {"setting": trial.setting, "seed": seed}
    try:
        found = _trained(trial, seed)
    except Exception as error:  # of the user's environment, whatever it is; reported with its seed
        return shared | {"error": f"{type(error).__name__}: {error}"}
    return shared | found | {"seconds": time.perf_counter() - start, "error": None}


def _trained(trial: Trial, seed: int) -> Outcome:
    algo = trial.built(seed)
    evaluations = _Evaluations(trial, algo)
    try:
        algo.learn(trial.total_timesteps, evaluations if len(trial.points) > 1 else None)
        evaluations.finish()
    finally:
        close(evaluations.env, trial.eval_env)
        close(algo.env, trial.env)
    last = algo.history[-1]
    mean = last.get("rollout/ep_rew_mean", np.nan)
    return {
        "returns": evaluations.returns,
        "steps": evaluations.steps,
        "train_return": float(mean) if np.isfinite(mean) else None,
        "iterations": len(algo.history),
    }
