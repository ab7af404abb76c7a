"""The state of an environment, for undecorated functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.native_envs.fields import MOST_INTEGER, Field

_DTYPES = {"float64": np.float64, "float32": np.float32, "int64": np.int64}


class State:
    """What `state` is in an undecorated function: an attribute for each field.

    A number is a float or an int; it is converted when it is set, as in compiled code: a float32
    field is rounded, an int64 field loses the fraction.

    Args:
        fields: its fields; all numbers are 0.
    """

    _kinds: dict[str, Field]

    def __init__(self, fields: tuple[Field, ...]) -> None:
        numbers = {f.name: 0 if f.kind == "int64" else 0.0 for f in fields if not f.shape}
        blocks = {f.name: np.zeros(f.shape, _DTYPES[f.kind]) for f in fields if f.shape}
        vars(self).update(_kinds={f.name: f for f in fields}, **numbers, **blocks)

    def __setattr__(self, name: str, value: Any) -> None:
        field = self._kinds.get(name)
        if field is None:
            raise AttributeError(f"state has no field {name!r}; it has {', '.join(self._kinds)}")
        if not field.shape:
            vars(self)[name] = _converted(field, value)
            return
        if np.shape(value) != field.shape:
            raise ValueError("state: expected an array of the field's shape")
        getattr(self, name)[...] = value

    def vector(self) -> arrays.Floats:
        """All numbers side by side, (k,).

        Raises:
            OverflowError: an integer that a double cannot hold.
        """
        parts = []
        for name, field in self._kinds.items():
            part = np.asarray(getattr(self, name))
            if field.kind == "int64" and np.any(abs(part) > MOST_INTEGER):
                raise OverflowError(integer_text(name))
            parts.append(part.ravel().astype(np.float64))
        return np.concatenate(parts)

    @classmethod
    def of(cls, fields: tuple[Field, ...], vector: arrays.Floats) -> State:
        """A state by its numbers.

        Args:
            fields: its fields.
            vector: (k,).

        Returns:
            The state.
        """
        made = cls(fields)
        for field in fields:
            part = vector[field.first : field.first + field.size]
            if field.shape:
                getattr(made, field.name)[...] = part.reshape(field.shape)
            else:
                setattr(made, field.name, part[0])
        return made


def integer_text(name: str) -> str:
    """What is wrong with an integer that a double cannot hold.

    Args:
        name: of the field.
    """
    return f"state.{name}: expected whole numbers of at most 2^53 in magnitude"


def _converted(field: Field, value: Any) -> float | int:
    if field.kind == "int64":
        return int(value)
    return float(np.float32(value)) if field.kind == "float32" else float(value)
