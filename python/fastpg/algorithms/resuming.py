"""Checkpoints of a running `learn`, and resuming it bit for bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy.typing as npt
from gymnasium.vector import VectorEnv

from fastpg import threads
from fastpg.algorithms import running_state
from fastpg.algorithms.checkpointing import StoredModel, require_changes, restore
from fastpg.algorithms.option_fields import require_options
from fastpg.algorithms.running_state import RunningState
from fastpg.callers import warn
from fastpg.envs import NativeVectorEnv
from fastpg.envs.native_recipe import NativeRecipe
from fastpg.policies.function_features import Function, require_function, require_outputs
from fastpg.rollouts.collect import is_plain, make_collector
from fastpg.rollouts.make_env import env_name
from fastpg.rollouts.place import go_to, place_of
from fastpg.spaces.agreement import require_same
from fastpg.suggestions import names_checked
from fastpg.training import checkpoints


class Resumable(StoredModel):
    """The part of an algorithm that stores a running `learn` and resumes it."""

    @names_checked
    def save_checkpoint(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint from which `resume` continues bit for bit.

        Beyond a file of `save` it has the states and random streams of native environments and how
        far `learn` has come; `load` reads it too. Call it from a callback, or after `learn`. A file
        cannot hold a feature function or a schedule that is a function: pass them to `resume`.

        Args:
            path: path of the file; ".npz" is appended if it has another suffix. An existing
                NAME.npz becomes NAME.previous.npz, so that at every moment there is a complete
                checkpoint.

        Returns:
            The path of the file written.

        Raises:
            RuntimeError: within an iteration of `learn`, from a signal handler or the environment;
                or while it trains in another thread.
            TypeError, ValueError: `path` does not name a file.
            OSError: the file cannot be written; the existing ones remain.
        """
        if self._in_iteration:
            raise RuntimeError(
                "save_checkpoint: expected a call between two iterations, from a callback of learn "
                "or after it, got one within an iteration"
            )
        stored, meta = self.state()
        more, running = self.running_state()
        meta["running"] = {"format": running_state.FORMAT, **running}
        return checkpoints.write(path, stored | more, meta, running=True)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        env: Any = None,
        *,
        features: Function | None = None,
        **options: Any,
    ) -> Self:
        """Load a file of this class; see `fastpg.load`, which takes any algorithm.

        Args:
            path: path of a file that `save` or `save_checkpoint` wrote.
            env: as in `fastpg.load`.
            features: as in `fastpg.load`.
            **options: as in `fastpg.load`.

        Returns:
            The algorithm.

        Raises:
            CheckpointError: a file of another algorithm, or as in `fastpg.load`.
            FileNotFoundError, TypeError, ValueError: as in `fastpg.load`.
        """
        return loaded(path, cls._own, env, features, options)

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        env: Any = None,
        *,
        features: Function | None = None,
        num_threads: int | None = None,
        **options: Any,
    ) -> Self:
        """Resume from a checkpoint of this class; see `fastpg.resume`, which takes any algorithm.

        Args:
            path: path of a checkpoint that `save_checkpoint` wrote.
            env: as in `fastpg.resume`.
            features: as in `fastpg.resume`.
            num_threads: as in `fastpg.resume`.
            **options: as in `fastpg.resume`.

        Returns:
            The algorithm.

        Raises:
            CheckpointError: a checkpoint of another algorithm, or as in `fastpg.resume`.
            FileNotFoundError, TypeError, ValueError: as in `fastpg.resume`.
        """
        return resumed(path, cls._own, env, features, num_threads, options)

    @classmethod
    def _own(cls, name: str) -> type[Self]:
        """The class itself; ValueError for the name of another algorithm."""
        if name != cls.name:
            raise ValueError(f"algorithm: expected {cls.name!r}, got {name!r}")
        return cls

    def running_state(self) -> checkpoints.State:
        """What a checkpoint holds beyond `state`.

        Returns:
            (arrays by name, JSON values by name), for `restore_running`.
        """
        env, collector = self.env, self._collector
        place = None if collector is None else place_of(collector)
        native = isinstance(env, NativeVectorEnv) and is_plain(env)
        return place or {}, {
            "plan": None if self.plan is None else self.plan.state(),
            "step_count": self._first_step if collector is None else collector.step_count,
            "in_episodes": place is not None,
            "native": NativeRecipe.of(env).state() if native else None,  # type: ignore[arg-type]
            "functions": [name for name, value in vars(self.options).items() if callable(value)],
        }

    def restore_running(self, stored: dict[str, npt.NDArray[Any]], running: dict[str, Any]) -> None:
        """Restore what a subclass added to `running_state`.

        Args:
            stored: arrays by name, from `running_state`.
            running: JSON values by name, from `running_state`.

        Raises:
            KeyError, TypeError, ValueError: an entry is missing, or has the wrong type or values.
        """

    def plan_anew(self, names: Collection[str]) -> None:
        """Plan the rest of an interrupted `learn` anew, if the lengths of iterations have changed.

        Args:
            names: of the options that have other values than before.
        """

    def _fitting(self, env: Any) -> VectorEnv[Any, Any, Any]:
        """The vector environment of an argument `env`, which must fit the policy."""
        raise NotImplementedError

    def _use(self, env: VectorEnv[Any, Any, Any]) -> None:
        raise NotImplementedError


_Resumed = TypeVar("_Resumed", bound=Resumable)


