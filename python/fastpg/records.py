"""What an iteration logs beside its step: times, and the episodes that ended lately."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from fastpg import arrays
from fastpg.rollouts.rollout import Rollout

Record = dict[str, float | int | str | bool]

_RECENT = 100  # episodes
EPISODE_MEANS = ("rollout/ep_rew_mean", "rollout/ep_len_mean")
_INFINITE = frozenset((math.inf, -math.inf))


class RecentEpisodes:
    """Returns and lengths of the last 100 episodes that ended, and their means."""

    def __init__(self) -> None:
        self._returns: deque[float] = deque(maxlen=_RECENT)
        self._lengths: deque[int] = deque(maxlen=_RECENT)
        self._longest = 1
        self._mean_return = self._mean_length = 0.0

    def see(self, rollout: Rollout) -> None:
        """Take in the episodes that ended in a rollout."""
        if len(rollout.episode_lengths):
            self._extend(rollout.episode_returns.tolist(), rollout.episode_lengths.tolist())
        elif not self._lengths:
            self._longest = max(self._longest, int(rollout.step_index.max()) + 1)

    def _extend(self, returns: Iterable[float], lengths: Iterable[int]) -> None:
        self._returns.extend(returns)
        self._lengths.extend(lengths)
        if self._lengths:
            self._mean_return = sum(self._returns) / len(self._returns)
            self._mean_length = sum(self._lengths) / len(self._lengths)

    def _keep(self) -> Callable[[], None]:
        """What brings back the episodes of now."""
        own = vars(self) | {"_returns": self._returns.copy(), "_lengths": self._lengths.copy()}
        return lambda: vars(self).update(own)

    @property
    def mean_length(self) -> float:
        """Mean length; until an episode has ended, the most steps that one has seen."""
        return self._mean_length if self._lengths else self._longest

    def record(self) -> Record:
        """What to log of them; NaN until an episode has ended, and where rewards were too large."""
        means = (self._mean_return, self._mean_length) if self._lengths else (math.nan, math.nan)
        known = (mean if math.isfinite(mean) else math.nan for mean in means)
        return dict(zip(EPISODE_MEANS, known, strict=True))

    def state(self) -> dict[str, list[float] | list[int] | int]:
        """JSON values for `restore`."""
        return {
            "recent_returns": list(self._returns),
            "recent_lengths": list(self._lengths),
            "longest": self._longest,
        }

    def restore(
        self, returns: Iterable[object], lengths: Iterable[object], longest: object
    ) -> None:
        """Continue from what `state` gave."""
        kept = [arrays.number("return", r) for r in returns]
        counted = [arrays.integer("length", n, 1) for n in lengths]
        if len(kept) != len(counted):
            raise ValueError(f"recent_lengths: expected {len(kept)} numbers, got {len(counted)}")
        self._extend(kept, counted)
        self._longest = arrays.integer("longest", longest, 1)


class Clock:
    """Wall time of the parts of an iteration, in seconds."""

    def __init__(self) -> None:
        self._start = self._mark = time.perf_counter()
        self._laps: Record = {}

    def lap(self, key: str) -> None:
        """The part of this name ends now."""
        now = time.perf_counter()
        self._laps[key] = now - self._mark
        self._mark = now

    def restart_lap(self) -> None:
        """The next part begins now."""
        self._mark = time.perf_counter()

    def record(self, samples: int) -> Record:
        """The parts of this iteration, and samples a second since the start."""
        elapsed = self._mark - self._start
        return {
            **self._laps,
            "time/time_elapsed": elapsed,
            "time/fps": samples / max(elapsed, 1e-9),
        }


def storable(history: Iterable[Record]) -> list[dict[str, object]]:
    """Records as JSON values: null for NaN, which only the means of episodes may be."""
    return [
        {k: None if k in EPISODE_MEANS and v != v else v for k, v in record.items()}
        for record in history
    ]


def restored(history: Any) -> list[Record]:
    """The records of a `storable`: dicts of texts, flags, finite numbers and null.

    Raises:
        TypeError, ValueError: anything else.
    """
    if not isinstance(history, list):
        raise TypeError(f"history: expected a list, got {history!r}")
    return [_restored(record) for record in history]


def _restored(record: Any) -> Record:
    if not isinstance(record, dict):
        raise TypeError(f"history: expected records, got {record!r}")
    return {key: _restored_entry(key, value) for key, value in record.items()}


def _restored_entry(key: str, value: Any) -> Any:
    if key in EPISODE_MEANS and (value is None or value != value):
        return math.nan
    if not isinstance(value, str | int | float | None):  # a bool is an int
        raise TypeError(f"history: expected a number or a text at {key!r}, got {value!r}")
    return arrays.number(f"history: {key}", value) if isinstance(value, float) else value


def drop_not_finite(record: Record) -> Record:
    """Take out the numbers that are not finite: a status says what happened."""
    bad = [
        k
        for k, v in record.items()
        if (v in _INFINITE or v != v) and k not in EPISODE_MEANS  # NaN differs from itself
    ]
    for key in bad:
        del record[key]
    return record
