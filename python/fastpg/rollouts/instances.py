"""The innermost environments of an environment: whether they are distinct, and their moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from fastpg.envs import NativeVectorEnv

# Methods of Gymnasium's and EnvPool's classes that change an environment's state.
_MOVING = ("step", "reset", "step_async", "reset_async", "send", "async_reset", "set_state")
_KEY = "_fastpg_moves"


class _Counts(Protocol):
    moves: int


class RewardSum:
    """The sum of an environment's rewards since its reset, or since `total` was set to 0."""

    total = 0.0
    before_reset = 0.0  # the total at the last reset

    def add(self, given: Any) -> None:
        """Add the reward of a step.

        Args:
            given: return value of `step`; if its reward is not one number, the sum becomes NaN.
        """
        try:
            reward = np.asarray(given[1])
            self.total += float(reward) if reward.ndim == 0 else np.nan
        except Exception:  # an object may raise anything; the caller of `step` reports the error
            self.total = np.nan

    def restart(self, before_reset: float) -> None:
        """Start the sum of a new episode.

        Args:
            before_reset: the total before the reset, which may have taken steps.
        """
        self.before_reset, self.total = before_reset, 0.0


class _Calls:
    """Number of calls that changed an environment, and a note from its last user."""

    moves = 0
    note: tuple[int, Any] | None = None
    rewards: RewardSum | None = None


class _Counted:
    """A method of an environment that counts its calls."""

    def __init__(self, method: Callable[..., Any], calls: _Calls) -> None:
        self.method = method
        self.calls = calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.moves += 1
        return self.method(*args, **kwargs)

    def __reduce__(self) -> Any:
        """A pickled or copied environment gets the plain method, which does not count."""
        return getattr, (self.method.__self__, self.method.__name__)  # type: ignore[attr-defined]


class _CountedStep(_Counted):
    """A `step` that also adds up rewards, if `reward_sums` was called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        calls = self.calls
        calls.moves += 1
        given = self.method(*args, **kwargs)
        if calls.rewards is not None:
            calls.rewards.add(given)
        return given


class _CountedReset(_Counted):
    """A `reset` that also starts a new sum, of `rewards`, if `reward_sums` was called."""

    rewards: RewardSum | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.rewards is None:
            return super().__call__(*args, **kwargs)
        before = self.rewards.total
        given = super().__call__(*args, **kwargs)
        self.rewards.restart(before)  # afterwards: wrappers take steps in a reset
        return given


_KINDS = {"step": _CountedStep, "reset": _CountedReset}


def innermost(env: Any) -> list[Any]:
    """The innermost environments of an `Env` or a `VectorEnv`, without wrappers.

    Args:
        env: an `Env` or a `VectorEnv`.

    Returns:
        The environments that it holds in this process; if it holds none, itself without wrappers.
    """
    base = env.unwrapped
    return [getattr(one, "unwrapped", one) for one in _held(base)] or [base]


def _held(base: Any) -> list[Any]:
    """The environments that a vector environment holds in this process, with their wrappers."""
    held = getattr(base, "envs", None)
    if isinstance(held, list | tuple) and all(map(_is_env, held)):
        return list(held)
    return []


def _is_env(one: Any) -> bool:
    return callable(getattr(one, "step", None)) and callable(getattr(one, "reset", None))


def require_distinct(env: Any) -> None:
    """Raise ValueError if a vector environment holds the same environment twice.

    Its episodes would be mixed in every batch.

    Args:
        env: an `Env` or a `VectorEnv`.

    Raises:
        ValueError: it holds the same environment several times.
    """
    inner = innermost(env)
    if len(set(map(id, inner))) < len(inner):
        raise ValueError(
            f"env: expected {len(inner)} environments, got the same {type(inner[0]).__name__} "
            "several times: let the callable make a new one at each call, or give the environment "
            "itself (or n_envs=1)"
        )


class Moves:
    """Counts every step and reset of an environment, also those made through wrappers.

    In the innermost environments, the methods that change their state are replaced by methods that
    also count.

    Args:
        env: an `Env` or a `VectorEnv`.
    """

    def __init__(self, env: Any) -> None:
        self._counted = [_counter(one) for one in innermost(env)]

    @property
    def count(self) -> int:
        """Number of steps and resets so far, including those before this object was made."""
        return sum(one.moves for one in self._counted)

    def write_note(self, note: Any) -> None:
        """Leave a note for the environment's next user; the next step or reset makes it void.

        Args:
            note: any value.
        """
        first: Any = self._counted[0]
        first.note = (self.count, note)

    def read_note(self) -> Any:
        """The note, if the environment has not moved since it was written; otherwise None."""
        note = getattr(self._counted[0], "note", None)
        return note[1] if note is not None and note[0] == self.count else None


def _counter(env: Any) -> _Counts:
    if isinstance(env, NativeVectorEnv):
        return env
    attributes = getattr(env, "__dict__", {})
    known = attributes.get(_KEY)
    # A copy of an environment has the count, but its methods do not count.
    if isinstance(known, _Calls) and any(isinstance(v, _Counted) for v in attributes.values()):
        return known
    calls = _Calls()
    try:
        for name in _MOVING:
            method = getattr(env, name, None)
            if callable(method) and hasattr(method, "__self__"):
                setattr(env, name, _KINDS.get(name, _Counted)(method, calls))
        setattr(env, _KEY, calls)
    except (AttributeError, TypeError):  # an object without room for attributes
        pass
    return calls


def reward_sums(env: Any) -> list[RewardSum] | None:
    """Start to sum the rewards of each innermost environment, from each reset of all its wrappers.

    Args:
        env: a vector environment whose steps are already counted by `Moves`.

    Returns:
        One sum for each innermost environment; None if the methods of one cannot be replaced.
    """
    sums = []
    for whole in _held(env.unwrapped):
        step = getattr(getattr(whole, "unwrapped", whole), "__dict__", {}).get("step")
        if not (isinstance(step, _CountedStep) and hasattr(whole, "__dict__")):
            return None
        step.calls.rewards = step.calls.rewards or RewardSum()
        _counted_reset(whole).rewards = step.calls.rewards
        sums.append(step.calls.rewards)
    return sums


def _counted_reset(env: Any) -> _CountedReset:
    """The `reset` of an environment, which becomes a counted one."""
    known = vars(env).get("reset")
    if not isinstance(known, _CountedReset):
        known = env.reset = _CountedReset(env.reset, _Calls())
    return known


def overwrites_observations(env: Any) -> bool:
    """Whether the environments of a vector environment return the same array at every step.

    For this, an additional environment is made, reset and stepped once.

    Args:
        env: a vector environment.

    Returns:
        False if no additional environment can be made.
    """
    makers = getattr(env.unwrapped, "env_fns", None)
    if not makers:
        return False
    one = makers[0]()
    if any(one.unwrapped is other for other in innermost(env)):
        return False
    try:
        first, _ = one.reset()
        second = one.step(one.action_space.sample())[0]
        return any(
            np.shares_memory(a, b) for a, b in zip(_arrays(first), _arrays(second), strict=True)
        )
    finally:
        one.close()


def _arrays(observation: Any) -> list[np.ndarray[Any, Any]]:
    if isinstance(observation, dict):
        return [array for part in observation.values() for array in _arrays(part)]
    if isinstance(observation, tuple):
        return [array for part in observation for array in _arrays(part)]
    return [observation] if isinstance(observation, np.ndarray) else []
