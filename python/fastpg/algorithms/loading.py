"""Loading an algorithm from a file, and going on where a checkpoint left off."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from fastpg.algorithms.checkpointing import StoredModel, restore
from fastpg.algorithms.running import (
    go_on,
    has_running_state,
    read_running,
    with_functions,
)
from fastpg.policies.feature_choice import FeatureFunctionError
from fastpg.policies.function_features import Function, FunctionFeatures, require_function
from fastpg.training import checkpoints

# Errors that a damaged or forged file may cause while the algorithm is rebuilt from it.
_DAMAGE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    OverflowError,
    RecursionError,
)


_Algorithm = TypeVar("_Algorithm", bound=StoredModel)
KindOf = Callable[[str], type[_Algorithm]]


def load(
    path: str | os.PathLike[str], kind_of: KindOf[_Algorithm], env: Any, features: Function | None
) -> _Algorithm:
    """Load an algorithm; see `fastpg.load`.

    Args:
        path: path of the file.
        kind_of: the class for the name of an algorithm; ValueError if it may not be loaded.
        env: environment in which to continue learning, or None.
        features: the feature function, or None.
    """
    algo = _restored(path, checkpoints.read(path), kind_of, features)
    if env is not None:
        algo.use_env(env)
    return algo


def resume(
    path: str | os.PathLike[str],
    kind_of: KindOf[_Algorithm],
    env: Any,
    features: Function | None,
    schedules: dict[str, Any],
) -> _Algorithm:
    """Load an algorithm with its place in training; see `fastpg.resume`.

    Args:
        path: path of the checkpoint.
        kind_of: as in `load`.
        env: environment to continue in, or None.
        features: the feature function, or None.
        schedules: functions by name of the option.
    """
    state = checkpoints.read(path)
    if not has_running_state(state):
        raise checkpoints.CheckpointError(
            f"{os.fspath(path)}: expected a checkpoint of save_checkpoint, got a file of save, "
            "which does not hold the place in training: fastpg.load loads it"
        )
    algo = _restored(path, state, kind_of, features)
    try:
        running = read_running(state)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    algo.options = with_functions(algo.options, running.functions, schedules)
    go_on(algo, running, env)
    return algo


def own_kind(kind: type[_Algorithm]) -> KindOf[_Algorithm]:
    """Lets one class alone be loaded.

    Args:
        kind: the class.
    """

    def kind_of(name: str) -> type[_Algorithm]:
        if name != kind.name:
            raise ValueError(f"a checkpoint of {kind.name}, and it is one of {name}")
        return kind

    return kind_of


def _restored(
    path: str | os.PathLike[str],
    state: checkpoints.State,
    kind_of: KindOf[_Algorithm],
    features: Function | None,
) -> _Algorithm:
    if features is not None:
        require_function(features)
    try:
        algo = restore(kind_of(state[1]["algorithm"]), state, features)
    except FeatureFunctionError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    if isinstance(algo.policy.feature_map, FunctionFeatures):
        algo.policy.feature_map.require_outputs()
    return algo


def _damaged(path: str | os.PathLike[str], error: Exception) -> checkpoints.CheckpointError:
    return checkpoints.CheckpointError(
        f"{os.fspath(path)}: expected a complete checkpoint, got {error}"
    )
