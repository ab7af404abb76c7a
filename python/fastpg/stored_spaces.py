"""Spaces as JSON values, for checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import arrays
from fastpg.flattening import KINDS, Space

_MOST = 2**20  # numbers in an observation or an action


def describe(space: Space) -> dict[str, Any]:
    """A space as JSON values, from which `restore_space` makes one that is equal."""
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
    """The space of a `describe`.

    Raises:
        KeyError, TypeError, ValueError: anything else; nothing is made of sizes above 2^20.
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
        return spaces.Discrete(n, start=start, dtype=_integers(dtype))
    if kind == "multi_discrete":
        nvec, starts = (_whole_numbers(k, description[k], dtype) for k in ("nvec", "start"))
        return spaces.MultiDiscrete(nvec, dtype=_integers(dtype), start=starts)
    shape = tuple(_sizes(description["shape"]))
    low, high = (_bound(description[k], shape, dtype) for k in ("low", "high"))
    return spaces.Box(low, high, dtype=dtype.type)


def _texts(bound: npt.NDArray[Any]) -> list[str]:
    """Numbers as texts, since JSON knows no infinity; one where all are equal."""
    texts = [str(value) for value in bound.ravel().tolist()]
    return texts[:1] if len(set(texts)) == 1 else texts


def _bound(texts: Sequence[str], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    read: Callable[[str], float | int] = float if dtype.kind == "f" else int
    if dtype.kind == "b":
        read = {"False": 0, "True": 1}.__getitem__
    values = np.array([read(_text(text)) for text in texts], dtype=dtype)
    return np.full(shape, values[0]) if len(values) == 1 else values.reshape(shape)


def _text(value: Any) -> str:
    if not isinstance(value, str):  # NumPy and float() would make something of others too
        raise TypeError(f"space: expected a text, got {value!r}")
    return value


def _whole_numbers(name: str, value: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An integer or nested lists of them as an array; nothing is rounded or wrapped around."""
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
        return arrays.number("key", key)  # NaN is no key: it is not equal to itself
    return _key(key)


def require_same(what: str, own: Space, other: Space, *, bounds: bool = False) -> None:
    """Raise ValueError unless a value of one space means the same in the other.

    Kinds, parts, their keys and order, shapes, numbers of choices and starts have to agree; of a
    Box whether it holds integers or not, and its bounds where they matter. Sizes of numbers do not.

    Args:
        what: of the spaces, in the error.
        own: of the policy.
        other: of the environment.
        bounds: whether the bounds of a Box count.
    """
    if own != other and (wrong := _difference(own, other, bounds)):
        raise ValueError(f"env: expected the policy's {what} {own}, got {other} ({wrong})")


def _difference(own: Space, other: Space, bounds: bool) -> str | None:
    """What is different, in words; None where nothing is."""
    kind = type(own).__name__
    if not isinstance(other, type(own)):
        return f"{type(other).__name__} for {kind}"
    if isinstance(own, spaces.Dict | spaces.Tuple):
        return _different_part(_named_parts(own), _named_parts(other), bounds)
    if own.shape != other.shape:
        return f"shape {other.shape} for {own.shape}"
    for name in ("n", "nvec", "start"):
        mine, theirs = getattr(own, name, None), getattr(other, name, None)
        if not np.array_equal(mine, theirs):  # type: ignore[arg-type]
            return f"{name} {theirs} for {mine}"
    if isinstance(own, spaces.Box) and isinstance(other, spaces.Box):
        return _different_box(own, other, bounds)
    return None


def _named_parts(space: Space) -> dict[Any, Space]:
    parts = space.spaces  # type: ignore[attr-defined]
    return dict(parts) if isinstance(space, spaces.Dict) else dict(enumerate(parts))


def _different_part(own: dict[Any, Space], other: dict[Any, Space], bounds: bool) -> str | None:
    if list(own) != list(other):
        return f"parts {list(other)} for {list(own)}"
    for key, part in own.items():
        if wrong := _difference(part, other[key], bounds):
            return f"{key!r}: {wrong}"
    return None


def _different_box(own: spaces.Box, other: spaces.Box, bounds: bool) -> str | None:
    if (own.dtype.kind == "f") != (other.dtype.kind == "f"):
        return f"dtype {other.dtype} for {own.dtype}"
    for name in ("low", "high") if bounds else ():
        mine, theirs = getattr(own, name), getattr(other, name)
        if not np.array_equal(mine, theirs):
            return f"{name} {theirs} for {mine}"
    return None


def _integers(dtype: np.dtype[Any]) -> Any:
    if dtype.kind not in "iu":
        raise ValueError(f"space: expected integers, got dtype {dtype}")
    return dtype.type
