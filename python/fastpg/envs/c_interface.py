"""The C interface of an environment (include/fastpg/env.h) as ctypes structures."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

ENV_VERSION = 1
CAPSULE = b"fastpg_env"
DISCRETE, MULTI_DISCRETE, CONTINUOUS = range(3)

_double_p = ctypes.POINTER(ctypes.c_double)
_float_p = ctypes.POINTER(ctypes.c_float)
_int64_p = ctypes.POINTER(ctypes.c_int64)
_text_p = ctypes.POINTER(ctypes.c_char_p)


class Number(ctypes.Structure):
    """A parameter, or a number that a reset takes: `fastpg_number`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("meaning", ctypes.c_char_p),
        ("value", ctypes.c_double),
        ("low", ctypes.c_double),
        ("high", ctypes.c_double),
        ("integer", ctypes.c_int64),
    )


class Stream(ctypes.Structure):
    """A random stream: `fastpg_stream`."""

    _fields_ = (("words", ctypes.c_uint64 * 4),)


_stream_p = ctypes.POINTER(Stream)


class Draws(ctypes.Structure):
    """Functions that draw from a stream: `fastpg_draws`."""

    _fields_ = (
        ("bits", ctypes.CFUNCTYPE(ctypes.c_uint64, _stream_p)),
        ("uniform", ctypes.CFUNCTYPE(ctypes.c_double, _stream_p)),
        ("normal", ctypes.CFUNCTYPE(ctypes.c_double, _stream_p)),
        ("exponential", ctypes.CFUNCTYPE(ctypes.c_double, _stream_p)),
        ("integer", ctypes.CFUNCTYPE(ctypes.c_int64, _stream_p, ctypes.c_int64)),
    )


class Block(ctypes.Structure):
    """Environments whose states are a structure of arrays: `fastpg_block`."""

    _fields_ = (
        ("state", _double_p),
        ("stride", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("params", _double_p),
        ("streams", _stream_p),
        ("order", _int64_p),
        ("draws", ctypes.POINTER(Draws)),
        ("failed", ctypes.c_int64),
    )


_block_p = ctypes.POINTER(Block)
ResetFunction = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, _block_p, _double_p)
ObserveFunction = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, _block_p, _float_p, ctypes.c_int64
)
StepFunction = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_void_p,
    _block_p,
    ctypes.POINTER(ctypes.c_int32),
    _double_p,
    _double_p,
    ctypes.POINTER(ctypes.c_uint8),
)
MaskFunction = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, _block_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_int64
)
# Returns the address of a text: a Python function that returned bytes would leak them.
MessageFunction = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
ReleaseFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class CEnv(ctypes.Structure):
    """An environment as sizes and functions: `fastpg_env`.

    Its fields are those of include/fastpg/env.h, where each is explained. `version` and `size` are
    set here.
    """

    _fields_ = (
        ("version", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
        ("state_size", ctypes.c_int64),
        ("state_names", _text_p),
        ("observation_size", ctypes.c_int64),
        ("observation_names", _text_p),
        ("observation_low", _float_p),
        ("observation_high", _float_p),
        ("action_kind", ctypes.c_int64),
        ("action_size", ctypes.c_int64),
        ("action_counts", _int64_p),
        ("action_low", _double_p),
        ("action_high", _double_p),
        ("draws_in_steps", ctypes.c_int64),
        ("parameter_count", ctypes.c_int64),
        ("parameters", ctypes.POINTER(Number)),
        ("option_count", ctypes.c_int64),
        ("options", ctypes.POINTER(Number)),
        ("max_episode_steps", ctypes.c_int64),
        ("reward_threshold", ctypes.c_double),
        ("context", ctypes.c_void_p),
        ("reset", ResetFunction),
        ("observe", ObserveFunction),
        ("step", StepFunction),
        ("mask", MaskFunction),
        ("message", MessageFunction),
        ("release", ReleaseFunction),
    )

    def __init__(self, **fields: Any) -> None:
        super().__init__(
            **{
                "version": ENV_VERSION,
                "size": ctypes.sizeof(CEnv),
                "reward_threshold": math.nan,
                **fields,
            }
        )


def capsule_of(env: CEnv) -> Any:
    """A capsule with the address of a structure, as `_core.register_environment` takes it.

    Args:
        env: the structure, which must stay where it is.
    """
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p),
    )
    return new(ctypes.addressof(env), CAPSULE, None)


def observation_space(env: CEnv) -> spaces.Box:
    """The space of one observation.

    Args:
        env: a structure that was checked.
    """
    size = env.observation_size
    bounds = [(env.observation_low, -np.inf), (env.observation_high, np.inf)]
    low, high = (
        np.array(given[:size] if given else [usual] * size, dtype=np.float32)
        for given, usual in bounds
    )
    return spaces.Box(low, high, dtype=np.float32)


def action_space(env: CEnv) -> spaces.Box | spaces.Discrete | spaces.MultiDiscrete:
    """The space of one action.

    Args:
        env: a structure that was checked.
    """
    size = env.action_size
    if env.action_kind == DISCRETE:
        return spaces.Discrete(env.action_counts[0])
    if env.action_kind == MULTI_DISCRETE:
        return spaces.MultiDiscrete(env.action_counts[:size])
    return inner_box(np.array(env.action_low[:size]), np.array(env.action_high[:size]))


def inner_box(low: npt.NDArray[Any], high: npt.NDArray[Any]) -> spaces.Box:
    """The largest space of float32 actions within bounds: rounded, they would go beyond them.

    Args:
        low: lower bounds (m,).
        high: upper bounds (m,).

    Returns:
        Box (m,) with dtype float32; where no float32 number is within, the nearest one.
    """
    with np.errstate(over="ignore"):
        nearest = [np.asarray(bound, dtype=np.float32) for bound in (low, high)]
    inner_low = np.where(nearest[0] < low, np.nextafter(nearest[0], np.float32(np.inf)), nearest[0])
    inner_high = np.where(
        nearest[1] > high, np.nextafter(nearest[1], np.float32(-np.inf)), nearest[1]
    )
    none = inner_low > inner_high
    return spaces.Box(
        np.where(none, nearest[0], inner_low),
        np.where(none, nearest[1], inner_high),
        dtype=np.float32,
    )


def names(given: Any, size: int) -> tuple[str, ...]:
    """Names in a structure that was checked; none if there are none.

    Args:
        given: pointer to texts, or null.
        size: number of names.
    """
    return tuple(text.decode() for text in given[:size]) if given else ()


def numbers(given: Any, count: int) -> Iterator[Number]:
    """The parameters or options in a structure that was checked.

    Args:
        given: pointer to the first.
        count: number of them.
    """
    return (given[k] for k in range(count))
