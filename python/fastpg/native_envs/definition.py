"""What a user says about an environment whose functions are in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.envs.c_interface import inner_box
from fastpg.native_envs.fields import Field, fields_of, identifier
from fastpg.native_envs.quantities import Quantity, quantities_of
from fastpg.suggestions import unknown

Action = spaces.Discrete | spaces.MultiDiscrete | spaces.Box
# The functions of a class: parameters, and whether it must have them.
FUNCTIONS = {
    "reset": ("state, params, options, rng", True),
    "step": ("state, action, params, rng", True),
    "observe": ("state, params, out", True),
    "mask": ("state, out", False),
    "render": ("state, params", False),
}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """An environment, checked.

    Attributes:
        id: its id.
        fields: of the state.
        observation: space of the observations.
        observation_names: names of their numbers; empty if they have none.
        action: space of the actions.
        params: parameters.
        options: numbers of a reset.
        max_episode_steps: time limit; None: none.
        reward_threshold: mean return at which the task is solved; None: none.
        functions: the user's functions by name.
        module: the module whose import defines it; None if there is none.
        doc: its description.
    """

    id: str
    fields: tuple[Field, ...]
    observation: spaces.Box
    observation_names: tuple[str, ...]
    action: Action
    params: tuple[Quantity, ...]
    options: tuple[Quantity, ...]
    max_episode_steps: int | None
    reward_threshold: float | None
    functions: Mapping[str, Callable[..., Any]]
    module: str | None
    doc: str | None

    @property
    def action_size(self) -> int:
        """How many numbers an action has."""
        if isinstance(self.action, spaces.Box):
            return int(self.action.shape[0])
        return len(action_counts(self.action))

    @property
    def flags(self) -> int:
        """How many flags a mask has."""
        if isinstance(self.action, spaces.Box):
            return 0
        return int(np.sum(action_counts(self.action)))


def define(
    env_id: str,
    functions: Mapping[str, Callable[..., Any]],
    *,
    state: Any,
    observation: Any,
    action: Any,
    params: Any,
    reset_options: Any,
    max_episode_steps: Any,
    reward_threshold: Any,
    module: str | None,
    doc: str | None,
) -> Definition:
    """A definition, checked; the arguments are those of `numba_env`.

    Args:
        env_id: its id.
        functions: the user's functions by name.
        state: fields of the state.
        observation: what an observation is.
        action: what an action is.
        params: parameters.
        reset_options: numbers of a reset.
        max_episode_steps: time limit.
        reward_threshold: mean return at which the task is solved.
        module: the module whose import defines it.
        doc: its description.

    Returns:
        The definition.

    Raises:
        TypeError, ValueError: what is wrong.
    """
    if not isinstance(env_id, str):
        raise TypeError(f"id: expected a string such as 'SwingUp-v0', got {env_id!r}")
    _check_functions(functions)
    box, names = observation_of(observation)
    limit, threshold = max_episode_steps, reward_threshold
    made = Definition(
        id=env_id,
        fields=fields_of(state),
        observation=box,
        observation_names=names,
        action=action_of(action),
        params=quantities_of("params", params),
        options=quantities_of("reset_options", reset_options),
        max_episode_steps=None if limit is None else arrays.integer("max_episode_steps", limit, 1),
        reward_threshold=None
        if threshold is None
        else arrays.number("reward_threshold", threshold),
        functions=functions,
        module=module,
        doc=doc,
    )
    if "mask" in functions and made.flags == 0:
        raise ValueError("mask: expected none for continuous actions")
    return made


def functions_of(kind: Any) -> dict[str, Callable[..., Any]]:
    """The user's functions in a class.

    Args:
        kind: a class; anything else with such attributes will do.

    Returns:
        Functions by name, without the decorators of Numba and of static methods.

    Raises:
        TypeError: not a class, or one with a function of another name.
    """
    if not inspect.isclass(kind):
        raise TypeError(f"numba_env: expected a class to decorate, got {kind!r}")
    for name, value in vars(kind).items():
        if name not in FUNCTIONS and not name.startswith("_") and callable(value):
            raise TypeError(f"{kind.__name__}: {unknown('function', name, FUNCTIONS)}")
    found = {name: inspect.getattr_static(kind, name, None) for name in FUNCTIONS}
    plain = {name: getattr(one, "__func__", one) for name, one in found.items()}
    return {name: getattr(one, "py_func", one) for name, one in plain.items() if one is not None}


def _check_functions(functions: Mapping[str, Callable[..., Any]]) -> None:
    for name, (parameters, required) in FUNCTIONS.items():
        if name not in functions:
            if required:
                raise TypeError(f"{name}: expected a function {name}({parameters}), got none")
            continue
        if not inspect.isfunction(functions[name]):
            raise TypeError(f"{name}: expected a function, got {functions[name]!r}")
        got = list(inspect.signature(functions[name]).parameters)
        if len(got) != len(parameters.split(", ")):
            raise TypeError(f"{name}: expected {name}({parameters}), got {name}({', '.join(got)})")


def observation_of(given: Any) -> tuple[spaces.Box, tuple[str, ...]]:
    """The space of the observations, and the names of their numbers.

    Args:
        given: how many numbers; a one-dimensional Box; names; or a mapping of names to (low, high).

    Returns:
        (space with dtype float32, names, none if there are none).

    Raises:
        TypeError, ValueError: anything else.
    """
    if isinstance(given, spaces.Box):
        if len(given.shape) != 1:
            raise ValueError(f"observation: expected one dimension, got shape {given.shape}")
        return spaces.Box(_float32(given.low), _float32(given.high), dtype=np.float32), ()
    if isinstance(given, Mapping | list | tuple):
        names = tuple(identifier("observation", name) for name in given)
        usual = (-np.inf, np.inf)
        bounds = [given[name] if isinstance(given, Mapping) else usual for name in given]
        low, high = arrays.shaped_floats("observation", bounds, (len(names), 2)).T
        if not (low <= high).all():
            name = names[int(np.flatnonzero(~(low <= high))[0])]
            raise ValueError(
                f"observation: {name}: expected low <= high, got {dict(given)[name]!r}"
            )
        return spaces.Box(_float32(low), _float32(high), dtype=np.float32), names
    size = arrays.integer("observation", given, 1, 4096)
    return spaces.Box(-np.inf, np.inf, (size,), np.float32), ()


def _float32(values: Any) -> arrays.Float32s:
    return np.asarray(values, dtype=np.float32)


def action_of(given: Any) -> Action:
    """The space of the actions.

    Args:
        given: how many actions there are; a Discrete or MultiDiscrete that starts at 0; or a Box of
            one dimension and floating-point numbers, with finite or infinite bounds.

    Returns:
        The space; a Box has dtype float32, and bounds within the given ones.

    Raises:
        TypeError: anything else.
        ValueError: a space that starts elsewhere, of another dimension, or of whole numbers.
    """
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return spaces.Discrete(arrays.integer("action", given, 1))
    if not isinstance(given, spaces.Discrete | spaces.MultiDiscrete | spaces.Box):
        raise TypeError(f"action: expected a Discrete, MultiDiscrete or Box, got {given!r}")
    if not isinstance(given, spaces.Box) and np.any(given.start):
        raise ValueError(f"action: expected actions that start at 0, got {given}")
    if not isinstance(given, spaces.Discrete) and len(given.shape) != 1:
        raise ValueError(f"action: expected one dimension, got shape {given.shape}")
    if not isinstance(given, spaces.Box):
        return given
    if given.dtype is None or given.dtype.kind != "f":
        raise ValueError(
            f"action: expected a Box of floating-point numbers, got dtype {given.dtype}: a "
            "MultiDiscrete has whole numbers"
        )
    return inner_box(given.low, given.high)


def action_counts(action: spaces.Discrete | spaces.MultiDiscrete) -> list[int]:
    """How many actions each choice has.

    Args:
        action: a discrete space.
    """
    if isinstance(action, spaces.Discrete):
        return [int(action.n)]
    return [int(n) for n in action.nvec]
