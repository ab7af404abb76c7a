"""Values that are invalid for every argument, and changes of valid values."""

import fractions
import warnings
from decimal import Decimal

import numpy as np


class Raises:
    """An object whose conversions all raise errors."""

    def _fail(self, *_, **__):
        raise ZeroDivisionError("from the object itself")

    __array__ = __index__ = __float__ = __int__ = __len__ = __iter__ = __bool__ = _fail


class Gives:
    """An object that supports every conversion."""

    def __init__(self, value):
        self.value = value

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.value)

    def __index__(self):
        with np.errstate(all="ignore"):  # a warning here would count as fastpg's
            return int(np.asarray(self.value).sum().real)

    def __float__(self):
        with np.errstate(all="ignore"):
            return float(np.asarray(self.value).sum().real)

    def __len__(self):
        return len(self.value)

    def __getitem__(self, place):
        return self.value[place]


class Shrinks(Gives):
    """Frees the memory of other arrays during its conversion."""

    victims = ()

    def __array__(self, dtype=None, copy=None):
        for victim in self.victims:
            try:
                victim.resize(0, refcheck=False)
            except ValueError:
                continue
        return np.asarray(self.value)


def recursive():
    itself = []
    itself.append(itself)
    return itself


# No integers between small ones and 2^62: they would be valid sizes, and the calls would take long.
NUMBERS = [
    -1, 0, 1, 2, 3, 7, -(2**31), 2**63 - 1, 2**63, -(2**63), 2**64, 2**70, True, False,
    0.0, -0.0, 0.5, -1.0, 1.5, 1e-320, 1e-300, 1e300, -1e308, float("nan"), float("inf"),
    -float("inf"), np.float16(2), np.float32("nan"), np.int8(-3), np.uint64(2**63), np.bool_(True),
    np.float128(1) if hasattr(np, "float128") else 1, 1j, fractions.Fraction(1, 3), Decimal("NaN"),
]  # fmt: skip
TEXTS = [
    "",
    "text",
    "linear",
    "npg",
    "CartPole-v1",
    "CartPole",
    "exact",
    "step",
    b"bytes",
    "\0",
    "é",
]
OTHERS = [None, ..., NotImplemented, object, object(), len, [], {}, (), set(), [None], {"a": 1},
          range(3), slice(2), Exception("x")]  # fmt: skip
ARRAYS = [
    np.zeros((0,)), np.zeros((0, 2)), np.zeros((3, 0)), np.zeros(()), np.zeros((7, 7)),
    np.zeros((2, 2, 2)), np.full((3, 2), np.nan), np.full(3, np.inf), np.full((3, 4), 1e308),
    np.full(3, -1, np.int32), np.full(3, 99, np.int64), np.full(3, 2**62, np.int64),
    np.full(3, -(2**63), np.int64), np.zeros(3, bool), np.zeros((3, 2), dtype=object),
    np.array(["a", "b"]), np.zeros(3, dtype=complex), np.zeros(3, dtype="M8[s]"),
    np.zeros(3, dtype=[("x", float)]), np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]),
]  # fmt: skip


def strange(rng):
    """A value of any kind."""
    kind = rng.integers(6)
    if kind == 0:
        return NUMBERS[rng.integers(len(NUMBERS))]
    if kind == 1:
        return TEXTS[rng.integers(len(TEXTS))]
    if kind == 2:
        return OTHERS[rng.integers(len(OTHERS))]
    if kind == 3:
        return ARRAYS[rng.integers(len(ARRAYS))].copy()
    shape = tuple(rng.integers(0, 6, rng.integers(0, 4)))
    array = rng.normal(size=shape)
    if kind == 4:
        return array.tolist()
    return [Raises(), Gives(array), recursive(), Shrinks(array)][rng.integers(4)]


def _array_change(array, rng):
    changes = [
        lambda a: a.astype(
            rng.choice(["f4", "f8", "f2", "i4", "i8", "u1", "?", "O", "c16", ">f8"])
        ),
        lambda a: np.asfortranarray(a),
        lambda a: a.T,
        lambda a: a[..., ::-1],
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a[:-1],
        lambda a: np.concatenate([a, a]),
        lambda a: a[None],
        lambda a: a.ravel(),
        lambda a: a[..., None],
        lambda a: np.broadcast_to(a[:1], a.shape),
        lambda a: a.tolist(),
        lambda a: np.full(a.shape, rng.choice([np.nan, np.inf, 1e308, -1.0, 1e-320])),
        lambda a: np.full(a.shape, rng.choice([-1, 99, 2**62])),
        lambda a: _one_changed(a, rng),
        lambda a: np.frombuffer(b"\0" + a.tobytes(), dtype=np.uint8)[1:].view(a.dtype),
        lambda a: np.ma.masked_array(a),
        lambda a: Gives(a),
        lambda a: Shrinks(a),
    ]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return changes[rng.integers(len(changes))](array)
        except OverflowError:  # an object beyond the integers of the type it was to become
            return array


def _one_changed(array, rng):
    out = array.astype(float)
    if out.size:
        out.flat[rng.integers(out.size)] = rng.choice([np.nan, np.inf, -np.inf, 1e308, -1e308])
    return out


def changed(value, rng):
    """A changed value, which may be valid or invalid; often an unrelated value."""
    if isinstance(value, np.ndarray) and value.ndim and rng.random() < 0.7:
        try:
            return _array_change(value.copy(), rng)
        except (ValueError, TypeError, IndexError):
            return value.copy()
    if isinstance(value, bool | int | float) and rng.random() < 0.5:
        return NUMBERS[rng.integers(len(NUMBERS))]
    return strange(rng)
