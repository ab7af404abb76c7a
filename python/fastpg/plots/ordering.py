"""Records of a run in order, where a part was run once more, or `learn` was called again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STEPS, ITERATIONS = "time/total_timesteps", "time/iterations"

Record = dict[str, Any]


def in_order(
    records: Iterable[Mapping[str, Any]], starts: Sequence[float] = ()
) -> tuple[list[Record], list[float]]:
    """Records by increasing number of steps, without those of a part that was run once more.

    A call of `learn` counts its steps from 0, unless it is told not to. Where steps begin anew and
    iterations go on, the steps are counted on. Where both begin anew, a run was resumed, and the
    later records replace the earlier ones.

    Args:
        records: in the order of the file; those without a number of steps are left out.
        starts: for records without iterations, such as evaluations: numbers of steps at which later
            calls of `learn` began.

    Returns:
        The records, and the numbers of steps at which calls of `learn` after the first began. Two
            records with the same number of steps are joined, the later values counting.
    """
    kept = _Kept(starts)
    for record in records:
        if math.isfinite(number(record.get(STEPS))):
            kept.add(record)
    return kept.records, list(dict.fromkeys(begin for begin in kept.begins if begin))


class _Kept:
    """Records so far, with the steps at which their call of `learn` began."""

    def __init__(self, starts: Sequence[float]) -> None:
        self.records: list[Record] = []
        self.begins: list[float] = []
        self._starts = list(starts)
        self._places: dict[tuple[float, float], int] = {}  # by iteration and steps in its call

    def add(self, record: Mapping[str, Any]) -> None:
        steps, iteration = record[STEPS], number(record.get(ITERATIONS))
        if (same := self._places.get((iteration, steps))) is not None:
            self._cut(same + 1)
        elif self._begins_anew(steps, iteration):
            self._append(record, self._starts.pop(0) if self._starts else self.records[-1][STEPS])
            return
        else:
            self._cut(self._count_before(steps))
        begin = self.begins[-1] if self.begins else 0
        if self.records and self.records[-1][STEPS] == steps + begin:
            self.records[-1] |= {**record, STEPS: steps + begin}
        else:
            self._append(record, begin)

    def _begins_anew(self, steps: float, iteration: float) -> bool:
        """Whether another call of `learn` has begun, which counts its steps from 0."""
        if not self.records or steps + self.begins[-1] > self.records[-1][STEPS]:
            return False
        before = number(self.records[-1].get(ITERATIONS))
        return iteration > before or bool(self._starts)

    def _count_before(self, steps: float) -> int:
        """Number of the records in front of a part that was run once more."""
        count = len(self.records)
        while count and self.records[count - 1][STEPS] > steps + self.begins[count - 1]:
            count -= 1
        return count

    def _append(self, record: Mapping[str, Any], begin: float) -> None:
        steps, iteration = record[STEPS], number(record.get(ITERATIONS))
        if math.isfinite(iteration):
            self._places[iteration, steps] = len(self.records)
        self.records.append({**record, STEPS: steps + begin})
        self.begins.append(begin)

    def _cut(self, count: int) -> None:
        if count == len(self.records):
            return
        del self.records[count:], self.begins[count:]
        self._places = {key: place for key, place in self._places.items() if place < count}


def number(value: Any) -> float:
    """A value as a number; NaN for a text, null or an integer beyond all floats.

    Args:
        value: of a record.
    """
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan
