"""Checks and conversions of arguments. Each error names the argument and the value expected."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Actions = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

_MAX_SEED = 2**64 - 1
_MOST_STEP = 2**62
_MOST_BITS = 1024  # of an integer in a message
_FEW = 64  # below this size plain Python is faster than NumPy
_SOME = 4096  # up to this size a search in bytes is faster than a reduction
_FLOAT64 = np.dtype(np.float64)
_FLOAT32 = np.dtype(np.float32)
_INT32 = np.dtype(np.int32)
_INT64 = np.dtype(np.int64)
_BOOL = np.dtype(np.bool_)


def _is_ready(values: Any, dtype: np.dtype[Any]) -> bool:
    return type(values) is np.ndarray and values.dtype is dtype and values.flags.carray


def _array(name: str, values: Any, kinds: str, expected: str) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
        if not array.flags.aligned:
            array = array.copy()
    except MemoryError:
        raise
    except Exception as error:
        # Only an object's own __array__ may raise anything; else it is of a handler of signals.
        known = isinstance(error, TypeError | ValueError | ArithmeticError | RuntimeError)
        if not (known or hasattr(values, "__array__")):
            raise
        raise TypeError(f"{name}: expected {expected}, got {type(values).__name__}") from error
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name}: expected {expected}, got dtype {array.dtype}")
    return array


def _check_shape(name: str, array: npt.NDArray[Any], shape: tuple[int | None, ...]) -> None:
    if not _has_shape(array.shape, shape):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name}: expected shape ({wanted}), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one element, got shape {array.shape}")


def _has_shape(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    if found == wanted:
        return True
    if len(found) != len(wanted):
        return False
    for got, want in zip(found, wanted, strict=True):
        if want is not None and got != want:
            return False
    return True


def require_finite(
    name: str, array: npt.NDArray[Any], given: npt.NDArray[Any] | None = None
) -> None:
    """Raise ValueError unless all numbers are finite; the error has the first that is not.

    Args:
        name: name of the argument, for errors.
        array: of floats.
        given: what the array was converted from, if it may have had a wider range.
    """
    if all_finite(array):
        return
    where = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
    if given is not None and np.isfinite(given[where]):
        text = (
            f"expected magnitudes of at most {np.finfo(array.dtype).max:.3g}, the range of "
            f"{array.dtype}, got {given[where]} at index {where}"
        )
    else:
        text = f"expected finite values, got {array[where]} at index {where}"
    raise wrong_row(f"{name}: {text}", *where[:1])


def wrong_row(text: str, row: int = 0) -> ValueError:
    """The error for a wrong value in a batch.

    Args:
        text: the message.
        row: index of the value along the first axis.

    Returns:
        The error, with the index for `row_of`.
    """
    error = ValueError(text)
    vars(error)["row"] = row
    return error


def row_of(error: ValueError) -> int | None:
    """Index along the first axis of the value that an error is about.

    Args:
        error: any ValueError.

    Returns:
        The index; None if it is not of `wrong_row`.
    """
    row: int | None = vars(error).get("row")
    return row


def all_finite(array: npt.NDArray[Any]) -> bool:
    """Whether no number is infinite or NaN."""
    finite = np.isfinite(array)
    if array.size <= _SOME:
        return b"\0" not in finite.tobytes()
    return bool(finite.all())


def ndim(name: str, values: Any) -> int:
    """Number of dimensions of real numbers."""
    return numbers(name, values).ndim


def numbers(name: str, values: Any) -> npt.NDArray[Any]:
    """Real numbers or flags of any shape and dtype."""
    return _array(name, values, "fiub", "real numbers")


def finite_floats(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """Finite float64, C-contiguous, of the given shape (None: any length).

    This and the functions below take the argument's name, for errors, and its value. They raise
    TypeError for a wrong type or dtype, and ValueError for a wrong shape or value.
    """
    array = _array(name, values, "fiu", "real numbers")
    _check_shape(name, array, shape)
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=np.float64)
    require_finite(name, converted)
    return converted


def non_negatives(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """The same as `finite_floats`, for numbers of at least 0."""
    converted = finite_floats(name, values, shape)
    if (converted < 0.0).any():
        raise ValueError(f"{name}: expected numbers of at least 0, got {converted.min()}")
    return converted


def exactly(
    name: str,
    values: Any,
    dtype: npt.DTypeLike,
    shape: tuple[int | None, ...],
    *,
    finite: bool = True,
) -> npt.NDArray[Any]:
    """A copy, C-contiguous, of an array of a file: of this dtype and shape, and no other.

    Floating-point numbers must be finite, unless `finite` is False.
    """
    wanted = np.dtype(dtype)
    if not isinstance(values, np.ndarray) or values.dtype != wanted:
        found = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"{name}: expected dtype {wanted}, got {found}")
    _check_shape(name, values, shape)
    if finite and wanted.kind == "f":
        require_finite(name, values)
    return np.array(values, order="C")


def as_float64(name: str, values: Any) -> Floats:
    """Float64, C-contiguous, for kernels that check the shape and the values themselves."""
    if _is_ready(values, _FLOAT64):
        return values  # type: ignore[no-any-return]
    array = _array(name, values, "fiu", "real numbers")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64, order="C")


def unchecked_flags(name: str, values: Any) -> Bools:
    """Booleans, C-contiguous, for kernels that check the shape themselves."""
    if _is_ready(values, _BOOL):
        return values  # type: ignore[no-any-return]
    return np.asarray(_array(name, values, "b", "booleans"), order="C")


def features(name: str, values: Any, columns: int) -> Floats:
    """Float64 (n, columns), C-contiguous; integers become float64, float32 is an error.

    Values are not checked: the kernels detect non-finite features in their results.
    """
    if _is_ready(values, _FLOAT64) and values.ndim == 2 and values.shape[1] == columns:
        if values.size:
            return values  # type: ignore[no-any-return]
    elif getattr(values, "dtype", None) is _FLOAT32:
        raise TypeError(
            f"{name}: expected float64, got float32: linear policies no longer take float32 "
            "features; use astype(np.float64)"
        )
    return shaped_floats(name, values, (None, columns))


def shaped_floats(name: str, values: Any, shape: tuple[int | None, ...]) -> Floats:
    """Float64, C-contiguous, for kernels that check the values themselves."""
    array = as_float64(name, values)
    _check_shape(name, array, shape)
    return array


def observations(name: str, values: Any, size: int) -> tuple[Float32s, bool]:
    """Float32 observations (n, size), and whether a single observation was given."""
    array = _array(name, values, "fiu", "real numbers")
    single = array.ndim == 1
    batch = array[None] if single else array
    if batch.ndim != 2 or batch.shape[1] != size:
        raise ValueError(f"{name}: expected shape ({size},) or (n, {size}), got {array.shape}")
    _check_shape(name, batch, (None, size))
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(batch, dtype=np.float32)
    require_finite(name, converted, batch)
    return converted, single


def unchecked_observations(name: str, values: Any, size: int) -> Float32s:
    """Float32 observations (n, size), for kernels that check the values themselves."""
    if _is_ready(values, _FLOAT32) and values.ndim == 2 and values.shape[1] == size:
        return values  # type: ignore[no-any-return]
    return observations(name, values, size)[0]


def flags(name: str, values: Any, shape: tuple[int | None, ...]) -> Bools:
    """Booleans, C-contiguous; integers are refused, 0 and 1 too."""
    array = _array(name, values, "b", "booleans")
    _check_shape(name, array, shape)
    return np.ascontiguousarray(array)


def action_masks(name: str, masks: Any, size: int) -> Bools:
    """Action masks of n environments, bool (n, size).

    Args:
        name: name of the argument, for errors.
        masks: one mask for each environment: an array of 0 and 1, or a tuple of such arrays, one
            for each choice of a MultiDiscrete space.
        size: number of actions, of all choices together.

    Returns:
        True where an action is allowed.

    Raises:
        ValueError: a mask of another size, or values other than 0 and 1.
    """
    plain = isinstance(masks, np.ndarray) and masks.dtype != object
    if plain and masks.dtype.itemsize == 1 and masks.shape == (len(masks), size):
        others = masks.tobytes().translate(None, b"\0\1")
        if not others:
            allowed: Bools = masks.astype(np.bool_)
            return allowed
    rows = masks if plain else [_joined(mask) for mask in masks]
    for row in rows:
        if np.size(row) != size:
            raise ValueError(f"{name}: expected {size} flags, got {np.size(row)}")
    batch = np.reshape(rows, (len(rows), size))
    if batch.dtype.kind not in "biuf" or not ((batch == 0) | (batch == 1)).all():
        raise ValueError(f"{name}: expected flags, 0 or 1, got {batch.tolist()}")
    return batch.astype(np.bool_)


def _joined(mask: Any) -> npt.NDArray[Any]:
    if isinstance(mask, tuple | list):
        return np.concatenate([np.zeros(0, dtype=np.bool_), *map(_joined, mask)])
    return np.ravel(mask)


def actions(name: str, values: Any, shape: tuple[int, ...], choices: list[int]) -> Actions:
    """Discrete actions, any integer dtype, as (n, choices): choice c in [0, choices[c])."""
    # An int32 array needs no conversion, which could wrap around; the kernels check its values.
    plain = type(values) is np.ndarray and values.dtype == _INT32 and values.flags.carray
    if plain and values.shape == shape and values.size:
        return values.reshape(shape[0], len(choices))  # type: ignore[no-any-return]
    array = _array(name, values, "iu", "integers")
    _check_shape(name, array, shape)
    columns = array.reshape(shape[0], len(choices))
    if columns.dtype == _INT32:
        return np.ascontiguousarray(columns)
    for column, count in zip(columns.T, choices, strict=True):
        if column.min() < 0 or column.max() >= count:
            bad = column[(column < 0) | (column >= count)][0]
            raise ValueError(f"{name}: expected values in [0, {count}), got {bad}")
    return np.ascontiguousarray(columns, dtype=np.int32)


def integers(
    name: str, values: Any, dtype: npt.DTypeLike, shape: tuple[int | None, ...]
) -> npt.NDArray[Any]:
    """Integers of this dtype, C-contiguous; those of other dtypes are converted if they fit."""
    wanted = np.dtype(dtype)
    listed = _listed_integers(values) if isinstance(values, list) else None
    array = _array(name, values, "iu", "integers") if listed is None else listed
    _check_shape(name, array, shape)
    if array.dtype != wanted:
        limits = np.iinfo(wanted)
        least, most = int(array.min()), int(array.max())
        if least < limits.min or most > limits.max:
            bad = least if least < limits.min else most
            raise ValueError(f"{name}: expected integers of dtype {wanted}, got {bad}")
    return np.ascontiguousarray(array, dtype=wanted)


def _listed_integers(values: list[Any]) -> npt.NDArray[Any] | None:
    """Python's integers as objects: of small beside large ones NumPy would make float64."""
    try:
        objects = np.asarray(values, dtype=object)
    except ValueError:  # arrays of different shapes
        return None
    return objects if all(type(one) is int for one in objects.flat) else None


