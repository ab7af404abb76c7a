"""The history of a training as arrays: 8 bytes a number, quick to write and to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_PREFIX = "history_"
_RECORDS = "history_records"
_MOST_INT = 2**63

Record = dict[str, Any]
Arrays = dict[str, npt.NDArray[Any]]


def packed(history: Sequence[Record]) -> tuple[Arrays, dict[str, Any]]:
    """Records as columns.

    Args:
        history: dicts of JSON values.

    Returns:
        (arrays by name, JSON values), for `unpacked`. "keys" has the names of the columns, "kinds"
            the columns that a kind of record has, "tables" the values that are no numbers. Array
            "history_records" has the kind of each record, "history_i" the values of column i, where
            NaN stands for null.

    Raises:
        TypeError, ValueError: a value that JSON has not.
    """
    columns: dict[str, list[Any]] = {}
    kinds: dict[tuple[str, ...], int] = {}
    records = np.zeros(len(history), np.uint32)
    for i, record in enumerate(history):
        records[i] = kinds.setdefault(tuple(record), len(kinds))
        for key, value in record.items():
            columns.setdefault(key, []).append(value)
    places = {key: i for i, key in enumerate(columns)}
    arrays, tables = {_RECORDS: records}, {}
    for key, values in columns.items():
        arrays[f"{_PREFIX}{places[key]}"], table = _column(values)
        if table is not None:
            tables[str(places[key])] = table
    described = [[places[key] for key in keys] for keys in kinds]
    return arrays, {"keys": list(columns), "kinds": described, "tables": tables}


def _column(values: list[Any]) -> tuple[npt.NDArray[Any], list[Any] | None]:
    """An array of the values, or of their places in a table."""
    types = {type(value) for value in values}
    if types <= {float, type(None)}:
        numbers = np.array([np.nan if v is None else v for v in values], np.float64)
        if np.isfinite(numbers).sum() + values.count(None) != len(values):
            raise ValueError("history: expected JSON values, got a number that is not finite")
        return numbers, None
    if types == {int} and min(values) >= -_MOST_INT and max(values) < _MOST_INT:
        return np.array(values, np.int64), None
    places: dict[tuple[type, Any], int] = {}  # True and 1 are equal
    codes = [places.setdefault((type(value), value), len(places)) for value in values]
    return np.array(codes, np.uint32), [value for _, value in places]


def unpacked(arrays: Arrays, described: Any) -> list[Record]:
    """The records of `packed`, whose arrays are removed from `arrays`.

    Args:
        arrays: arrays by name.
        described: JSON values; a list of records, as in files of earlier versions, stays as it is.

    Returns:
        One dict for each record.

    Raises:
        KeyError, TypeError, ValueError: an entry is missing or wrong.
    """
    if isinstance(described, list):
        return described
    keys, tables = _keys(described["keys"]), described["tables"]
    columns = [_values(arrays.pop(f"{_PREFIX}{i}"), tables.get(str(i))) for i in range(len(keys))]
    kinds = [_kind(places, len(keys)) for places in described["kinds"]]
    records = arrays.pop(_RECORDS)
    if records.dtype != np.uint32 or records.ndim != 1:
        raise ValueError(f"history: expected kinds of records, got {records.dtype} {records.shape}")
    counts = np.bincount(records, minlength=len(kinds))
    if len(counts) != len(kinds):
        raise ValueError(f"history: expected {len(kinds)} kinds of records, got {len(counts)}")
    for i, column in enumerate(columns):
        expected = sum(int(n) for n, places in zip(counts, kinds, strict=True) if i in places)
        if len(column) != expected:
            raise ValueError(f"history: expected {expected} values, got {len(column)}")
    rest = [iter(column) for column in columns]
    parts = [([keys[i] for i in places], [rest[i] for i in places]) for places in kinds]
    return [
        dict(zip(names, map(next, values), strict=True))
        for names, values in (parts[kind] for kind in records.tolist())
    ]


def _keys(keys: Any) -> list[str]:
    """The names of columns, each once."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise TypeError(f"history: expected a list of names of columns, got {keys!r}")
    if len(set(keys)) != len(keys):
        raise ValueError(f"history: expected each column once, got {keys!r}")
    return keys


def _values(column: npt.NDArray[Any], table: Any) -> list[Any]:
    """The values of a column as Python's numbers, or those of a table."""
    kind = np.float64 if column.dtype == np.float64 else np.int64
    if column.ndim != 1 or column.dtype != (kind if table is None else np.uint32):
        raise ValueError(f"history: expected a column, got {column.dtype} {column.shape}")
    values = column.tolist()
    if table is not None:
        return [table[place] for place in values]
    return [None if v != v else v for v in values] if np.isnan(column).any() else values


def _kind(places: list[int], count: int) -> list[int]:
    """The columns of a kind of record, each once."""
    if not places or len(set(places)) != len(places) or not set(places) <= set(range(count)):
        raise ValueError(f"history: expected columns of a record, got {places!r}")
    return places
