"""One training of an experiment, and several one after the other: what a worker does."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.settings import TunedSettings
from fastpg.algorithms.train import build
from fastpg.policies.base import Policy
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.rollouts.make_env import close_made
from fastpg.training.callbacks.base import Callback
from fastpg.training.callbacks.eval_env import make_eval_env
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
        points: steps at which policies are evaluated, the last one the end of the training.
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


class _PolicyThen:
    """A policy as it is now; learning replaces its attributes and never changes their values."""

    def __init__(self, policy: Policy, steps: int) -> None:
        self.steps = steps
        parts = [policy, policy.feature_map, policy.normalizer]
        self._parts = [(part, dict(vars(part))) for part in parts if part is not None]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A context in which the policy is as it was then."""
        now = [(part, dict(vars(part))) for part, _ in self._parts]
        try:
            for part, then in self._parts:
                vars(part).update(then)
            yield
        finally:
            for part, attributes in now:
                vars(part).update(attributes)


class Training(Callback):
    """One training of a trial, which may pause at each point of evaluation.

    Pauses change no bit: the iterations are those of one `learn`. At a point within an iteration
    the policy from before this iteration is evaluated, which was the one in use then: so settings
    of long iterations have no advantage.

    Args:
        trial: what all seeds share.
        seed: the seed.

    Attributes:
        algo: the algorithm.
        returns: mean returns of the policies at the points so far.
        steps: the steps that these policies had learned from.
    """

    def __init__(self, trial: Trial, seed: int) -> None:
        self.trial, self.algo = trial, trial.built(seed)
        try:
            count = min(trial.n_eval_episodes, _MOST_ENVS)
            self._env = make_eval_env(self.algo, trial.eval_env, count)
        except BaseException:
            close_made(self.algo.env, trial.env)
            raise
        self._seed = evaluation_seed(self.algo.seed)
        self._wanted = 0
        self._before = self._now()
        self.returns: list[float] = []
        self.steps: list[int] = []

    def until(self, count: int, callback: Callback | None = None) -> None:
        """Train until the policy is evaluated at a point; at the last one the training ends.

        Args:
            count: number of the point, from 1.
            callback: called after each iteration, as in `learn`.
        """
        points = len(self.trial.points)
        self._wanted = count
        if len(self.returns) >= count:  # a long iteration has passed several points
            return
        total = self.trial.total_timesteps if self.algo.plan is None else None
        watching = [each for each in (self if points > 1 else None, callback) if each is not None]
        self.algo.learn(total, watching or None)
        if len(self.returns) < count:  # it has ended by itself
            if len(self.returns) < points - 1:  # and its last samples changed nothing
                self._evaluate(points - 1, self._before.steps)
            self._evaluate(points, self.algo.num_timesteps)

    def on_iteration(self, record: Metrics) -> bool:
        """Evaluate at the points that the iteration has passed, except for the last one.

        Args:
            record: not used.

        Returns:
            False at the point that is wanted, where the training pauses.
        """
        points, steps = self.trial.points[:-1], self.algo.num_timesteps
        passed = sum(point < steps for point in points)
        if len(self.returns) < passed:
            with self._before.in_use():
                self._evaluate(passed, self._before.steps)
        reached = sum(point <= steps for point in points)
        if len(self.returns) < reached:
            self._evaluate(reached, steps)
        self._before = self._now()
        return self._wanted > len(points) or len(self.returns) < self._wanted

    def _now(self) -> _PolicyThen:
        return _PolicyThen(self.algo.policy, self.algo.num_timesteps)

    def _evaluate(self, count: int, steps: int) -> None:
        mean, _ = evaluate_policy(
            self.algo,
            self._env,
            self.trial.n_eval_episodes,
            deterministic=self.trial.deterministic,
            seed=self._seed,
        )
        passed = count - len(self.returns)
        self.returns += [mean] * passed
        self.steps += [steps] * passed

    def close(self) -> None:
        """Close the environments, unless the user gave them."""
        close_made(self._env, self.trial.eval_env)
        close_made(self.algo.env, self.trial.env)


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
    training = Training(trial, seed)
    try:
        training.until(len(trial.points))
    finally:
        training.close()
    history = training.algo.history  # empty if the steps were too few for an iteration
    mean = history[-1].get("rollout/ep_rew_mean", np.nan) if history else np.nan
    return {
        "returns": training.returns,
        "steps": training.steps,
        "train_return": float(mean) if np.isfinite(mean) else None,
        "iterations": len(history),
    }
