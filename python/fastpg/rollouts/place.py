"""The place of a collector: where the episodes of its environments are, as arrays."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy.typing as npt

from fastpg import arrays
from fastpg.envs import EnvState, NativeVectorEnv
from fastpg.envs.state import DTYPES, shapes
from fastpg.rollouts.collect import is_plain
from fastpg.rollouts.collector import Collector

Arrays = dict[str, npt.NDArray[Any]]

_PREFIX = "env_"


def place_of(collector: Collector) -> Arrays | None:
    """Where the episodes of a collector are.

    Args:
        collector: a collector that has been reset.

    Returns:
        Arrays for `go_to`. None if the next call starts new episodes, whether or not the program
            ends before it: other code has moved the environments; or the environments are in
            Python, and cannot be stored.
    """
    env = collector.env
    if not (isinstance(env, NativeVectorEnv) and is_plain(env)) or collector.is_moved:
        return None
    state = env.get_state()
    stored = {_PREFIX + field.name: getattr(state, field.name) for field in fields(state)}
    return stored | collector.place()


def go_to(collector: Collector, stored: Arrays) -> None:
    """Continue the episodes of a place; where this raises, the environments are as they were.

    Args:
        collector: a collector in native environments like those of the place.
        stored: return value of `place_of`, from a file.

    Raises:
        KeyError: an array is missing.
        TypeError, ValueError: an array of another kind or shape, or with wrong values.
    """
    env = collector.env
    assert isinstance(env, NativeVectorEnv)
    state = state_in(stored, env.num_envs)
    place = collector.checked_place(stored)
    env.set_state(state)
    collector.take_place(place)


def state_in(stored: Arrays, num_envs: int) -> EnvState:
    """The state of native environments in a place.

    Args:
        stored: return value of `place_of`, from a file.
        num_envs: number of environments.

    Returns:
        The state.

    Raises:
        KeyError: an array is missing.
        TypeError, ValueError: an array of another kind, or of another number of environments.
    """
    found = {}
    for name, shape in shapes(num_envs).items():
        key = _PREFIX + name
        # A state of a user's environment may hold any numbers; the others are checked when set.
        found[name] = arrays.exactly(key, stored[key], DTYPES[name], shape, finite=name != "states")
    if not found["status"].all():
        raise ValueError("env_status: expected environments that were reset")
    return EnvState(**found)
