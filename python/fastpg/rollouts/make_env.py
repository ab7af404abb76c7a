"""Making a vector environment from an id, an environment, a callable or a vector environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from fastpg.envs import NAMESPACE, NATIVE, NativeVectorEnv, UserEnvironment, make_vec
from fastpg.envs.user_env import import_module_of, is_users
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.instances import require_distinct
from fastpg.rollouts.masks import has_usual_workers
from fastpg.suggestions import unknown

_LIMIT = "_max_episode_steps"  # attribute of TimeLimit

EnvLike = (
    str
    | UserEnvironment
    | gymnasium.Env[Any, Any]
    | Callable[[], Any]
    | Sequence[Callable[[], Any]]
    | VectorEnv[Any, Any, Any]
)


def make_env(
    env: Any,
    n_envs: int,
    *,
    explicit: bool = False,
    num_threads: int | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
) -> VectorEnv[Any, Any, Any]:
    """Make a vector environment.

    Args:
        env: an id, a `UserEnvironment`, a `gymnasium.Env`, a callable that makes one, a list of
            callables, one for each environment, or a vector environment. A native id gives native
            environments; any other id is made by `gymnasium.make`, after importing the module of an
            id "module:Name-v0". An object that is both an Env and a VectorEnv counts as a
            VectorEnv.
        n_envs: number of copies, for an id or a callable.
        explicit: whether the user gave `n_envs`; a given environment must then have that number.
        num_threads: threads of native environments made from an id.
        env_kwargs: with an id, keywords of `make_vec` for a native environment, otherwise of
            `gymnasium.make`.

    Returns:
        A new vector environment, or `env` itself if it is one.

    Raises:
        TypeError, ValueError: `env` is of another type, an unknown id, or an environment that
            `require_vector` refuses.
    """
    keywords = dict(env_kwargs or {})
    if isinstance(env, UserEnvironment):
        env = env.require_current().id
    if isinstance(env, str):
        native = env.removeprefix(f"{NAMESPACE}:").removeprefix(f"{NAMESPACE}/")
        module, _, name = env.rpartition(":")
        if native not in NATIVE:
            import_module_of(env)
            native = name if is_users(name) else native
        if native in NATIVE:
            return make_vec(native, n_envs, **{"num_threads": num_threads, **keywords})
        require_registered(name)
        copies = EnvCopies([lambda: gymnasium.make(name, **keywords)] * n_envs)
        copies.module = module or None
        return copies
    if keywords:
        raise ValueError(f"env_kwargs: allowed only with an id, got {env!r} too")
    if isinstance(env, VectorEnv | gymnasium.Env):
        vector = isinstance(env, VectorEnv)
        made = require_vector(env) if vector else EnvCopies([lambda: env])
        if explicit and made.num_envs != n_envs:
            raise ValueError(f"n_envs: expected {made.num_envs}, the environment's, got {n_envs}")
        return made
    if callable(env):
        return EnvCopies([env] * n_envs)
    if isinstance(env, list | tuple):
        return _of_callables(env, n_envs if explicit else len(env))
    hint = ""
    if type(env).__module__.startswith("fastpg.tabular."):  # a finite MDP
        hint = ": fastpg.tabular.make_vec(mdp, num_envs) makes environments of it"
    raise TypeError(f"env: expected an id, an Env, a callable or a VectorEnv, got {env!r}{hint}")


def close_made(made: VectorEnv[Any, Any, Any] | None, given: Any) -> None:
    """Close environments, unless the user gave them.

    Args:
        made: return value of `make_env(given, …)`; None: nothing is done.
        given: an id, callables or None are not the user's environments.
    """
    if made is not None and not isinstance(given, gymnasium.Env | VectorEnv):
        made.close()


def _of_callables(makers: Sequence[Any], n_envs: int) -> EnvCopies:
    """Environments of a list of callables, one of each."""
    if not makers or not all(map(callable, makers)):
        raise TypeError(
            "env: expected a list of callables, each of which makes an environment, or an id with "
            f"n_envs, got {list(makers)!r}"
        )
    if n_envs != len(makers):
        raise ValueError(f"n_envs: expected {len(makers)}, the number of callables, got {n_envs}")
    return EnvCopies(makers)


def require_vector(env: Any) -> VectorEnv[Any, Any, Any]:
    """Check that rollouts can be collected from a vector environment.

    Args:
        env: a vector environment.

    Returns:
        `env`.

    Raises:
        TypeError: not a VectorEnv, or one without the spaces of a single environment.
        ValueError: a VectorEnv that does not step all its environments together (EnvPool with
            `batch_size`), or that holds the same environment several times.
    """
    if type(env) is NativeVectorEnv:
        return env
    if not isinstance(env, VectorEnv):
        raise TypeError(f"env: expected a VectorEnv, of fastpg.make_vec or Gymnasium, got {env!r}")
    kind = type(env.unwrapped).__name__
    for name in ("single_observation_space", "single_action_space"):
        space = getattr(env, name, None)
        if not isinstance(space, spaces.Space):
            raise TypeError(f"env: expected {kind}.{name}, a gymnasium space, got {space!r}")
    if getattr(env, "is_async", False):
        raise ValueError(
            f"env: expected one that steps all its environments together, got an asynchronous "
            f"{kind}: make it without batch_size"
        )
    require_distinct(env)
    return env


def has_time_limit(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether every environment is known to have a time limit.

    Args:
        env: a vector environment.

    Returns:
        False if this is unknown.
    """
    base = env.unwrapped
    if isinstance(base, NativeVectorEnv):
        return base.has_time_limit
    if isinstance(base, SyncVectorEnv):
        return all(time_limit(one) is not None for one in base.envs)
    if isinstance(base, AsyncVectorEnv) and has_usual_workers(base):
        return all(base.call("has_wrapper_attr", _LIMIT))
    return False