def steps(name: str, values: Any, count: int) -> npt.NDArray[np.int64]:
    """Steps in the episode, int64 (count,), at least 0; None gives zeros."""
    if values is None:
        return np.zeros(count, dtype=np.int64)
    ready = _is_ready(values, _INT64) and values.shape == (count,)
    if ready and values.min(initial=0) >= 0 and values.max(initial=0) <= _MOST_STEP:
        return values  # type: ignore[no-any-return]
    array = _array(name, values, "iu", "integers")
    _check_shape(name, array, (count,))
    if array.min(initial=0) < 0 or array.max(initial=0) > _MOST_STEP:
        bad = array[(array < 0) | (array > _MOST_STEP)][0]
        raise ValueError(f"{name}: expected steps of at least 0 and at most 2^62, got {bad}")
    return np.ascontiguousarray(array, dtype=np.int64)


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """An integer in [low, high]."""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {value!r}") from None
    if number < low or (high is not None and number > high):
        wanted = f"at least {low}" if high is None else f"in [{low}, {high}]"
        # Python refuses to write out integers of more than 4,300 digits.
        got = number if number.bit_length() < _MOST_BITS else f"one of {number.bit_length():,} bits"
        raise ValueError(f"{name}: expected an integer {wanted}, got {got}")
    return number


