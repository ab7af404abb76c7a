"""Parameters of native environments: keywords of `make_vec`, attributes of Gymnasium's classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from fastpg import _core, arrays
from fastpg.names_elsewhere import NOT_OF_MAKE_VEC
from fastpg.suggestions import one_of, unknown


def parameters(native: _core.VectorEnv, index: int = 0) -> dict[str, Any]:
    """Parameters of one environment.

    Args:
        native: environments.
        index: index of the environment.

    Returns:
        Values by name.
    """
    return {name: value for name, (value, _) in native.parameters(index).items()}


# ({name: (default, choices, meaning)}, defaults of the numbers that a reset takes) of a kernel.
description = cache(_core.describe_environment)


def options_table(kernel: str) -> str:
    """The parameters of an environment as a table in Markdown.

    Args:
        kernel: name of the environment's kernel.

    Returns:
        One row for each parameter: name, default, meaning with its unit.

    Raises:
        ValueError: no such kernel.
    """
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for name, (default, choices, meaning) in description(kernel)[0].items():
        others = "".join(f'; also "{choice}"' for choice in choices if choice != default)
        rows.append(f"| `{name}` | {_shown(default)} | {meaning}{others} |")
    return "\n".join(rows)


def _shown(value: Any) -> str:
    """A default value as text, with few digits."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(f'{number:g}' for number in value)}]"
    if isinstance(value, float) and value != 0.0 and (value / math.pi).is_integer():
        return f"{value / math.pi:g} pi"
    return str(value) if len(str(value)) <= len("-0.0015") else f"{value:.4g}"


def set_options(
    native: _core.VectorEnv, env_id: str, options: Mapping[str, Any], others: Iterable[str]
) -> None:
    """Set parameters of all environments.

    Args:
        native: environments.
        env_id: their id, for the error.
        options: values by name.
        others: arguments of the constructor that are no parameters, for the error.

    Raises:
        TypeError: an unknown name, or a value of the wrong type.
        ValueError: a value out of range.
    """
    known = native.parameters()
    for name, value in options.items():
        if name not in known:
            text = unknown("option", name, [*known, *others], NOT_OF_MAKE_VEC)
            raise TypeError(f"{env_id}: {text}")
        native.set_parameter(name, [_checked(name, value, *known[name])])


def set_values(native: _core.VectorEnv, name: str, values: Sequence[Any]) -> None:
    """Set one parameter.

    Args:
        native: n environments.
        name: name of a parameter of these environments.
        values: one value for all environments, or n values.

    Raises:
        TypeError: a value of the wrong type.
        ValueError: a value out of range.
    """
    like, choices = native.parameters()[name]
    native.set_parameter(name, [_checked(name, value, like, choices) for value in values])


def _checked(name: str, value: Any, like: Any, choices: Sequence[str]) -> Any:
    """The value, checked to have the type of `like`, a value of the same parameter."""
    if isinstance(like, bool):
        return arrays.boolean(name, value)
    if isinstance(like, float):
        return arrays.number(name, value)
    if isinstance(like, str):
        return one_of(name, value, choices)
    return arrays.finite_floats(name, value, (len(like),)).tolist()
