"""Gymnasium spaces: flat observations, actions for the environment, and spaces as JSON.

The numbers of a flat observation are in the order of Gymnasium's `flatten`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim
from gymnasium.vector.utils import concatenate, create_empty_array

from fastpg import arrays
from fastpg.arrays import Float32s

Space = spaces.Space[Any]
Integers = npt.NDArray[Any]

_IMAGE_SIDE = 16
# Before Gymnasium 1.2.3 every Discrete is of int64; `require_same` ignores the width.
_DISCRETE_TAKES_DTYPE = "dtype" in inspect.signature(spaces.Discrete).parameters
KINDS = "Box, Discrete, MultiDiscrete, MultiBinary, Tuple or Dict"


def flat_size(space: Space) -> int:
    """Length d of a flat observation: the size of a Box, the one-hot code of a Discrete, and so on.

    Args:
        space: of one observation.

    Returns:
        d, at least 1.

    Raises:
        ValueError: an unsupported kind of space, an empty one, or one shaped like an image: a Box
            of uint8 with at least two dimensions, or any Box with at least two dimensions of length
            16 or more.
    """
    for leaf in _leaves(space):
        if isinstance(leaf, spaces.Box) and _is_image(leaf):
            raise ValueError(
                f"observation space: {leaf} is shaped like an image; a linear policy would use "
                "single pixels as features: wrap the environment to compute features "
                "(gymnasium.wrappers.TransformObservation), or, if every number is a feature, in "
                "gymnasium.wrappers.FlattenObservation"
            )
    size = int(flatdim(space))
    if size < 1:
        raise ValueError(f"observation space: expected at least one number, got {space}")
    return size


def flatten(
    space: Space, observations: Any, *, single: bool = False, name: str = "observation"
) -> Float32s:
    """Flatten observations, each as `gymnasium.spaces.utils.flatten` does.

    Args:
        space: of one observation.
        observations: n observations as a vector environment returns them: one array; for a Dict or
            Tuple space a dict or tuple of arrays.
        single: whether `observations` is one observation instead of n.
        name: name of the observations, for errors.

    Returns:
        Float32 (n, d).

    Raises:
        ValueError: another shape, a value outside a discrete space, or one that is not finite.
        TypeError: not numbers, or not the dict or tuple of the space.
    """
    parts = _parts(space, observations, single, name)
    flat = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    return arrays.observations(name, flat, flat.shape[1])[0]


def is_single(space: Space, observations: Any) -> bool:
    """Whether `observations` is one observation of the space, instead of several."""
    if isinstance(space, spaces.Dict) and isinstance(observations, dict):
        return all(is_single(s, observations[k]) for k, s in space.items() if k in observations)
    if isinstance(space, spaces.Tuple) and isinstance(observations, tuple | list):
        return all(map(is_single, space.spaces, observations))
    return arrays.ndim("observation", observations) == len(space.shape or ())


def gather(space: Space, observations: Any, indices: Integers) -> Any:
    """Select observations by index and join them to one batch.

    Args:
        space: of one observation.
        observations: of all environments: an array of objects, or a dict or tuple of arrays.
        indices: of the observations to select, (n,).

    Returns:
        n observations, in the form of a vector environment's.
    """
    if isinstance(space, spaces.Dict) and isinstance(observations, dict):
        return {key: gather(part, observations[key], indices) for key, part in space.items()}
    if isinstance(space, spaces.Tuple) and isinstance(observations, tuple):
        parts = zip(space.spaces, observations, strict=True)
        return tuple(gather(part, values, indices) for part, values in parts)
    chosen = [observations[i] for i in indices]
    room: Any = create_empty_array(space, len(chosen))
    return concatenate(space, chosen, room)


def _leaves(space: Space) -> list[Space]:
    if isinstance(space, spaces.Dict):
        return [leaf for part in space.spaces.values() for leaf in _leaves(part)]
    if isinstance(space, spaces.Tuple):
        return [leaf for part in space.spaces for leaf in _leaves(part)]
    if not isinstance(
        space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary
    ):
        raise ValueError(f"observation space: expected {KINDS}, got {space}")
    return [space]


def _is_image(box: spaces.Box) -> bool:
    long_sides = sum(side >= _IMAGE_SIDE for side in box.shape)
    return len(box.shape) >= 2 and (box.dtype == np.uint8 or long_sides >= 2)


def _parts(space: Space, values: Any, single: bool, name: str) -> list[npt.NDArray[Any]]:
    """The flat columns of every leaf."""
    if isinstance(space, spaces.Dict):
        if not isinstance(values, dict) or not values.keys() >= space.spaces.keys():
            raise TypeError(f"{name}: expected a dict with {list(space.spaces)}, got {values!r}")
        named = [(f"{name}[{key!r}]", part, values[key]) for key, part in space.spaces.items()]
    elif isinstance(space, spaces.Tuple):
        if not isinstance(values, tuple | list) or len(values) != len(space.spaces):
            raise TypeError(f"{name}: expected a tuple of {len(space.spaces)}, got {values!r}")
        named = [
            (f"{name}[{k}]", part, value)
            for k, (part, value) in enumerate(zip(space.spaces, values, strict=True))
        ]
    else:
        return [_leaf(space, values, single, name)]
    return [column for label, part, value in named for column in _parts(part, value, single, label)]


def _leaf(space: Space, values: Any, single: bool, name: str) -> npt.NDArray[Any]:
    array = arrays.numbers(name, values)
    shape = space.shape or ()
    batch = array[None] if single else array
    if batch.shape[1:] != shape or batch.ndim == 0 or len(batch) == 0:
        one = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        several = ", ".join(map(str, ("n", *shape))) + ("" if shape else ",")
        raise ValueError(f"{name}: expected shape ({one}) or ({several}), got {array.shape}")
    rows = batch.reshape(len(batch), -1)
    if isinstance(space, spaces.Discrete):
        return _one_hot(rows, np.array([space.start]), np.array([space.n]), name)
    if isinstance(space, spaces.MultiDiscrete):
        return _one_hot(rows, space.start.ravel(), space.nvec.ravel(), name)
    return rows.astype(np.float32) if rows.dtype == np.bool_ else rows


def _one_hot(rows: Integers, starts: Integers, counts: Integers, name: str) -> Float32s:
    """One-hot codes: column k, in [starts[k], starts[k] + counts[k]), becomes counts[k] columns."""
    if rows.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got dtype {rows.dtype}")
    counts = counts.astype(np.int64)
    choices = rows.astype(np.int64) - starts
    outside = (choices < 0) | (choices >= counts)
    if outside.any():
        raise ValueError(f"{name}: expected values of its space, got {rows[outside][0]}")
    columns = choices + (np.cumsum(counts) - counts)
    hot = np.zeros((len(rows), int(counts.sum())), dtype=np.float32)
    hot[np.arange(len(rows))[:, None], columns] = 1.0
    return hot


def to_action_space(
    space: Space, actions: npt.NDArray[Any], *, clipped: bool = False
) -> npt.NDArray[Any]:
    """Convert actions of a policy to actions of an environment.

    `start` of a discrete space is added. Actions for a Box are clipped to its bounds, and rounded
    if it holds integers.

    Args:
        space: of one action.
        actions: (n,) or (n, size); discrete actions count from 0.
        clipped: whether those for a Box are within its bounds already.

    Returns:
        (n, *space.shape), in the space's dtype.
    """
    if type(space) is spaces.Discrete:
        counted: npt.NDArray[Any] = actions.astype(space.dtype) + space.start
        return counted
    shaped = actions.reshape(len(actions), *(space.shape or ()))
    if isinstance(space, spaces.Box):
        if not clipped:
            shaped = np.minimum(np.maximum(shaped, space.low), space.high)
        if space.dtype.kind in "iu":
            shaped = np.minimum(np.rint(shaped), largest_float(space.dtype))
    elif isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        shaped = shaped.astype(space.dtype) + space.start
    return shaped.astype(space.dtype, copy=False)


def largest_float(dtype: np.dtype[Any]) -> float:
    """The largest float64 that an integer dtype holds too.

    Args:
        dtype: of integers. The largest of 64 bits, as float64, would be out of its range.
    """
    largest = float(np.iinfo(dtype).max)
    return largest if int(largest) <= np.iinfo(dtype).max else float(np.nextafter(largest, 0.0))


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


def require_same(what: str, own: Space, other: Space, *, bounds: bool = False) -> None:
    """Raise ValueError unless values mean the same in both spaces.

    These must agree: the kind; parts, their keys and their order; shape; number of choices and
    `start`; for a Box whether it holds integers and, with `bounds`, its bounds. The width of the
    dtype may differ.

    Args:
        what: name of the spaces, for errors.
        own: space of the policy.
        other: space of the environment.
        bounds: whether the bounds of a Box must agree.

    Raises:
        ValueError: the spaces differ; the message names the difference.
    """
    if own != other and (wrong := _difference(own, other, bounds)):
        raise ValueError(f"env: expected the policy's {what} {own}, got {other} ({wrong})")


def _difference(own: Space, other: Space, bounds: bool) -> str | None:
    """The first difference, in words; None if there is none."""
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
