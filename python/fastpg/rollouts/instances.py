"""The environments inside an environment: whether each is there once, and whether any has moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from fastpg.envs import NativeVectorEnv

# Whatever lets an environment move on, under the names of Gymnasium's and EnvPool's classes.
_MOVING = ("step", "reset", "step_async", "reset_async", "send", "async_reset", "set_state")
_KEY = "_fastpg_moves"


class _Counts(Protocol):
    moves: int


class RewardSum:
    """What an environment has given since its reset, or since someone set `total` to 0."""

    total = 0.0
    before_reset = 0.0  # the total that the last reset ended

    def add(self, given: Any) -> None:
        """Take in what a step returned; the sum is NaN after anything but one number."""
        try:
            reward = np.asarray(given[1])
            self.total += float(reward) if reward.ndim == 0 else np.nan
        except Exception:  # whatever an object raises: whoever called the step says what is wrong
            self.total = np.nan

    def reset(self) -> None:
        """A new episode."""
        self.before_reset, self.total = self.total, 0.0


class _Calls:
    """How often an environment has moved, and a note of whoever moved it last."""

    moves = 0
    note: tuple[int, Any] | None = None
    rewards: RewardSum | None = None


class _Counted:
    """A method of an environment that counts its calls, whoever makes them."""

    def __init__(self, method: Callable[..., Any], calls: _Calls) -> None:
        self.method = method
        self.calls = calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.moves += 1
        return self.method(*args, **kwargs)

    def __reduce__(self) -> Any:
        """Of a pickled or copied environment the plain method is left."""
        return getattr, (self.method.__self__, self.method.__name__)  # type: ignore[attr-defined]


class _CountedStep(_Counted):
    """A step that adds up rewards too, where someone asks for them."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = super().__call__(*args, **kwargs)
        if self.calls.rewards is not None:
            self.calls.rewards.add(given)
        return given


class _CountedReset(_Counted):
    """A reset that begins the sum of rewards again."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.calls.rewards is not None:
            self.calls.rewards.reset()
        return super().__call__(*args, **kwargs)


_KINDS = {"step": _CountedStep, "reset": _CountedReset}


def innermost(env: Any) -> list[Any]:
    """The environments that an `Env` or a `VectorEnv` wraps or holds, as they were made."""
    base = env.unwrapped
    inner = getattr(base, "envs", None)
    if isinstance(inner, list | tuple) and inner:
        return [getattr(one, "unwrapped", one) for one in inner]
    return [base]


def require_distinct(env: Any) -> None:
    """Raise ValueError where one environment stands in two places.

    Its episodes would be joined in every batch.
    """
    inner = innermost(env)
    if len(set(map(id, inner))) < len(inner):
        raise ValueError(
            f"env: expected {len(inner)} environments, got the same {type(inner[0]).__name__} "
            "several times: let the callable make a new one at each call, or give the environment "
            "itself (or n_envs=1)"
        )


class Moves:
    """Counts every step and reset of an environment, through whatever wrapper it was made.

    The methods of the innermost environments are replaced, in those objects, by ones that count;
    the environments themselves notice nothing.

    Args:
        env: an `Env` or a `VectorEnv`.
    """

    def __init__(self, env: Any) -> None:
        self._counted = [_counter(one) for one in innermost(env)]

    @property
    def count(self) -> int:
        """Moves so far, those of before included."""
        return sum(one.moves for one in self._counted)

    def write_note(self, note: Any) -> None:
        """Leave a note for whoever moves the environment next; a move makes it void."""
        first: Any = self._counted[0]
        first.note = (self.count, note)

    def read_note(self) -> Any:
        """The note of the last move; None where there is none."""
        note = getattr(self._counted[0], "note", None)
        return note[1] if note is not None and note[0] == self.count else None


def _counter(env: Any) -> _Counts:
    if isinstance(env, NativeVectorEnv):
        return env
    attributes = getattr(env, "__dict__", {})
    known = attributes.get(_KEY)
    # A copy of an environment has the count, but methods that count nothing.
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
    """One sum for each innermost environment; None where one has no room for it.

    Args:
        env: whose moves are counted already.
    """
    sums = []
    for one in innermost(env):
        step = getattr(one, "__dict__", {}).get("step")
        if not isinstance(step, _CountedStep):
            return None
        step.calls.rewards = step.calls.rewards or RewardSum()
        sums.append(step.calls.rewards)
    return sums


def overwrites_observations(env: Any) -> bool:
    """Whether the environments of a vector environment return the same array again and again.

    One environment more is made, reset and stepped; False where none can be made.
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
