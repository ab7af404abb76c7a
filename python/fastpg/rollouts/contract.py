"""Checks that an environment written in Python keeps to Gymnasium's interface."""

from __future__ import annotations

import inspect
import math
import operator
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import arrays
from fastpg.arrays import Bools
from fastpg.rollouts.wrappers import title

Env = gymnasium.Env[Any, Any]
Step = tuple[Any, float, bool, bool, dict[str, Any]]

# Types that need no further check.
_REWARDS = frozenset((float, int, np.float64, np.float32))
_FLAGS = frozenset((bool, np.bool_))


def require_env(env: Any) -> Env:
    """Check that an environment has spaces and a `reset` with the usual arguments.

    Args:
        env: return value of a user's callable.

    Returns:
        `env`.

    Raises:
        TypeError: not a `gymnasium.Env`, or one that lacks a space or an argument of `reset`.
    """
    if not isinstance(env, gymnasium.Env) or isinstance(env, gymnasium.vector.VectorEnv):
        raise TypeError(
            f"env: expected the callable to make a gymnasium.Env, got {env!r}; give a VectorEnv "
            "itself, not a callable"
        )
    for name in ("observation_space", "action_space"):
        space = getattr(env, name, None)
        if not isinstance(space, spaces.Space):
            raise TypeError(f"{title(env)}.{name}: expected a gymnasium space, got {space!r}")
    _require_keywords(env)
    return env


def _require_keywords(env: Env) -> None:
    """Raise TypeError unless `reset` takes a seed and, under a wrapper, options."""
    base = env.unwrapped
    needed = ["seed"] if env is base else ["seed", "options"]
    try:
        known = inspect.signature(base.reset).parameters
    except (TypeError, ValueError):  # written in C, without a signature
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    for keyword in needed:
        if keyword not in known:
            raise TypeError(
                f"{title(env)}.reset: expected to take {' and '.join(needed)}, as in "
                f"reset(self, *, seed=None, options=None); got reset({', '.join(known)})"
            )


def reset(env: Env, seed: int | None, options: dict[str, Any] | None) -> tuple[Any, Any]:
    """Reset an environment and check what it returns.

    Args:
        env: a single environment.
        seed: seed of the reset, or None.
        options: options of the reset, or None.

    Returns:
        (observation, info).

    Raises:
        TypeError: the environment returned something else.
    """
    given = env.reset(seed=seed, options=options) if options else env.reset(seed=seed)
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict)):
        raise TypeError(
            f"{title(env)}.reset: expected (observation, info), info a dict; got {_shown(given)}"
        )
    return given


def step(env: Env, action: Any) -> Step:
    """Step an environment and check what it returns.

    Args:
        env: a single environment.
        action: an action of its space.

    Returns:
        (observation, reward, terminated, truncated, info), with reward and flags as plain numbers.

    Raises:
        TypeError, ValueError: the environment returned something else.
    """
    given: Any = env.step(action)
    if type(given) is tuple and len(given) == 5:
        _, reward, terminated, truncated, info = given
        flags = type(terminated) in _FLAGS and type(truncated) in _FLAGS
        if flags and type(reward) in _REWARDS and type(info) is dict:
            return given
    return _plain_step(env, given)


def _plain_step(env: Env, given: Any) -> Step:
    """What a step returned, checked."""
    if not isinstance(given, tuple | list) or len(given) != 5:
        raise ValueError(
            f"{title(env)}.step: expected 5 values (observation, reward, terminated, truncated, "
            f"info), got {_shown(given)}"
        )
    observation, reward, terminated, truncated, info = given
    plain: Any = reward
    if type(reward) not in _REWARDS:
        plain = _plain_reward(env, reward)
    if type(terminated) not in _FLAGS or type(truncated) not in _FLAGS:
        terminated = _plain_flag(env, "terminated", terminated)
        truncated = _plain_flag(env, "truncated", truncated)
    if not isinstance(info, dict):
        raise TypeError(f"{title(env)}.step: expected a dict as info, got {info!r}")
    return observation, plain, terminated, truncated, info


def _plain_reward(env: Env, reward: Any) -> float:
    where = f"{title(env)}.step: expected a reward that is one number"
    try:
        array = np.asarray(reward)
    except Exception as error:  # an object's own __array__ may raise anything
        raise TypeError(f"{where}, got {_shown(reward)}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}, got {_shown(reward)}")
    if array.ndim:
        raise ValueError(
            f"{where}, got an array of shape {array.shape}; a wrapper has to combine several "
            "rewards to one number"
        )
    return float(array)


def as_floats(rewards: list[float]) -> npt.NDArray[np.float64]:
    """Rewards of `step` in an array; integers beyond float64 become infinite, as other numbers do.

    Args:
        rewards: one of each environment.

    Returns:
        Float64, (n,).
    """
    try:
        return np.array(rewards, dtype=np.float64)
    except OverflowError:
        return np.array([_rounded(reward) for reward in rewards])


def _rounded(reward: float) -> float:
    try:
        return float(reward)
    except OverflowError:
        return math.inf if reward > 0 else -math.inf


def _plain_flag(env: Env, name: str, flag: Any) -> bool:
    array = np.asarray(flag) if isinstance(flag, np.ndarray | np.generic | int) else None
    if array is None or array.ndim or array.dtype.kind not in "biu" or array not in (0, 1):
        raise TypeError(
            f"{title(env)}.step: expected {name} to be True or False, got {_shown(flag)}"
        )
    return bool(array)


