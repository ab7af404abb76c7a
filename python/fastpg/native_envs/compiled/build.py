"""Compiling a definition to the functions of the C interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from gymnasium import spaces
from numba import types

from fastpg.envs import c_interface
from fastpg.native_envs.compiled import draws, wrappers
from fastpg.native_envs.compiled.kinds import NumbersType, StateType, stream_type
from fastpg.native_envs.definition import Definition
from fastpg.native_envs.quantities import Quantity

__all__ = ["Compiled", "draws"]  # the import of draws gives streams their methods

_WORD = types.intp
_FUNCTION_TYPES = {
    "reset": c_interface.ResetFunction,
    "step": c_interface.StepFunction,
    "observe": c_interface.ObserveFunction,
    "mask": c_interface.MaskFunction,
}
_ARGUMENTS = {"reset": 3, "step": 6, "observe": 4, "mask": 4}


# What Numba raises about a user's function; the second is no NumbaError (observed in 0.68.1).
_REFUSALS = (numba.core.errors.NumbaError, numba.core.errors.UnsupportedBytecodeError)


class Compiled:
    """The compiled functions of a definition.

    Args:
        definition: the environment.

    Raises:
        TypeError: a function that Numba cannot compile, or one that returns something else.
        RuntimeError: Numba was told not to compile.

    Attributes:
        functions: functions of the C interface, as ctypes functions, by name.
    """

    def __init__(self, definition: Definition) -> None:
        if numba.config.DISABLE_JIT:
            raise RuntimeError("numba_env: expected a Numba that compiles: unset NUMBA_DISABLE_JIT")
        self.definition = definition
        self._state = StateType(definition.fields)
        self._params = _numbers_type(definition.params)
        self._options = _numbers_type(definition.options)
        self._kept: list[Any] = []
        self.functions: dict[str, Any] = {}
        for name, kind in _FUNCTION_TYPES.items():
            if name in definition.functions:
                compiled = self._compiled(name)
                self._kept.append(compiled)
                self.functions[name] = kind(compiled.address)

    def _compiled(self, name: str) -> Any:
        signature = _WORD(*[_WORD] * _ARGUMENTS[name])
        user = numba.njit(
            forceinline=True, boundscheck=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
        )(self.definition.functions[name])
        try:
            _require_result(name, user, self._arguments(name))
            return numba.cfunc(signature, nogil=True)(self._wrapper(name, user))
        except _REFUSALS as error:
            # Without Numba's own frames: its message has the line of the function.
            raise TypeError(f"{name}: Numba cannot compile it: {error}{_hint(error)}") from None

    def _arguments(self, name: str) -> tuple[Any, ...]:
        state, params = self._state, self._params
        return {
            "reset": (state, params, self._options, stream_type),
            "step": (state, self._action_type(), params, stream_type),
            "observe": (state, params, types.Array(types.float32, 1, "A")),
            "mask": (state, types.Array(types.boolean, 1, "A")),
        }[name]

    def _action_type(self) -> Any:
        if isinstance(self.definition.action, spaces.Discrete):
            return types.int64
        return types.Array(self._action_dtype(), 1, "C", readonly=True)

    def _action_dtype(self) -> Any:
        continuous = isinstance(self.definition.action, spaces.Box)
        return types.float64 if continuous else types.int32

    def _action_of(self) -> Any:
        if isinstance(self.definition.action, spaces.Discrete):
            return wrappers.one_choice
        return wrappers.several(self._action_dtype(), self.definition.action_size)

    def _wrapper(self, name: str, user: Any) -> Callable[..., Any]:
        state, params = self._state, self._params
        if name == "reset":
            return wrappers.reset_wrapper(user, state, params, self._options)
        if name == "step":
            return wrappers.step_wrapper(user, state, params, self._action_of())
        if name == "observe":
            size = int(self.definition.observation.shape[0])
            return wrappers.observe_wrapper(user, state, params, size)
        return wrappers.mask_wrapper(user, state, self.definition.flags)


def _numbers_type(quantities: tuple[Quantity, ...]) -> NumbersType:
    return NumbersType(tuple((one.name, one.whole) for one in quantities))


def _hint(error: Exception) -> str:
    """What to do about an error, where Numba does not say it."""
    text = str(error)
    if "Untyped global name" in text and "class 'function'" in text:
        return "\nDecorate functions that yours call with @numba.njit."
    return ""


def _require_result(name: str, user: Any, arguments: tuple[Any, ...]) -> None:
    """Compile a user's function, and check what it returns."""
    user.compile(arguments)
    found = user.overloads[arguments].signature.return_type
    if name != "step":
        if found != types.none:
            raise TypeError(f"{name}: expected a function that returns nothing, got {found}")
        return
    parts = list(found) if isinstance(found, types.BaseTuple) else []
    reward, flag = types.Number | types.Boolean, types.Integer | types.Boolean
    if not (len(parts) == 2 and isinstance(parts[0], reward) and isinstance(parts[1], flag)):
        raise TypeError(
            f"step: expected it to return (reward, terminated), got {found}; the first is a "
            "number, the second True or False"
        )
