"""What a checkpoint holds of an algorithm, and an algorithm out of it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy.typing as npt
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays, threads
from fastpg.algorithms.options import CommonOptions
from fastpg.envs import NativeVectorEnv
from fastpg.policies.factory import keep_within, require_fit, restore_policy
from fastpg.policies.function_features import Function
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.policy_model import PolicyModel
from fastpg.spaces import describe, restore_space
from fastpg.training import checkpoints
from fastpg.training.metrics import MOST_COUNT, Metrics, RecentEpisodes, restored, storable
from fastpg.values.base import Baseline
from fastpg.values.factory import make_baseline


class StoredModel(PolicyModel):
    """The parts of an algorithm that a checkpoint holds. Without an environment it predicts alone.

    Attributes:
        options: of the algorithm.
        baseline: values of states, as fitted last.
        env: vector environment to learn in; None for what a file gave.
        env_id: id of the environment; None where it has none.
        history: one dict per iteration, under the keys of docs/records.md.
        num_timesteps: environment steps taken by `learn`.
        num_threads: threads of the kernels.
    """

    name: ClassVar[str]
    options_class: ClassVar[type[CommonOptions]]
    options: CommonOptions
    baseline: Baseline
    env: VectorEnv[Any, Any, Any] | None
    env_id: str | None
    history: list[Metrics]
    num_timesteps: int
    num_threads: int
    _recipe: EnvRecipe | None
    _collector: Collector | None
    _first_step: int  # the collector's count of steps

    @property
    def env_recipe(self) -> EnvRecipe | None:
        """How the environment of the training is made again; None if an older file did not say."""
        if isinstance(self.env, NativeVectorEnv):
            return EnvRecipe.of(self.env)
        return self._recipe

    def _start_fresh(self) -> None:
        self._learner: int | None = None  # the thread that learns
        self._progress_remaining = 1.0
        self._episodes = RecentEpisodes()

    def _make_baseline(self) -> Baseline:
        options = self.options
        return make_baseline(
            options.baseline,
            self.policy.observation_size,
            ridge=options.ridge,
            memory=options.baseline_memory,
            time=options.baseline_time,
            num_threads=self.num_threads,
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint (.npz, arrays and JSON).

        A callable schedule is saved as a constant, the larger of its first and last values. The
        file cannot hold features that are a function: give the function to `load`.

        Args:
            path: of the file; ".npz" is appended where it has another suffix. A file of that name
                is replaced only by a complete one.

        Returns:
            The path of the file written.

        Raises:
            TypeError, ValueError: path does not name a file.
            OSError: the file cannot be written.
        """
        stored, meta = self.state()
        return checkpoints.write(path, stored, meta)

    def state(self) -> checkpoints.State:
        """Arrays and JSON values from which `restore` rebuilds the algorithm."""
        policy_arrays, policy_meta = self.policy.state()
        stored = {**policy_arrays, **self.baseline.state()}
        meta = {
            "algorithm": self.name,
            "version": _core.__version__,
            "env_id": self.env_id,
            "env": None if (recipe := self.env_recipe) is None else recipe.state(),
            "observation_space": describe(self.observation_space),
            "action_space": describe(self.action_space),
            "policy": policy_meta,
            "options": {k: self._plain(v) for k, v in dataclasses.asdict(self.options).items()},
            "seed": self.seed,
            "num_timesteps": self.num_timesteps,
            "first_step": self._first_step,
            "predictions": self._predictions,
            **self._episodes.state(),
            "history": storable(self.history),
        }
        return stored, meta

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: all but the environment, as `load` without one gives it."""
        without = {"env": None, "_recipe": self.env_recipe, "_collector": None, "_learner": None}
        return vars(self) | without

    @staticmethod
    def _plain(value: Any) -> Any:
        """An option as JSON; a callable schedule as the larger of its first and last values."""
        return max(value(1.0), value(0.0)) if callable(value) else value

    @classmethod
    def stored_options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a checkpoint, with values for options that its version did not have.

        Args:
            given: values by option name, as stored.

        Returns:
            The options with which the algorithm is restored: where an older file does not name an
                option, the value that gives the behaviour of its version.
        """
        return given

    def make_optimizer(self) -> None:
        """Make the optimizer of a subclass, where it has one."""

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore what a subclass added to `state`.

        Args:
            stored: arrays by name, as of `state`.
            meta: JSON values by name, as of `state`.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry of another kind or shape, or with wrong values.
        """


_Model = TypeVar("_Model", bound=StoredModel)


def restore(
    kind: type[_Model], state: checkpoints.State, features: Function | None = None
) -> _Model:
    """The algorithm of a `state`, without an environment: it predicts but cannot learn.

    `load` turns the errors of a damaged state into a `CheckpointError`.

    Args:
        kind: the algorithm's class.
        state: (arrays, JSON values), as of `StoredModel.state`.
        features: the function that the policy's features were; None where they were none.

    Returns:
        A new algorithm.

    Raises:
        ValueError: the function is missing, or one is given though the features were none.
        KeyError, TypeError, ValueError: an entry of the state is missing, of another kind, or
            has wrong values.
    """
    stored, meta = state
    algo = kind.__new__(kind)
    algo.options = kind.options_class.build(kind.__name__, kind.stored_options(meta["options"]))
    algo.num_threads = threads.num_threads(algo.options.num_threads)
    algo.env = None
    algo.policy = restore_policy(stored, meta["policy"], features)
    algo.observation_space = restore_space(meta["observation_space"])
    algo.action_space = restore_space(meta["action_space"])
    require_fit(algo.policy, algo)
    keep_within(algo.policy, algo)
    algo.seed = arrays.seed(arrays.integer("seed", meta["seed"], 0))
    algo.baseline = algo._make_baseline()
    algo.baseline.restore(stored)
    algo.history = restored(meta["history"])
    algo.num_timesteps = _count("num_timesteps", meta["num_timesteps"])
    algo.env_id = None if meta["env_id"] is None else _id(meta["env_id"])
    recipe = meta.get("env")  # files of 0.1.0 have none
    algo._recipe = None if recipe is None else EnvRecipe.restore(recipe)
    algo._first_step = _count("first_step", meta["first_step"])
    algo._predictions = _count("predictions", meta["predictions"])
    algo._collector = None
    algo._start_fresh()
    algo._episodes.restore(meta)
    algo.make_optimizer()
    algo.restore_optimizer(stored, meta)
    return algo


def _count(name: str, value: Any) -> int:
    return arrays.integer(name, value, 0, MOST_COUNT)


def _id(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"env_id: expected a string, got {value!r}")
    if ":" in value:  # Gymnasium would import what stands before it
        raise ValueError(f"env_id: expected an id without a module, got {value!r}")
    return value
