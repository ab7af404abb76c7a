"""Environments whose functions are in Python, compiled by Numba."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.wrappers import TimeLimit

from fastpg.arrays import Bools, Floats
from fastpg.envs.catalogue import NATIVE
from fastpg.envs.user_env import UserEnvironment, register_env
from fastpg.native_envs.c_env import c_env
from fastpg.native_envs.definition import Definition, define, functions_of
from fastpg.native_envs.fields import MOST_INTEGER
from fastpg.native_envs.quantities import numbers_class
from fastpg.native_envs.reference import ReferenceEnv
from fastpg.native_envs.state import State, integer_text

# Environments that pickles without a module hold, by what the pickle holds.
_pickled: dict[bytes, NumbaEnv] = {}


class NumbaEnv(UserEnvironment):
    """An environment whose functions are in Python, compiled by Numba; made by `numba_env`.

    Attributes:
        definition: what the user said.
    """

    def __init__(self, definition: Definition, env: Any, **given: Any) -> None:
        super().__init__(env, **given)
        self.definition = definition
        self.__doc__ = definition.doc or self.__doc__

    def reference(
        self, *, max_episode_steps: int | None = None, **params: Any
    ) -> gymnasium.Env[Any, Any]:
        """The same environment with its functions as plain Python: slow, and open to a debugger.

        With the same seed it draws the same numbers.

        Args:
            max_episode_steps: time limit; None: the registered one; -1: none.
            **params: parameters that differ from their defaults.

        Returns:
            The environment, with the time limit as wrapper.

        Raises:
            TypeError: an unknown parameter, or a value that is no number.
            ValueError: a value out of its range.
        """
        env = ReferenceEnv(self.definition, params)
        limit = (
            self.definition.max_episode_steps if max_episode_steps is None else max_episode_steps
        )
        return env if limit is None or limit < 0 else TimeLimit(env, limit)

    def check_states(self, states: Floats) -> None:
        """Check the numbers of fields of integers.

        Args:
            states: (n, k).

        Raises:
            ValueError: a fraction, or beyond 2^53 in magnitude.
        """
        for field in self.definition.fields:
            part = states[:, field.first : field.first + field.size]
            if field.kind == "int64" and not _whole(part).all():
                bad = part[~_whole(part)][0]
                raise ValueError(f"{integer_text(field.name)}, got {bad}")

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self.module is not None:
            return super().__reduce__()
        self.require_current()
        from numba import cloudpickle

        packed = cloudpickle.dumps(self.definition)
        _pickled[packed] = self
        return unpacked, (packed,)


def _whole(numbers: Floats) -> Bools:
    whole: Bools = (np.abs(numbers) <= MOST_INTEGER) & (np.rint(numbers) == numbers)
    return whole


def unpacked(packed: bytes) -> NumbaEnv:
    """The environment of a pickle without a module, compiled if this process does not have it.

    Args:
        packed: its definition, pickled.

    Returns:
        The environment.
    """
    known = _pickled.get(packed)
    if known is None or NATIVE[known.id].environment is not known:
        from numba import cloudpickle

        _pickled[packed] = compiled(cloudpickle.loads(packed))
    return _pickled[packed]


def compiled(definition: Definition) -> NumbaEnv:
    """Compile a definition, and register the environment.

    Args:
        definition: the environment.

    Returns:
        The environment.

    Raises:
        ImportError: Numba is not installed.
        TypeError: a function that Numba cannot compile.
        ValueError: an id that is taken.
    """
    try:
        from fastpg.native_envs.compiled.build import Compiled
    except ImportError as error:
        raise ImportError("numba_env needs numba: pip install '.[numba]'") from error
    made = Compiled(definition)
    env, kept = c_env(definition, made.functions)
    kind = functools.partial(NumbaEnv, definition)
    render = _render(definition) if "render" in definition.functions else None
    return cast(
        NumbaEnv,
        register_env(env, module=definition.module, render=render, keep=(made, kept), kind=kind),
    )


def numba_env(
    id: str,
    *,
    state: Any,
    observation: Any,
    action: Any,
    params: Mapping[str, Any] | None = None,
    reset_options: Mapping[str, Any] | None = None,
    max_episode_steps: int | None = None,
    reward_threshold: float | None = None,
) -> Callable[[type], NumbaEnv]:
    """Make a class of functions a native environment, compiled by Numba (pip install '.[numba]').

    The class has the functions of one environment, without `self`; docs/native_environments.md
    explains them:

    - `reset(state, params, options, rng)` sets the state, whose numbers are 0;
    - `step(state, action, params, rng)` moves it, and returns (reward, terminated);
    - `observe(state, params, out)` fills the observation, float32 (d,), whose numbers are 0;
    - `mask(state, out)`, if there are masks, sets the flags of actions that are not allowed to
      False; they are True;
    - `render(state, params)`, if there are pictures, returns one, uint8 (height, width, 3). This
      one is not compiled.

    They are compiled at once, so that an error in them shows here.

    Args:
        id: id of the environment, such as "SwingUp-v0".
        state: names of numbers; or a dict of names to float, int, numpy.float32, numpy.int64, or
            (dtype, shape) for an array. At most 1,024 numbers.
        observation: how many numbers an observation has, at most 4,096; a one-dimensional Box; a
            list of names; or a dict of names to (low, high).
        action: how many actions there are; a Discrete or MultiDiscrete that starts at 0; or a
            one-dimensional Box.
        params: parameters: a dict of names to a default, (default, low, high), or (default, low,
            high, meaning). A default that is an int allows whole numbers alone.
        reset_options: numbers that a reset takes, in the same form.
        max_episode_steps: time limit, in steps; None: none.
        reward_threshold: mean return at which the task is solved; None: none.

    Returns:
        A decorator of the class, which returns the environment.

    Raises:
        TypeError: an argument of the wrong type, a function that is missing, has other parameters
            or cannot be compiled.
        ValueError: an argument out of range, or an id that is taken.
        ImportError: Numba is not installed.
        RuntimeError: Numba was told not to compile, by NUMBA_DISABLE_JIT.
    """

    def decorate(kind: type) -> NumbaEnv:
        definition = define(
            id,
            functions_of(kind),
            state=state,
            observation=observation,
            action=action,
            params=params,
            reset_options=reset_options,
            max_episode_steps=max_episode_steps,
            reward_threshold=reward_threshold,
            module=_module(kind),
            doc=kind.__doc__,
        )
        return compiled(definition)

    return decorate


def _module(kind: type) -> str | None:
    """The module whose import defines a class; None if there is none."""
    name = kind.__module__
    if name == "__main__" or "<locals>" in kind.__qualname__:
        return None
    try:
        return name if importlib.util.find_spec(name) is not None else None
    except (ImportError, ValueError):
        return None


def _render(definition: Definition) -> Callable[..., Any]:
    """The user's render, of a state (k,) and parameters by name."""

    def render(vector: Any, values: Mapping[str, Any]) -> Any:
        params = [one.checked(values[one.name]) for one in definition.params]
        state = State.of(definition.fields, vector)
        return definition.functions["render"](
            state, numbers_class("Params", definition.params)(*params)
        )

    return render
