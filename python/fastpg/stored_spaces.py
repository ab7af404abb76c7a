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
        parts = [[key, describe(part)] for key, part in space.spaces.items()]
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
        return spaces.Dict([(key, restore_space(part)) for key, part in description["parts"]])
    if kind == "tuple":
        return spaces.Tuple([restore_space(part) for part in description["parts"]])
    if kind == "multi_binary":
        n = description["n"]
        return spaces.MultiBinary(_sizes(n) if isinstance(n, list) else _sizes([n])[0])
    if kind not in ("discrete", "multi_discrete", "box"):
        raise ValueError(f"space: unknown kind {kind!r}")
    dtype = np.dtype(description["dtype"])
    if kind == "discrete":
        n = arrays.integer("n", description["n"], 1, _MOST)
        return spaces.Discrete(n, start=int(description["start"]), dtype=_integers(dtype))
    if kind == "multi_discrete":
        nvec, start = (np.array(description[k], dtype=_integers(dtype)) for k in ("nvec", "start"))
        return spaces.MultiDiscrete(nvec, dtype=_integers(dtype), start=start)
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
    values = np.array([read(text) for text in texts], dtype=dtype)
    return np.full(shape, values[0]) if len(values) == 1 else values.reshape(shape)


def _sizes(shape: Sequence[Any]) -> list[int]:
    sizes = [arrays.integer("shape", size, 1, _MOST) for size in shape]
    arrays.integer("shape", int(np.prod(sizes, dtype=np.float64)), 1, _MOST)
    return sizes


def _integers(dtype: np.dtype[Any]) -> Any:
    if dtype.kind not in "iu":
        raise ValueError(f"space: expected integers, got dtype {dtype}")
    return dtype.type
