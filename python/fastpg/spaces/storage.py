"""Spaces as JSON values, for checkpoints."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import arrays
from fastpg.spaces.flat import KINDS, Space

# Before Gymnasium 1.2.3 every Discrete is of int64; `require_same` ignores the width.
_DISCRETE_TAKES_DTYPE = "dtype" in inspect.signature(spaces.Discrete).parameters

_MOST = 2**20  # numbers in an observation or an action


def describe(space: Space) -> dict[str, Any]:
    """Describe a space by JSON values, for `restore_space`.

    Args:
        space: a Box, Discrete, MultiDiscrete, MultiBinary, Tuple or Dict.

    Returns:
        The description.

    Raises:
        ValueError: another kind of space, or a Dict whose keys JSON cannot hold.
    """
    if isinstance(space, spaces.Dict):
        parts = [[_key(key), describe(part)] for key, part in space.spaces.items()]
        return {"kind": "dict", "parts": parts}
    if isinstance(space, spaces.Tuple):
        return {"kind": "tuple", "parts": [describe(part) for part in space.spaces]}
    dtype = np.dtype(space.dtype).str
    if isinstance(space, spaces.Discrete):
        size, start = int(space.n), int(space.start)
        return {"kind": "discrete", "n": size, "start": start, "dtype": dtype}
    if isinstance(space, spaces.MultiDiscrete):
        nvec, start = space.nvec.tolist(), space.start.tolist()
        return {"kind": "multi_discrete", "nvec": nvec, "start": start, "dtype": dtype}
    if isinstance(space, spaces.MultiBinary):
        n = space.n if isinstance(space.n, int) else list(map(int, space.n))
        return {"kind": "multi_binary", "n": n}
    if not isinstance(space, spaces.Box):
        raise ValueError(f"space: expected {KINDS}, got {space}")
    low, high = _texts(space.low), _texts(space.high)
    return {"kind": "box", "shape": list(space.shape), "low": low, "high": high, "dtype": dtype}


def restore_space(description: dict[str, Any]) -> Space:
    """The space that `describe` has described.

    Args:
        description: JSON values.

    Returns:
        A space equal to the one described.

    Raises:
        KeyError, TypeError, ValueError: a wrong description, or a size above 2^20.
    """
    kind = description["kind"]
    if kind == "dict":
        parts = [(_restored_key(key), restore_space(part)) for key, part in description["parts"]]
        return spaces.Dict(parts)
    if kind == "tuple":
        return spaces.Tuple([restore_space(part) for part in description["parts"]])
    if kind == "multi_binary":
        n = description["n"]
        return spaces.MultiBinary(_sizes(n) if isinstance(n, list) else _sizes([n])[0])
    if kind not in ("discrete", "multi_discrete", "box"):
        raise ValueError(f"space: unknown kind {kind!r}")
    dtype = np.dtype(_text(description["dtype"]))
    if kind == "discrete":
        n = arrays.integer("n", description["n"], 1, _MOST)
        start = int(_whole_numbers("start", description["start"], dtype))
        if dtype == np.int64 or not _DISCRETE_TAKES_DTYPE:
            return spaces.Discrete(n, start=start)
        return spaces.Discrete(n, start=start, dtype=_integers(dtype))
    if kind == "multi_discrete":
        nvec, starts = (_whole_numbers(k, description[k], dtype) for k in ("nvec", "start"))
        return spaces.MultiDiscrete(nvec, dtype=_integers(dtype), start=starts)
    shape = tuple(_sizes(description["shape"]))
    low, high = (_bound(description[k], shape, dtype) for k in ("low", "high"))
    return spaces.Box(low, high, dtype=dtype.type)


def require_storable(space: Space) -> None:
    """Raise ValueError if `restore_space` cannot restore the space."""
    if restore_space(json.loads(json.dumps(describe(space)))) != space:
        raise ValueError(f"env: expected a space that a checkpoint can hold, got {space}")


def _texts(bound: npt.NDArray[Any]) -> list[str]:
    """Numbers as strings, since JSON has no infinity; a single string if all are equal."""
    texts = [str(value) for value in bound.ravel().tolist()]
    return texts[:1] if len(set(texts)) == 1 else texts


def _bound(texts: Sequence[str], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    read: Callable[[str], float | int] = float if dtype.kind == "f" else int
    if dtype.kind == "b":
        read = {"False": 0, "True": 1}.__getitem__
    values = np.array([read(_text(text)) for text in texts], dtype=dtype)
    return np.full(shape, values[0]) if len(values) == 1 else values.reshape(shape)


def _text(value: Any) -> str:
    if not isinstance(value, str):  # NumPy and float() would accept other types
        raise TypeError(f"space: expected a text, got {value!r}")
    return value


def _whole_numbers(name: str, value: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array from an integer or nested lists of integers, each within the dtype's range."""
    limits = np.iinfo(_integers(dtype))

    def checked(part: Any) -> Any:
        if isinstance(part, list):
            return [checked(one) for one in part]
        return arrays.integer(name, part, int(limits.min), int(limits.max))

    return np.array(checked(value), dtype=dtype)


def _sizes(shape: Sequence[Any]) -> list[int]:
    sizes = [arrays.integer("shape", size, 0, _MOST) for size in shape]
    arrays.integer("shape", int(np.prod(sizes, dtype=np.float64)), 0, _MOST)
    return sizes


def _key(key: Any) -> Any:
    """A key of a Dict space as a JSON value; a list stands for a tuple."""
    if isinstance(key, tuple):
        return [_key(part) for part in key]
    if type(key) not in (str, int, float, bool):
        raise ValueError(
            f"space: expected keys that are strings, numbers or tuples of them, got {key!r}"
        )
    return key


def _restored_key(key: Any) -> Any:
    if isinstance(key, list):
        return tuple(_restored_key(part) for part in key)
    if isinstance(key, float):
        return arrays.number("key", key)  # not NaN, which is not equal to itself
    return _key(key)


def _integers(dtype: np.dtype[Any]) -> Any:
    if dtype.kind not in "iu":
        raise ValueError(f"space: expected integers, got dtype {dtype}")
    return dtype.type
