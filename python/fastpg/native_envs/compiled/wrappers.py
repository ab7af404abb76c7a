"""The functions of the C interface, around the compiled functions of a user.

All pointers arrive as integers. The functions here are compiled: they are written for Numba, which
needs no types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types

from fastpg.envs.c_interface import Block, Stream
from fastpg.native_envs.compiled.calls import call
from fastpg.native_envs.compiled.memory import (
    array_at,
    clear_state,
    load_state,
    new_state,
    numbers_at,
    peek,
    poke,
    store_state,
    stream_at,
    vector_at,
)

STATE, STRIDE, COUNT, PARAMS, STREAMS, ORDER, DRAWS, FAILED = (
    getattr(Block, name).offset for name, *_ in Block._fields_
)
STREAM_BYTES = Stream.words.size
INT32, FLOAT32, FLOAT64, BOOLEAN = types.int32, types.float32, types.float64, types.boolean
Wrapper = Callable[..., Any]


def reset_wrapper(function: Any, state_type: Any, params_type: Any, options_type: Any) -> Wrapper:
    """`reset` of the C interface.

    Args:
        function: the user's, compiled.
        state_type: type of the state.
        params_type: type of the parameters.
        options_type: type of the numbers that a reset takes.

    Returns:
        A function for `numba.cfunc`.
    """

    def reset(context, block, option_values):  # type: ignore[no-untyped-def]
        params = numbers_at(params_type, peek(block + PARAMS))
        options = numbers_at(options_type, option_values)
        state = new_state(state_type)
        for i in range(peek(block + COUNT)):
            clear_state(state)
            status, _ = call(function, (state, params, options, stream_of(block, i)))
            if status == 0:
                status = store_state(state, peek(block + STATE), peek(block + STRIDE), i)
            if status != 0:
                poke(block + FAILED, i)
                return status
        return 0

    return reset


def step_wrapper(function: Any, state_type: Any, params_type: Any, action_of: Any) -> Wrapper:
    """`step` of the C interface.

    Args:
        function: the user's, compiled.
        state_type: type of the state.
        params_type: type of the parameters.
        action_of: compiled function (choices, numbers, entry) that returns an action.

    Returns:
        A function for `numba.cfunc`.
    """

    def step(context, block, choices, numbers, rewards, ends):  # type: ignore[no-untyped-def]
        count = peek(block + COUNT)
        params = numbers_at(params_type, peek(block + PARAMS))
        base, stride = peek(block + STATE), peek(block + STRIDE)
        reward_of = array_at(FLOAT64, rewards, count, 8)
        ended = array_at(BOOLEAN, ends, count, 1)
        state = new_state(state_type)
        for i in range(count):
            load_state(state, base, stride, i)
            action = action_of(choices, numbers, i)
            status, result = call(function, (state, action, params, stream_of(block, i)))
            if status == 0:
                status = store_state(state, base, stride, i)
            if status != 0:
                poke(block + FAILED, i)
                return status
            reward, terminated = result
            reward_of[i] = reward
            ended[i] = bool(terminated)
        return 0

    return step


def observe_wrapper(function: Any, state_type: Any, params_type: Any, size: int) -> Wrapper:
    """`observe` of the C interface.

    Args:
        function: the user's, compiled.
        state_type: type of the state.
        params_type: type of the parameters.
        size: numbers of an observation.

    Returns:
        A function for `numba.cfunc`.
    """

    def observe(context, block, observations, out_stride):  # type: ignore[no-untyped-def]
        params = numbers_at(params_type, peek(block + PARAMS))
        base, stride = peek(block + STATE), peek(block + STRIDE)
        state = new_state(state_type)
        for i in range(peek(block + COUNT)):
            load_state(state, base, stride, i)
            out = array_at(FLOAT32, observations + 4 * i, size, 4 * out_stride)
            out[:] = 0.0
            status, _ = call(function, (state, params, out))
            if status != 0:
                poke(block + FAILED, i)
                return status
        return 0

    return observe


def mask_wrapper(function: Any, state_type: Any, size: int) -> Wrapper:
    """`mask` of the C interface.

    Args:
        function: the user's, compiled.
        state_type: type of the state.
        size: flags of an environment.

    Returns:
        A function for `numba.cfunc`.
    """

    def mask(context, block, allowed, out_stride):  # type: ignore[no-untyped-def]
        base, stride = peek(block + STATE), peek(block + STRIDE)
        state = new_state(state_type)
        for i in range(peek(block + COUNT)):
            load_state(state, base, stride, i)
            out = array_at(BOOLEAN, allowed + i, size, out_stride)
            out[:] = True
            status, _ = call(function, (state, out))
            if status != 0:
                poke(block + FAILED, i)
                return status
        return 0

    return mask


@numba.njit(forceinline=True)
def stream_of(block, entry):  # type: ignore[no-untyped-def]
    """The random stream of an entry of a block."""
    order = peek(block + ORDER)
    index = entry if order == 0 else peek(order + 8 * entry)
    return stream_at(peek(block + STREAMS) + STREAM_BYTES * index, peek(block + DRAWS))


@numba.njit(forceinline=True)
def one_choice(choices, numbers, entry):  # type: ignore[no-untyped-def]
    """The action of a Discrete space."""
    return types.int64(vector_at(INT32, choices + 4 * entry, 1)[0])


def several(dtype: Any, size: int) -> Any:
    """`action_of` for actions of several numbers.

    Args:
        dtype: type of each: int32 of choices, float64 of continuous actions.
        size: how many numbers.

    Returns:
        A compiled function.
    """
    width, discrete = dtype.bitwidth // 8 * size, dtype is INT32

    @numba.njit(forceinline=True)
    def action(choices, numbers, entry):  # type: ignore[no-untyped-def]
        address = choices if discrete else numbers
        return vector_at(dtype, address + width * entry, size)

    return action
