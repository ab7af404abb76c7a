"""Flat observations, and actions for the environment.

The numbers of a flat observation are in the order of Gymnasium's `flatten`.
"""

from __future__ import annotations

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
_FLOAT32 = np.dtype(np.float32)
_FLOAT64 = np.dtype(np.float64)
_INT64 = np.dtype(np.int64)
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
    if not single and type(observations) is np.ndarray and observations.size:
        ready = _ready(space, observations, name)
        if ready is not None:
            return ready
    parts = _parts(space, observations, single, name)
    flat = parts[0] if len(parts) == 1 else _joined(parts, name)
    return arrays.observations(name, flat, flat.shape[1])[0]


def _ready(space: Space, values: npt.NDArray[Any], name: str) -> Float32s | None:
    """The result for the commonest batches, with fewer checks; None for any other."""
    if type(space) is spaces.Box and values.shape[1:] == space.shape and values.flags.carray:
        rows = values.reshape(len(values), -1)
        if values.dtype is _FLOAT64:
            with np.errstate(over="ignore"):
                rounded = rows.astype(np.float32)
        elif values.dtype is _FLOAT32:
            rounded = rows
        else:
            return None
        arrays.require_finite(name, rounded, rows)
        return rounded
    if type(space) is spaces.Discrete and values.dtype is _INT64 and values.ndim == 1:
        choices = values - space.start if space.start else values
        if choices.view(np.uint64).max() >= space.n:  # negative ones are large
            return None
        hot = np.zeros((len(values), int(space.n)), dtype=np.float32)
        hot[np.arange(len(values)), choices] = 1.0
        return hot
    return None


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


def _joined(parts: list[npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    counts = [len(part) for part in parts]
    if min(counts) != max(counts):
        raise ValueError(f"{name}: expected as many observations in each part, got {counts}")
    return np.concatenate(parts, axis=1)


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
        # One observation among several is of the right shape, but for `single`.
        wanted = f"({several})" if array.shape == shape else f"({one}) or ({several})"
        raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")
    rows = batch.reshape(len(batch), -1)
    if isinstance(space, spaces.Discrete):
        return _one_hot(rows, np.array([space.start]), np.array([space.n]), name)
    if isinstance(space, spaces.MultiDiscrete):
        return _one_hot(rows, space.start.ravel(), space.nvec.ravel(), name)
    if isinstance(space, spaces.MultiBinary):
        _require_inside(rows, (rows != 0) & (rows != 1), name)
    return rows.astype(np.float32) if rows.dtype == np.bool_ else rows


def _one_hot(rows: Integers, starts: Integers, counts: Integers, name: str) -> Float32s:
    """One-hot codes: column k, in [starts[k], starts[k] + counts[k]), becomes counts[k] columns."""
    if rows.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got dtype {rows.dtype}")
    counts = counts.astype(np.int64)
    choices = rows.astype(np.int64) - starts
    outside = (choices < 0) | (choices >= counts)
    _require_inside(rows, outside, name)
    columns = choices + (np.cumsum(counts) - counts)
    hot = np.zeros((len(rows), int(counts.sum())), dtype=np.float32)
    hot[np.arange(len(rows))[:, None], columns] = 1.0
    return hot


def _require_inside(rows: Integers, outside: arrays.Bools, name: str) -> None:
    if outside.any():
        row = int(np.argwhere(outside)[0, 0])
        text = f"{name}: expected values of its space, got {rows[outside][0]}"
        raise arrays.wrong_row(text, row)


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
        counted: npt.NDArray[Any] = actions.astype(space.dtype)
        return counted + space.start if space.start else counted
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
