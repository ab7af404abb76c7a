"""The structure of the C interface of a definition."""

from __future__ import annotations

import ctypes
import dis
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from fastpg.envs import c_interface
from fastpg.envs.c_interface import CEnv, Number
from fastpg.native_envs.definition import Definition, action_counts
from fastpg.native_envs.quantities import Quantity
from fastpg.native_envs.state import integer_text


def c_env(definition: Definition, functions: Mapping[str, Any]) -> tuple[CEnv, Any]:
    """The structure of an environment.

    Args:
        definition: the environment.
        functions: its functions in C, as ctypes functions, by name.

    Returns:
        (structure, what must live as long as it).
    """
    message = c_interface.MessageFunction(Messages(definition).address)
    fields: dict[str, Any] = {
        "name": definition.id.encode(),
        "draws_in_steps": draws(definition.functions["step"]),
        "max_episode_steps": definition.max_episode_steps or 0,
        "message": message,
        **_state(definition),
        **_observation(definition),
        **_action(definition),
        **_numbers("parameter_count", "parameters", definition.params),
        **_numbers("option_count", "options", definition.options),
        **functions,
    }
    if definition.reward_threshold is not None:
        fields["reward_threshold"] = definition.reward_threshold
    return CEnv(**fields), fields


def draws(step: Callable[..., Any]) -> bool:
    """Whether a step may draw: whether its code mentions its last argument.

    Args:
        step: the user's function.
    """
    rng = step.__code__.co_varnames[3]
    named = (one.argval for one in dis.get_instructions(step) if one.argval is not None)
    captured = rng in step.__code__.co_cellvars
    return captured or any(rng in (v if isinstance(v, tuple) else (v,)) for v in named)


def _state(definition: Definition) -> dict[str, Any]:
    names = [name for field in definition.fields for name in field.names()]
    return {"state_size": len(names), "state_names": _texts(names)}


def _observation(definition: Definition) -> dict[str, Any]:
    box, names = definition.observation, definition.observation_names
    return {
        "observation_size": int(box.shape[0]),
        "observation_names": _texts(names) if names else None,
        "observation_low": _array(ctypes.c_float, box.low),
        "observation_high": _array(ctypes.c_float, box.high),
    }


def _action(definition: Definition) -> dict[str, Any]:
    action = definition.action
    if isinstance(action, spaces.Box):
        return {
            "action_kind": c_interface.CONTINUOUS,
            "action_size": definition.action_size,
            "action_low": _array(ctypes.c_double, action.low),
            "action_high": _array(ctypes.c_double, action.high),
        }
    one = isinstance(action, spaces.Discrete)
    counts = action_counts(action)
    return {
        "action_kind": c_interface.DISCRETE if one else c_interface.MULTI_DISCRETE,
        "action_size": len(counts),
        "action_counts": _array(ctypes.c_int64, counts),
    }


def _numbers(count: str, name: str, quantities: tuple[Quantity, ...]) -> dict[str, Any]:
    numbers = [
        Number(
            one.name.encode(), one.meaning.encode() or None, one.value, one.low, one.high, one.whole
        )
        for one in quantities
    ]
    return {count: len(numbers), name: (Number * len(numbers))(*numbers)}


def _array(kind: Any, values: Any) -> Any:
    return (kind * len(values))(*np.asarray(values).tolist())


def _texts(texts: Sequence[str]) -> Any:
    return (ctypes.c_char_p * len(texts))(*[text.encode() for text in texts])


class Messages:
    """Words for a status: of an exception, whose address it is, or of a field of the state.

    Args:
        definition: the environment.
    """

    def __init__(self, definition: Definition) -> None:
        self._integers = [field.name for field in definition.fields]
        # By thread: a text is read before the next call in the same thread.
        self._texts: dict[int, Any] = {}

    def address(self, context: int | None, status: int) -> int:
        """The address of the words.

        Args:
            context: of the C interface; unused.
            status: what a function has returned.
        """
        found = self._field(status) if status < 0 else self._exception(status)
        text = ctypes.create_string_buffer(found.encode(errors="replace"))
        self._texts[threading.get_ident()] = text
        return ctypes.addressof(text)

    def _field(self, status: int) -> str:
        return integer_text(self._integers[-1 - status])

    def _exception(self, status: int) -> str:
        """The class and words of an exception, and where it was raised."""
        raised = ctypes.cast(status, ctypes.py_object).value
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(raised))
        kind, value, trace = raised
        return f"{kind.__name__}: {_words(kind, value)}{_place(trace)}"


def _words(kind: type[BaseException], value: Any) -> str:
    """The words of an exception, of which Python may have only the arguments so far."""
    if isinstance(value, kind) or value is None:
        return str(value or "")
    try:
        return str(kind(*value) if isinstance(value, tuple) else kind(value))
    except Exception:  # a class of the user may raise anything
        return str(value)


def _place(trace: Any) -> str:
    frames = traceback.extract_tb(trace)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