def most_steps(env: VectorEnv[Any, Any, Any]) -> int | None:
    """The largest time limit of the environments.

    Args:
        env: a vector environment.

    Returns:
        Steps; None if one has no limit, or if it is unknown without asking other processes.
    """
    base = env.unwrapped
    if isinstance(base, NativeVectorEnv):
        return base.max_episode_steps
    if isinstance(base, SyncVectorEnv) and has_time_limit(base):
        return max(time_limit(one) or 0 for one in base.envs)
    return None


def time_limit(env: Any) -> int | None:
    """The time limit of one environment.

    Args:
        env: a Gymnasium environment.

    Returns:
        Steps, at least 1; None if it has none.
    """
    limit = env.get_wrapper_attr(_LIMIT) if env.has_wrapper_attr(_LIMIT) else None
    return int(limit) if _is_limit(limit) else None


def _is_limit(value: Any) -> TypeGuard[int | np.integer[Any]]:
    """Whether it is a number of steps; wrappers may use the name for something else."""
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return number and bool(value > 0)


def env_name(env: VectorEnv[Any, Any, Any]) -> str | None:
    """The registered id of an environment.

    Args:
        env: a vector environment.

    Returns:
        The id without a module; None if there is none.
    """
    if isinstance(env, NativeVectorEnv):
        return env.env_id
    if isinstance(env, SyncVectorEnv) and env.envs[0].spec is not None:
        return str(env.envs[0].spec.id)
    return None


def autoreset_mode(env: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """The autoreset mode of a vector environment.

    Args:
        env: a vector environment.

    Returns:
        The mode in its metadata; NEXT_STEP if there is none.
    """
    return AutoresetMode(env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))


def resets_alone(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether a NEXT_STEP environment can reset single copies, by `reset_mask`.

    Args:
        env: a vector environment.

    Returns:
        False if this is unknown.
    """
    if isinstance(env, AsyncVectorEnv):  # without shared memory the next step would reset again
        return bool(env.shared_memory) and has_usual_workers(env)
    return isinstance(env, SyncVectorEnv | NativeVectorEnv)


def require_registered(env_id: str) -> None:
    """Raise ValueError unless an id is native or registered. This imports no module.

    Args:
        env_id: an id without a module.

    Raises:
        ValueError: unknown id; the message suggests the nearest known one.
    """
    if env_id in NATIVE or env_id in gymnasium.registry:
        return
    known = sorted({*NATIVE, *gymnasium.registry})
    message = unknown("environment", env_id, known).partition(" (known:")[0]
    own = [name for name in NATIVE if not is_users(name)]
    raise ValueError(
        f"{message} (expected an id that Gymnasium knows, module:id of one that a module "
        f"registers, or a native one: {', '.join(own)})"
    )
