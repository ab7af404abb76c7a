"""Values that users log beside the metrics of fastpg: `algo.log(key, value)`."""

from __future__ import annotations

from math import isfinite
from typing import Any

from fastpg import arrays
from fastpg.training.metrics import Metrics

OWN_GROUPS = ("rollout", "time", "train", "eval")  # of the keys that fastpg itself writes
_MOST = 2**63 - 1  # integers of a history are int64
_EXPECTED = "a number, a flag or a text"


class LoggedValues:
    """Values of users, until they are in a record.

    Before a record is made they wait for it; while the callbacks get a record, they become a part
    of it.

    Attributes:
        waiting: values that are in no record yet.
        record: the record that callbacks get, into which values go; None: they wait for the next.
    """

    def __init__(self) -> None:
        self._open = False
        self.waiting: Metrics = {}
        self.record: Metrics | None = None

    def open(self) -> None:
        """Take values from now on, for the next record."""
        self._open = True

    def close(self) -> None:
        """Take no more values; those without a record are dropped."""
        self._open, self.record, self.waiting = False, None, {}

    def add(self, key: Any, value: Any) -> None:
        """Take a value; arguments and errors as in `log` of an algorithm."""
        name, given = _key(key), _value(key, value)
        if not self._open:
            raise RuntimeError(
                "log: expected a call while learn trains, as from a callback, got "
                f"{name!r} when it does not"
            )
        values = self.waiting if self.record is None else self.record
        if isinstance(given, float) and not isfinite(given):
            values.pop(name, None)  # as with the metrics of fastpg
        else:
            values[name] = given


def is_own(key: str) -> bool:
    """Whether a key of a record is one of fastpg, and not of a user."""
    return key.partition("/")[0] in OWN_GROUPS


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"log: key: expected a text such as 'my/metric', got {key!r}")
    if not key.strip() or not key.isprintable():
        raise ValueError(f"log: key: expected a text of one line, such as 'my/metric', got {key!r}")
    if is_own(key):
        groups = ", ".join(f"{group}/" for group in OWN_GROUPS)
        raise ValueError(
            f"log: key: expected another group than those of fastpg ({groups}), such as "
            f"'my/{key.partition('/')[2] or key}', got {key!r}"
        )
    return str.__str__(key)


def _value(key: str, value: Any) -> float | int | str | bool:
    """The value as one of Python's, which every file can hold."""
    given = value
    if callable(item := getattr(value, "item", None)):  # a scalar of NumPy, or an array of one
        try:
            given = item()
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"log: {key}: expected {_EXPECTED}, got {value!r}") from None
    if isinstance(given, bool):
        return given
    if isinstance(given, int):
        return arrays.integer(f"log: {key}", int(given), -_MOST - 1, _MOST)
    if isinstance(given, float):
        return float(given)
    if not isinstance(given, str):
        raise TypeError(f"log: {key}: expected {_EXPECTED}, got {value!r}")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise ValueError(f"log: {key}: expected a text of Unicode, got {given!r}") from None
    return str.__str__(given)