def loaded(
    path: str | os.PathLike[str],
    kind_of: Callable[[str], type[_Resumed]],
    env: Any,
    features: Function | None,
    options: Mapping[str, Any],
) -> _Resumed:
    """The algorithm of a file, without its running state; arguments and errors as in `fastpg.load`.

    Args:
        path: path of the file.
        kind_of: as in `resumed`.
        env: argument `env` of `load`.
        features: argument `features` of `load`.
        options: arguments `options` of `load`.

    Returns:
        The algorithm.
    """
    require_options("load", options)
    if features is not None:
        require_function(features)
    state = checkpoints.read(path)
    with checkpoints.restoring(path):
        kind = kind_of(state[1]["algorithm"])
    require_changes(kind, path, state[1], "load", options)
    with checkpoints.restoring(path):
        algo = restore(kind, state, features, options)
    require_outputs(algo.policy.feature_map)
    if env is not None:
        algo._use(algo._fitting(env))
    return algo


def resumed(
    path: str | os.PathLike[str],
    kind_of: Callable[[str], type[_Resumed]],
    env: Any,
    features: Function | None,
    num_threads: int | None,
    options: Mapping[str, Any],
) -> _Resumed:
    """The algorithm of a checkpoint; arguments and errors as in `fastpg.resume`.

    Args:
        path: path of the checkpoint.
        kind_of: the class for the name of an algorithm; ValueError for a name that is not expected.
        env: argument `env` of `resume`.
        features: argument `features` of `resume`.
        num_threads: argument `num_threads` of `resume`.
        options: arguments `options` of `resume`.

    Returns:
        The algorithm.
    """
    require_options("resume", options)
    if features is not None:
        require_function(features)
    stored, meta = running_state.read(path)
    with checkpoints.restoring(path):
        running = running_state.entries(path, meta)
        kind = kind_of(meta["algorithm"])
    if "n_envs" in options:
        raise TypeError("resume: n_envs: a run goes on with its environments; load takes others")
    running_state.require_functions(running["functions"], options)
    require_changes(kind, path, meta, "resume", options)
    changes = dict(options)
    if num_threads is not None:
        changes["num_threads"] = threads.num_threads(num_threads)
    with checkpoints.restoring(path):
        algo = restore(kind, (stored, meta), features, changes)
        algo.restore_running(stored, running)
        run = running_state.checked(running, stored, algo.options.n_envs)
    require_outputs(algo.policy.feature_map)
    _go_on(algo, path, _environment(algo, path, env, run), stored, run)
    old = meta["options"]
    algo.plan_anew([name for name, value in options.items() if old.get(name) != value])
    return algo


def _environment(
    algo: Resumable, path: str | os.PathLike[str], env: Any, run: RunningState
) -> VectorEnv[Any, Any, Any] | None:
    """The environment to continue in; None if there was none."""
    if env is not None:
        made = algo._fitting(env)
        _require_like(algo, made, run.native)
        return made
    if run.native is None:
        recipe = algo.env_recipe
        if recipe is None:
            return None
        again = recipe.make(algo.options.n_envs, env_hint="pass env", import_hint="import")
        return algo._fitting(again)
    if run.native.id is None:
        raise ValueError(
            f"env: expected the environments of the training: those of {run.native.kernel} were "
            "not made by id, so that a file cannot make them again"
        )
    with checkpoints.restoring(path):
        native = run.native.make(algo.num_threads)
        require_same("observation space", algo.observation_space, native.single_observation_space)
        require_same("action space", algo.action_space, native.single_action_space)
    if (recipe := algo._recipe) is not None:
        native.training_only = recipe.training_only
    # Parameters that were set after the spaces were made have not changed the spaces.
    native.single_observation_space = algo.observation_space
    native.single_action_space = algo.action_space
    return native


def _require_like(
    algo: Resumable, env: VectorEnv[Any, Any, Any], recipe: NativeRecipe | None
) -> None:
    """Raise ValueError if an environment is certainly another one than that of the training."""
    if recipe is not None:
        if not (isinstance(env, NativeVectorEnv) and is_plain(env)):
            raise ValueError(f"env: expected the native {recipe.id or recipe.kernel}, got {env!r}")
        recipe.require_like(env)
        return
    name = env_name(env)
    if None not in (algo.env_id, name) and name != algo.env_id:
        raise ValueError(f"env: expected {algo.env_id}, as in the checkpoint, got {name}")
    if env.num_envs != algo.options.n_envs:
        raise ValueError(
            f"env: expected {algo.options.n_envs} environments, as in the checkpoint, "
            f"got {env.num_envs}"
        )


def _go_on(
    algo: Resumable,
    path: str | os.PathLike[str],
    env: VectorEnv[Any, Any, Any] | None,
    stored: dict[str, npt.NDArray[Any]],
    run: RunningState,
) -> None:
    """Continue in an environment, which changes last: where this raises, it is as it was."""
    if env is not None:
        algo._use(env)
    algo.plan = run.plan
    if not run.in_episodes:
        algo._first_step = run.step_count  # the next collector starts new episodes
    elif env is not None:
        collector = make_collector(env, algo.policy, algo.seed)
        collector.step_count = run.step_count
        with checkpoints.restoring(path):
            go_to(collector, stored)
        algo._collector = collector
    if env is not None and run.native is None and run.step_count:
        warn(
            f"resume: new episodes start, since a file cannot hold the state of {env}: learning "
            "continues with the counts of the checkpoint, but not bit for bit"
        )
