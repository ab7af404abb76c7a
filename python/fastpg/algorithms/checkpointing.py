"""Store an algorithm in a file, and restore it from one."""

from __future__ import annotations

import copy
import dataclasses
import os
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar, Self, TypeVar

import numpy.typing as npt
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays, threads
from fastpg.algorithms.attributes import NamedAttributes
from fastpg.algorithms.options import CommonOptions, CriticOptions
from fastpg.algorithms.value_arguments import value_arguments
from fastpg.envs import NativeVectorEnv
from fastpg.policies.factory import keep_within, require_fit, restore_policy
from fastpg.policies.function_features import Function
from fastpg.policies.mlp import Perceptron
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.policy_model import PolicyModel
from fastpg.spaces.storage import describe, restore_space
from fastpg.suggestions import names_checked
from fastpg.training import checkpoints
from fastpg.training.logged_values import LoggedValues
from fastpg.training.metrics import MOST_COUNT, Metrics, RecentEpisodes, restored, storable
from fastpg.training.plan import Plan
from fastpg.values.base import Baseline
from fastpg.values.factory import make_baseline


@dataclasses.dataclass(frozen=True, eq=False)
class Learner:
    """A call of `learn` that trains; no two are equal."""

    thread: int  # its identity


class StoredModel(NamedAttributes, PolicyModel):
    """The part of an algorithm that a file stores. Without an environment it only predicts.

    Attributes:
        options: options of the algorithm.
        baseline: value function, after its last fit.
        env: vector environment to learn in; None after loading without one.
        env_id: id of the environment; None if it has none.
        history: one dict per iteration, with the keys of docs/records.md.
        num_timesteps: environment steps taken by `learn`.
        num_episodes: episodes that ended in `learn`, since the algorithm was made or loaded.
        num_threads: threads of the kernels.
        value_kwargs: arguments of the mlp baseline that are not options.
        plan: how far the last `learn` in this environment has come; None before the first.
    """

    name: ClassVar[str]
    options_class: ClassVar[type[CommonOptions]]
    options: CommonOptions
    baseline: Baseline
    env: VectorEnv[Any, Any, Any] | None
    env_id: str | None
    history: list[Metrics]
    num_timesteps: int
    num_episodes: int
    num_threads: int
    value_kwargs: dict[str, Any]
    plan: Plan | None
    _recipe: EnvRecipe | None
    _learner: Learner | None = None  # an attribute of its own only while it trains
    _collector: Collector | None
    _first_step: int  # step count at which the next collector starts

    @property
    def env_recipe(self) -> EnvRecipe | None:
        """How to make the training environment again; None for files of 0.1.0, which lack it."""
        if isinstance(self.env, NativeVectorEnv):
            return EnvRecipe.of(self.env)
        return self._recipe

    def _start_fresh(self) -> None:
        self._in_iteration = False
        self._logged = LoggedValues()
        self.plan = None
        self._progress_remaining = 1.0
        self._episodes = RecentEpisodes()
        self.num_episodes = 0

    def _make_baseline(self, stored: dict[str, npt.NDArray[Any]] | None = None) -> Baseline:
        options = self.options
        mlp = self._mlp_arguments()
        if stored is not None and options.baseline == "mlp":
            mlp["theta"] = stored["baseline_theta"]
        return make_baseline(
            options.baseline,
            self.policy.observation_size,
            ridge=options.ridge,
            memory=options.baseline_memory,
            time=options.baseline_time,
            num_threads=self.num_threads,
            mlp=mlp,
        )

    def _mlp_arguments(self) -> dict[str, Any]:
        """Arguments of the mlp baseline: those of a perceptron's policy, options, value_kwargs."""
        policy = self.policy
        arguments: dict[str, Any] = {"normalize_observations": policy.normalizer is not None}
        if isinstance(policy, Perceptron):
            arguments |= {"net_arch": policy.value_arch, "activation_fn": policy.activation_fn}
        return arguments | {"seed": self.seed} | self._critic_arguments() | self.value_kwargs

    def _critic_arguments(self) -> dict[str, Any]:
        """Those that are options."""
        options = self.options
        if not isinstance(options, CriticOptions):
            return {}
        return {"n_critic_updates": options.n_critic_updates, "batch_size": options.batch_size}

    @names_checked
    def save(self, path: str | os.PathLike[str], *, history: bool = True) -> Path:
        """Save the algorithm in a file (.npz, arrays and JSON), for `load`.

        `save_checkpoint` also stores how far `learn` has come. A callable schedule is saved as a
        constant: the larger of its values at the start and at the end. The file cannot hold a
        feature function: pass it to `load` again.

        Args:
            path: path of the file; ".npz" is appended if it has another suffix. Its folder is made
                if needed, and "~" is the user's home. An existing file is replaced only once the
                new one is complete.
            history: whether the file has the records too, about 250 bytes for each iteration.
                Without them a loaded algorithm has an empty `history`, and counts its iterations
                anew.

        Returns:
            The path of the file written.

        Raises:
            TypeError, ValueError: `path` does not name a file, or `history` is no flag.
            OSError: the file cannot be written.
            RuntimeError: called while `learn` trains in another thread.
        """
        stored, meta = self.state()
        if not arrays.boolean("history", history):
            meta["history"] = []
        return checkpoints.write(path, stored, meta)

    def state(self) -> checkpoints.State:
        """The algorithm as arrays and JSON values, for `restore`.

        Returns:
            (arrays by name, JSON values by name).

        Raises:
            RuntimeError: called while `learn` trains in another thread.
        """
        self._require_own_thread()
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
            "value_kwargs": self.value_kwargs,
            "seed": self.seed,
            "num_timesteps": self.num_timesteps,
            "first_step": self._first_step,
            "predictions": self._predictions,
            **self._episodes.state(),
            "history": storable(self.history),
        }
        return stored, meta

    def __getstate__(self) -> dict[str, Any]:
        """State for `pickle` and `copy`: everything except the environment, as after `load`."""
        self._require_own_thread()
        without = {
            "_made_env": None,
            "_recipe": self.env_recipe,
            "_collector": None,
        }
        begun = {"plan": None, "_in_iteration": False, "_logged": LoggedValues()}
        state = vars(self) | without | begun
        state.pop("_learner", None)  # a copy does not learn
        return state

    def _require_own_thread(self) -> None:
        """Raise RuntimeError if another thread learns, which changes one part after the other."""
        if self._learner is not None and self._learner.thread != threading.get_ident():
            raise RuntimeError(
                "the algorithm learns in another thread: expected a call between two iterations, "
                "from a callback of learn or after it"
            )

    def __copy__(self) -> Self:
        """A copy that shares nothing: one that learns on would change the other's policy."""
        return copy.deepcopy(self)

    @staticmethod
    def _plain(value: Any) -> Any:
        """An option as a JSON value; a callable schedule becomes its larger end value."""
        return max(value(1.0), value(0.0)) if callable(value) else value

    @classmethod
    def stored_options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a checkpoint, completed if an older version lacked an option.

        Args:
            given: values by option name, as stored.

        Returns:
            Values by option name. An option that the file lacks gets the value that reproduces the
                behaviour of the file's version.
        """
        return given

    def take_changes(self, names: Collection[str]) -> None:
        """Adopt options that were changed, where other attributes begin with their values.

        Args:
            names: of the options that have other values than those of the file.
        """

    def make_optimizer(self) -> None:
        """Make the optimizer; subclasses that have one override this."""

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore the entries that a subclass added to `state`.

        Args:
            stored: arrays by name, from `state`.
            meta: JSON values by name, from `state`.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry has the wrong type, shape or values.
        """