def boolean(name: str, value: Any) -> bool:
    """True or False; numbers are refused."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def number(name: str, value: Any) -> float:
    """A finite real number."""
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, bool | np.bool_ | str) or not np.isscalar(value):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not np.isreal(value):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    try:
        result = float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"{name}: expected a finite number, got a larger one") from None
    if not np.isfinite(result):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return result


def non_negative(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    result = number(name, value)
    if result < 0.0:
        raise ValueError(f"{name}: expected a number of at least 0, got {value!r}")
    return result


def positive(name: str, value: Any) -> float:
    """A finite number above 0."""
    result = number(name, value)
    if result <= 0.0:
        raise ValueError(f"{name}: expected a number above 0, got {value!r}")
    return result


def positive_or_none(name: str, value: Any) -> float | None:
    """A finite number above 0, or None."""
    return None if value is None else positive(name, value)


def between(name: str, value: Any, low: float, high: float) -> float:
    """A number in [low, high]."""
    result = number(name, value)
    if not low <= result <= high:
        raise ValueError(f"{name}: expected a number in [{low:g}, {high:g}], got {value!r}")
    return result


def unit_interval(name: str, value: Any) -> float:
    """A number in [0, 1]."""
    return between(name, value, 0.0, 1.0)


def seed(value: Any) -> int:
    """A seed in [0, 2^64); None draws one."""
    if value is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    return integer("seed", value, 0, _MAX_SEED)


def seed_words(value: int) -> npt.NDArray[np.uint32]:
    """A non-negative integer of any size as 32-bit words, least significant first."""
    length = max(1, (value.bit_length() + 31) // 32)
    return np.frombuffer(value.to_bytes(4 * length, "little"), dtype="<u4").astype(np.uint32)


def within(values: Floats, most: float) -> bool:
    """Whether no number is NaN, or larger than `most` in absolute value."""
    if values.size <= _FEW and math.hypot(*values.ravel().tolist()) <= most:  # faster
        return True
    return bool(np.abs(values).max() <= most)


def norm(values: Floats) -> float:
    """Euclidean norm; squares of large numbers do not overflow."""
    if values.size <= _FEW:
        return math.hypot(*values.ravel().tolist())
    largest = float(np.abs(values).max())
    if not 0.0 < largest < math.inf:  # all zeros, or a value that is not finite
        return largest
    scaled = (values / largest).ravel()
    # A library's dot product of many numbers wakes all its threads, which then spin.
    squares = scaled.dot(scaled) if scaled.size <= _SOME else np.square(scaled).sum()
    return largest * math.sqrt(squares)


def mapping(name: str, value: Any) -> dict[Any, Any]:
    """A copy of a mapping; None gives an empty dict."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a dict, got {value!r}")
    return dict(value)


def keywords(name: str, value: Any) -> dict[str, Any]:
    """A copy of a mapping with string keys; None gives an empty dict."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a dict of keywords, got {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{name}: expected names for keys, got {key!r}")
    return dict(value)
