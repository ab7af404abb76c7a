"""Evaluation during training, in environments and with seeds of its own."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.files import path_of
from fastpg.rollouts.collector import MOST_STEPS
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.rollouts.make_env import close_made
from fastpg.suggestions import names_checked
from fastpg.training.callbacks.base import (
    Callback,
    CallbackLike,
    CallbackList,
    FunctionCallback,
    as_callback,
    says_stop,
)
from fastpg.training.callbacks.eval_env import make_eval_env
from fastpg.training.metrics import MOST_COUNT, Metrics

_MOST_ENVS = 20  # copies made for an evaluation
_STREAM = 0xE7A1  # keeps the seeds of evaluations apart from those of the training


class EvalCallback(Callback):
    """Evaluates the policy every `eval_freq` environment steps, and keeps the best one.

    Evaluations do not change the training: they have their own environments and seeds. All of them
    play the same episodes, so that differences come from the policy. A best mean return is the
    largest of several estimates, and therefore too high: evaluate the best model again.

    Args:
        eval_env: an id, a Gymnasium environment, a callable that makes one, or a vector
            environment; not that of the training. None makes the training environment anew: by the
            callables that made it, else as registered, with its options and wrappers, but without
            keywords that tuned settings have for the training alone. Attributes that were changed
            on an environment itself are not taken over.
        callback_on_new_best: called with the record of each new best evaluation.
        callback_after_eval: called with the record of each evaluation.
        n_eval_episodes: episodes of an evaluation.
        eval_freq: environment steps from one evaluation to the next; an evaluation takes place
            after the first iteration that reaches a multiple, counted from the start of `learn`.
        deterministic: take the most probable action instead of a sampled one.
        seed: seed of the evaluations; None derives one from the algorithm's.
        best_model_save_path: folder for "best_model.npz", made if needed; None: none is written.
        max_episode_steps: as in `evaluate_policy`.

    Attributes:
        best_mean_reward: best mean return so far; minus infinity before the first evaluation.
        evaluations: the records of all evaluations.

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range.
    """

    evaluates = True

    @names_checked
    def __init__(
        self,
        eval_env: Any = None,
        callback_on_new_best: CallbackLike = None,
        callback_after_eval: CallbackLike = None,
        n_eval_episodes: int = 10,
        eval_freq: int = 10_000,
        *,
        deterministic: bool = True,
        seed: int | None = None,
        best_model_save_path: str | os.PathLike[str] | None = None,
        max_episode_steps: int | None = None,
    ) -> None:
        self.eval_freq = arrays.integer("eval_freq", eval_freq, 1, MOST_COUNT)
        self.n_eval_episodes = arrays.integer("n_eval_episodes", n_eval_episodes, 1, MOST_STEPS)
        self.deterministic = arrays.boolean("deterministic", deterministic)
        self.seed = None if seed is None else arrays.seed(seed)
        self.max_episode_steps = max_episode_steps
        folder = best_model_save_path
        self._best_file = None if folder is None else path_of(folder) / "best_model.npz"
        self._on_new_best = _child("callback_on_new_best", callback_on_new_best)
        self._after_eval = _child("callback_after_eval", callback_after_eval)
        self._children = CallbackList([self._on_new_best, self._after_eval])
        self._eval_env = eval_env
        self.best_mean_reward = -math.inf
        self.evaluations: list[Metrics] = []
        self._best: Any = None
        self._made: Any = None
        self._next = 0

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Make the environments of the evaluations.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.

        Raises:
            ValueError: `eval_env` is that of the training, has other spaces, or is None and the
                training environment cannot be made again.
            OSError: the folder of the best model cannot be made.
        """
        super().on_training_start(algo, total_timesteps)
        taken = 0 if algo.plan is None else algo.plan.taken  # before an interruption of this learn
        self._next = algo.num_timesteps + self.eval_freq - taken % self.eval_freq
        self._start_seed = evaluation_seed(algo.seed) if self.seed is None else self.seed
        count = min(self.n_eval_episodes, _MOST_ENVS)
        self._made = make_eval_env(algo, self._eval_env, count)
        if self._best_file is not None:
            self._best_file.parent.mkdir(parents=True, exist_ok=True)
        self._children.announce = self.announce
        self._children.on_training_start(algo, total_timesteps)

    def on_iteration(self, record: Metrics) -> bool | None:
        """Evaluate if it is time.

        Args:
            record: the record of the iteration.

        Returns:
            False if a callback of the evaluation asks to stop.
        """
        if self.algo.num_timesteps < self._next:
            return None
        done = self.algo.num_timesteps - self._next
        self._next += self.eval_freq * (done // self.eval_freq + 1)
        return not self.evaluate()

    def evaluate(self) -> bool:
        """Evaluate now, and send the record to all callbacks and logs of the training.

        Returns:
            Whether one of them asks to stop.
        """
        returns, lengths = evaluate_policy(
            self.algo,
            self._made,
            self.n_eval_episodes,
            deterministic=self.deterministic,
            return_episode_rewards=True,
            seed=self._start_seed,
            max_episode_steps=self.max_episode_steps,
        )
        record: Metrics = {
            "eval/mean_reward": float(np.mean(returns)),
            "eval/std_reward": float(np.std(returns)),
            "eval/mean_ep_length": float(np.mean(lengths)),
            "time/total_timesteps": self.algo.num_timesteps,
        }
        self.evaluations.append(record)
        stops = [self._keep_best(record), self.announce(record)]
        stops.append(says_stop(self._after_eval.on_evaluation(dict(record))))
        return any(stops)

    def _keep_best(self, record: Metrics) -> bool:
        mean = float(record["eval/mean_reward"])
        if not mean > self.best_mean_reward:
            return False
        self.best_mean_reward = mean
        self._best = _copied(self.algo)
        if self._best_file is not None:
            self.algo.save(self._best_file)
        return says_stop(self._on_new_best.on_evaluation(dict(record)))

    def best_model(self) -> Any:
        """The algorithm as it was at the best evaluation, without an environment.

        Returns:
            A new algorithm, as after `load`; `use_env` lets it learn on.

        Raises:
            RuntimeError: there was no evaluation yet.
        """
        if self._best is None:
            raise RuntimeError("best_model: expected an evaluation first, there was none")
        return _copied(self._best)

    def on_training_end(self) -> None:
        """End the callbacks of the evaluation, and close environments that were made here."""
        made, self._made = self._made, None
        try:
            self._children.on_training_end()
        finally:
            close_made(made, self._eval_env)


class _OfEvaluations(Callback):
    """A function that gets the records of evaluations instead of those of iterations."""

    def __init__(self, function: Callable[[Metrics], Any]) -> None:
        self.on_evaluation = function  # type: ignore[assignment,method-assign]


def _child(name: str, given: CallbackLike) -> Callback:
    """A callback of evaluations; a function in a list is one too."""
    if given is None:
        return Callback()
    if isinstance(given, list | tuple):
        return CallbackList([_child(name, one) for one in given])
    made = as_callback(given, name)
    return _OfEvaluations(given) if isinstance(made, FunctionCallback) else made


def evaluation_seed(seed: int) -> int:
    """A seed for evaluations, far from those of the training environments."""
    return int(np.random.SeedSequence([seed, _STREAM]).generate_state(1)[0])


def _copied(algo: Any) -> Any:
    """A copy without environment that shares the records of the history."""
    return copy.deepcopy(algo, {id(algo.history): list(algo.history)})