_Model = TypeVar("_Model", bound=StoredModel)


def restore(
    kind: type[_Model],
    state: checkpoints.State,
    features: Function | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> _Model:
    """Rebuild an algorithm from its `state`, without an environment: it predicts but cannot learn.

    `load` turns the errors of a damaged state into a `CheckpointError`.

    Args:
        kind: class of the algorithm.
        state: (arrays, JSON values), from `StoredModel.state`.
        features: the feature function, if the policy has one; otherwise None.
        changes: options with other values than those of the file, by name.

    Returns:
        A new algorithm.

    Raises:
        ValueError: the feature function is missing, or one is given that the policy does not use.
        KeyError, TypeError, ValueError: an entry of the state is missing, or has the wrong type or
            values.
    """
    stored, meta = state
    algo = kind.__new__(kind)
    options = {**kind.stored_options(meta["options"]), **changes}
    algo.options = kind.options_class.build(kind.__name__, options)
    algo.num_threads = threads.num_threads(algo.options.num_threads)
    algo.env = None
    algo.policy = restore_policy(stored, meta["policy"], features)
    algo.observation_space = restore_space(meta["observation_space"])
    algo.action_space = restore_space(meta["action_space"])
    # Not the algorithm itself: its error for a name that it lacks takes a millisecond to write.
    own = SimpleNamespace(observation_space=algo.observation_space, action_space=algo.action_space)
    require_fit(algo.policy, own)
    keep_within(algo.policy, own)
    algo.seed = arrays.seed(arrays.integer("seed", meta["seed"], 0))
    algo.value_kwargs = value_arguments(meta.get("value_kwargs"), algo.options.baseline)
    algo.baseline = algo._make_baseline(stored)
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
    algo.take_changes(changes)
    return algo


def require_changes(
    kind: type[_Model],
    path: str | os.PathLike[str],
    meta: dict[str, Any],
    function: str,
    changes: Mapping[str, Any],
) -> None:
    """Check options that shall have other values than those of a file.

    Args:
        kind: class of the algorithm.
        path: path of the file.
        meta: its JSON values by name.
        function: the function that was called, for errors.
        changes: values by option name.

    Raises:
        CheckpointError: the options of the file are wrong.
        TypeError, ValueError: as in `Options.changed`.
    """
    with checkpoints.restoring(path):
        options = kind.options_class.build(kind.__name__, kind.stored_options(meta["options"]))
    options.changed(function, changes)


def _count(name: str, value: Any) -> int:
    return arrays.integer(name, value, 0, MOST_COUNT)


def _id(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"env_id: expected a string, got {value!r}")
    if ":" in value:  # Gymnasium would import the module named before the colon
        raise ValueError(f"env_id: expected an id without a module, got {value!r}")
    return value
