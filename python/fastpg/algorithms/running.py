"""What a checkpoint holds beyond a saved algorithm, so that training goes on bit for bit."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

from fastpg import arrays
from fastpg.algorithms.checkpointing import StoredModel
from fastpg.algorithms.options import CommonOptions
from fastpg.algorithms.plan import Plan
from fastpg.envs import EnvState, NativeVectorEnv, make_vec
from fastpg.suggestions import one_of
from fastpg.training.checkpoints import State

_Options = TypeVar("_Options", bound=CommonOptions)
_KEY = "running"
_PREFIX = "env_"
_FIELDS = tuple(field.name for field in dataclasses.fields(EnvState))


def running_state(algo: StoredModel) -> State:
    """The position in `learn`, and the state of native environments between two iterations.

    Args:
        algo: the algorithm; with an environment.

    Returns:
        (arrays by name, JSON values by name), to be stored with those of `state`.
    """
    env, collector = algo.env, algo._collector
    plan = None if algo.plan is None else algo.plan.state()
    entries: dict[str, Any] = {"plan": plan, "env": None, "schedules": _functions(algo)}
    if not isinstance(env, NativeVectorEnv) or collector is None:
        return {}, {_KEY: entries}
    entries["env"] = {
        "autoreset_mode": env.metadata["autoreset_mode"].name,
        "exact": env.native.exact,
        "in_use": not collector.moved_by_others,
    }
    state = env.get_state()
    return {_PREFIX + name: getattr(state, name) for name in _FIELDS}, {_KEY: entries}


def _functions(algo: StoredModel) -> list[str]:
    """Names of the options that are functions, which a file cannot hold."""
    options = dataclasses.asdict(algo.options)
    return [name for name, value in options.items() if callable(value)]


@dataclass(frozen=True)
class NativeEnv:
    """How to make native environments again, and their state."""

    autoreset_mode: AutoresetMode
    exact: bool
    in_use: bool  # training goes on in this state; otherwise it begins new episodes
    state: EnvState


@dataclass(frozen=True)
class Running:
    """The running state of a file, checked."""

    plan: Plan | None
    native: NativeEnv | None
    functions: list[str]  # options that were functions


def has_running_state(state: State) -> bool:
    """Whether a file was written by `save_checkpoint`, not by `save`."""
    return _KEY in state[1]


def read_running(state: State) -> Running:
    """The running state of a file.

    Args:
        state: of `state` and `running_state` together.

    Raises:
        KeyError, TypeError, ValueError: an entry is missing, or of another kind or range.
    """
    stored, meta = state
    running = meta[_KEY]
    functions = running["schedules"]
    if not (isinstance(functions, list) and all(isinstance(name, str) for name in functions)):
        raise TypeError(f"schedules: expected names of options, got {functions!r}")
    plan, env = running["plan"], running["env"]
    return Running(
        None if plan is None else Plan.restore(plan),
        None if env is None else _native_env(env, stored),
        functions,
    )


def _native_env(given: Any, stored: dict[str, npt.NDArray[Any]]) -> NativeEnv:
    modes = {mode.name: mode for mode in AutoresetMode}
    return NativeEnv(
        modes[one_of("autoreset_mode", given["autoreset_mode"], modes)],
        arrays.boolean("exact", given["exact"]),
        arrays.boolean("in_use", given["in_use"]),
        _env_state(stored),
    )


def _env_state(stored: dict[str, npt.NDArray[Any]]) -> EnvState:
    kinds = {"states": "f8", "streams": "u8", "elapsed_steps": "i8", "episode_returns": "f8"}
    found = {}
    for name in _FIELDS:
        values = stored[_PREFIX + name]
        expected = np.dtype(kinds.get(name, "u1"))
        if values.dtype != expected:
            raise TypeError(f"{_PREFIX}{name}: expected {expected} numbers, got {values.dtype}")
        found[name] = np.ascontiguousarray(values)
    return EnvState(**found)


def with_functions(options: _Options, names: list[str], given: dict[str, Any]) -> _Options:
    """Options with the schedules that were functions, which the file does not hold.

    Args:
        options: those of the file.
        names: of these options.
        given: functions by name of the option.

    Raises:
        ValueError: a function is missing, or one is given that the training did not have.
    """
    if sorted(names) != sorted(given):
        expected = ", ".join(f"{name}=…" for name in names) or "no function"
        raise ValueError(
            f"resume: expected {expected}, since the training had it as a function, which a file "
            f"cannot hold, got {', '.join(given) or 'none'}"
        )
    return dataclasses.replace(options, **given) if given else options


def go_on(algo: StoredModel, running: Running, env: Any) -> None:
    """Let an algorithm go on where a checkpoint left off.

    Args:
        algo: restored from the same file; it has no environment yet.
        running: the running state of the file.
        env: the environment to continue in, as in `use_env`; None: it is made again.

    Raises:
        ValueError: the environment cannot be made again, or has other spaces or states.
    """
    native = running.native
    algo.use_env(_made(algo, native) if env is None else env)
    algo.plan = running.plan
    if algo.plan is not None:
        algo._progress_remaining = algo.plan.progress_remaining
    if native is None:
        _warn_of_new_episodes(algo)
        return
    if not isinstance(algo.env, NativeVectorEnv):
        raise ValueError("env: expected a native environment, whose state the checkpoint holds")
    algo.env.set_state(native.state)
    if native.in_use:
        algo._continue_in_env()


def _warn_of_new_episodes(algo: StoredModel) -> None:
    if algo.num_timesteps:
        warnings.warn(
            f"{algo.env_id or 'the environment'} is stepped from Python: a file cannot hold its "
            "state, so training goes on with new episodes",
            stacklevel=5,
        )


def _made(algo: StoredModel, native: NativeEnv | None) -> VectorEnv[Any, Any, Any]:
    """The environment of the training, made again; native if it was."""
    recipe, n_envs = algo._recipe, algo.options.n_envs
    if recipe is None or recipe.obstacle is not None or recipe.id is None:
        reason = "it is not known" if recipe is None else recipe.obstacle
        raise ValueError(f"the environment cannot be made again, since {reason}: pass env")
    if native is None:
        return recipe.make(n_envs)
    return make_vec(
        recipe.id,
        n_envs,
        autoreset_mode=native.autoreset_mode,
        exact=native.exact,
        max_episode_steps=-1 if recipe.max_episode_steps is None else recipe.max_episode_steps,
        num_threads=algo.num_threads,
        **recipe.kwargs,
    )