def write_row(space: spaces.Space[Any], room: Any, row: int, value: Any, name: str) -> None:
    """Copy one observation into a row of a batch.

    Args:
        space: of one observation.
        room: the batch, made by Gymnasium's `create_empty_array`.
        row: index of the row.
        value: the observation.
        name: name of the observation, for errors.

    Raises:
        TypeError, ValueError: the observation does not belong to the space.
    """
    if isinstance(space, spaces.Dict):
        _require_parts(name, value, dict, space.spaces)
        for key, part in space.spaces.items():
            write_row(part, room[key], row, value[key], f"{name}[{key!r}]")
    elif isinstance(space, spaces.Tuple):
        _require_parts(name, value, tuple | list, range(len(space.spaces)))
        for k, part in enumerate(space.spaces):
            write_row(part, room[k], row, value[k], f"{name}[{k}]")
    elif isinstance(space, spaces.Discrete):
        try:
            room[row] = _integer(name, value)
        except OverflowError:
            raise ValueError(f"{name}: expected values of its space, got {_shown(value)}") from None
    else:
        given = _write_array(name, room, row, value)
        # The cast of a large integer to a small dtype may be a value of the space.
        if given.dtype != room.dtype and not isinstance(space, spaces.Box):
            _require_kept(name, room[row], given)


def _require_parts(name: str, value: Any, kind: Any, parts: Any) -> None:
    if not isinstance(value, kind):
        wanted = "dict" if kind is dict else "tuple"
        raise TypeError(f"{name}: expected a {wanted} with {list(parts)}, got {_shown(value)}")
    missing = [
        part for part in parts if (part not in value if kind is dict else part >= len(value))
    ]
    if missing:
        raise ValueError(f"{name}: expected the parts {list(parts)}, got none of {missing}")


def _integer(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}: expected an integer of a Discrete space, got {_shown(value)}"
        ) from None


def _write_array(name: str, room: npt.NDArray[Any], row: int, value: Any) -> npt.NDArray[Any]:
    given = value if type(value) is np.ndarray else _as_array(name, value)
    if given.shape != room.shape[1:]:
        raise ValueError(f"{name}: expected shape {room.shape[1:]}, got {given.shape}")
    try:
        np.copyto(room[row, ...], given, casting="same_kind")
    except TypeError:
        raise TypeError(f"{name}: expected dtype {room.dtype}, got {given.dtype}") from None
    return given


def _require_kept(name: str, kept: npt.NDArray[Any], given: npt.NDArray[Any]) -> None:
    if (kept != given).any():
        raise ValueError(f"{name}: expected values of its space, got {given[kept != given][0]}")


def _as_array(name: str, value: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except Exception as error:  # an object's own __array__ may raise anything
        raise TypeError(f"{name}: expected an array, got {_shown(value)}") from error


def vector_rewards(rewards: Any, count: int) -> npt.NDArray[Any]:
    """Check the rewards of a vector environment's step.

    Args:
        rewards: as the environment returned them.
        count: number of environments.

    Returns:
        Real numbers (count,).

    Raises:
        TypeError, ValueError: not one number for each environment.
    """
    given = np.asarray(rewards)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"step: expected {count} numbers as rewards, got {_shown(rewards)}")
    if given.shape != (count,):
        raise ValueError(
            f"step: expected one reward for each environment, shape ({count},), got shape "
            f"{given.shape}; a wrapper has to combine several rewards to one number"
        )
    return given


def in_step(i: int, elapsed: arrays.Integers) -> str:
    """Name the step that an environment takes, for errors; the first one of an episode is step 1.

    Args:
        i: index of the environment.
        elapsed: steps of the current episodes before this step, (num_envs,).

    Returns:
        Part of a sentence.
    """
    return f"environment {i} in step {int(elapsed[i]) + 1} of its episode"


def require_finite_rewards(rewards: npt.NDArray[Any], elapsed: arrays.Integers) -> None:
    """Raise ValueError for a reward that is NaN or infinite.

    Args:
        rewards: (num_envs,).
        elapsed: steps of the current episodes before this step, (num_envs,).

    Raises:
        ValueError: a reward is not finite.
    """
    if not arrays.all_finite(rewards):
        i = int(np.flatnonzero(~np.isfinite(rewards))[0])
        raise ValueError(
            f"rewards: expected finite values from the environment, got {rewards[i]}, from "
            f"{in_step(i, elapsed)}"
        )


def vector_flags(name: str, flags: Any, count: int) -> Bools:
    """Check `terminated` or `truncated` of a vector environment's step.

    Args:
        name: name of the flags, for errors.
        flags: as the environment returned them.
        count: number of environments.

    Returns:
        Bool (count,).

    Raises:
        ValueError: not one flag for each environment.
    """
    given = np.asarray(flags)
    if given.dtype.kind not in "biu" or given.shape != (count,):
        raise ValueError(f"step: expected {name} to be {count} flags, got {_shown(flags)}")
    return given.astype(np.bool_)


def vector_info(info: Any) -> dict[str, Any]:
    """Check the info of a vector environment's step or reset.

    Args:
        info: as the environment returned it.

    Returns:
        `info`.

    Raises:
        TypeError: no dict: masks and last observations would not be found in it.
    """
    if isinstance(info, dict):
        return info
    hint = ": give the environment without DictInfoToList" if isinstance(info, list) else ""
    raise TypeError(
        f"info: expected a dict, as Gymnasium's vector environments return it, got {_shown(info)}"
        f"{hint}"
    )


def _shown(value: Any) -> str:
    """A short description of a value, for errors: shape and dtype of an array, not its numbers."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, tuple | list):
        kinds = ", ".join(type(part).__name__ for part in value[:6])
        return f"a {type(value).__name__} of {len(value)} ({kinds})"
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out integers of more than 4,300 digits
        text = "an integer of thousands of digits"
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:50]}…"
