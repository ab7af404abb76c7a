"""What an iteration logs beside its step: times, and the episodes that ended lately."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastpg import arrays
from fastpg.rollouts.rollout import Rollout

Metrics = dict[str, float | int | str | bool]

MOST_COUNT = 2**62  # of a file: an int64 has room to count on from it
_RECENT = 100  # episodes
RAW_MEAN = "rollout/ep_rew_mean_raw"
_ALWAYS = (
    "rollout/ep_rew_mean",
    "rollout/ep_len_mean",
    "rollout/ep_rew_min",
    "rollout/ep_rew_max",
    "rollout/terminated_share",
)
OF_EPISODES = frozenset((*_ALWAYS, RAW_MEAN))  # NaN where there is no value yet
_INFINITE = frozenset((math.inf, -math.inf))


class RecentEpisodes:
    """Returns, lengths and ends of the last 100 episodes that ended, and what to log of them."""

    def __init__(self) -> None:
        # Lists that are replaced, never changed: `_keep` costs no copies.
        self._returns: list[float] = []
        self._lengths: list[int] = []
        self._terminated: list[bool] = []  # fewer after a file that did not say
        self._raw: list[float] = []  # returns under reward wrappers
        self._longest = 1
        self._mean_length = 0.0
        self._record: dict[str, float] = dict.fromkeys(_ALWAYS, math.nan)

    def see(self, rollout: Rollout) -> None:
        """Take in the episodes that ended in a rollout."""
        raw = rollout.raw_returns
        if len(rollout.episode_lengths):
            self._extend(
                rollout.episode_returns.tolist(),
                rollout.episode_lengths.tolist(),
                rollout.terminated[rollout.end_rows, rollout.end_columns].tolist(),
            )
        elif not self._lengths:
            self._longest = max(self._longest, int(rollout.step_index.max()) + 1)
        if raw is not None:
            self._extend_raw(raw.tolist())
        elif RAW_MEAN in self._record:  # another environment than before
            self._record = {key: self._record[key] for key in _ALWAYS}

    def _extend(self, returns: list[float], lengths: list[int], terminated: list[bool]) -> None:
        self._returns = (self._returns + returns)[-_RECENT:]
        self._lengths = (self._lengths + lengths)[-_RECENT:]
        self._terminated = (self._terminated + terminated)[-_RECENT:]
        count, ends = len(self._returns), len(self._terminated)
        if not count:
            return
        self._mean_length = sum(self._lengths) / count
        ordered = sorted(self._returns)
        values = (
            sum(self._returns) / count,
            self._mean_length,
            ordered[0],
            ordered[-1],
            self._terminated.count(True) / ends if ends else math.nan,
        )
        self._record = self._record | dict(zip(_ALWAYS, map(_finite_or_nan, values), strict=True))

    def _extend_raw(self, returns: list[float]) -> None:
        known = [value for value in returns if math.isfinite(value)]
        self._raw = (self._raw + known)[-_RECENT:]
        mean = sum(self._raw) / len(self._raw) if self._raw else math.nan
        self._record = self._record | {RAW_MEAN: _finite_or_nan(mean)}

    def _keep(self) -> Callable[[], None]:
        """What brings back the episodes of now."""
        own = dict(vars(self))
        return lambda: vars(self).update(own)

    @property
    def mean_length(self) -> float:
        """Mean length; until an episode has ended, the most steps that one has seen."""
        return self._mean_length if self._lengths else self._longest

    def record(self) -> dict[str, float]:
        """What to log of them; NaN until an episode has ended, and where rewards were too large."""
        return self._record

    def state(self) -> dict[str, list[float] | list[int] | list[bool] | int]:
        """JSON values for `restore`."""
        return {
            "recent_returns": self._returns,
            "recent_lengths": self._lengths,
            "recent_terminated": self._terminated,
            "recent_raw_returns": self._raw,
            "longest": self._longest,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` gave; files of 0.1.0 say neither ends nor raw returns.

        Raises:
            KeyError, TypeError, ValueError: anything else.
        """
        returns = [arrays.number("recent_returns", r) for r in state["recent_returns"]]
        lengths = [_length("recent_lengths", n) for n in state["recent_lengths"]]
        ends = [arrays.boolean("recent_terminated", t) for t in state.get("recent_terminated", ())]
        raw = [arrays.number("recent_raw_returns", r) for r in state.get("recent_raw_returns", ())]
        if len(returns) != len(lengths):
            raise ValueError(f"recent_lengths: expected {len(returns)} numbers, got {len(lengths)}")
        for name, given in (("recent_terminated", ends), ("recent_raw_returns", raw)):
            if len(given) > len(returns):
                raise ValueError(f"{name}: expected at most {len(returns)}, got {len(given)}")
        self._extend(returns, lengths, ends)
        self._raw = raw[-_RECENT:]
        self._longest = _length("longest", state["longest"])


def _finite_or_nan(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _length(name: str, value: object) -> int:
    return arrays.integer(name, value, 1, MOST_COUNT)


class Clock:
    """Wall time of the parts of an iteration, in seconds."""

    def __init__(self) -> None:
        self._start = self._mark = time.perf_counter()
        self._laps: Metrics = {}

    def lap(self, key: str) -> None:
        """The part of this name ends now."""
        now = time.perf_counter()
        self._laps[key] = now - self._mark
        self._mark = now

    def restart_lap(self) -> None:
        """The next part begins now."""
        self._mark = time.perf_counter()

    def record(self, samples: int) -> Metrics:
        """The parts of this iteration, and samples a second since the start."""
        elapsed = self._mark - self._start
        return {
            **self._laps,
            "time/time_elapsed": elapsed,
            "time/fps": samples / max(elapsed, 1e-9),
        }


def storable(history: Iterable[Metrics]) -> list[dict[str, object]]:
    """Records as JSON values: null for NaN, which only what is told of episodes may be."""
    return [
        {k: None if k in OF_EPISODES and v != v else v for k, v in record.items()}
        for record in history
    ]


def restored(history: Any) -> list[Metrics]:
    """The records of a `storable`: dicts of texts, flags, finite numbers and null.

    Raises:
        TypeError, ValueError: anything else.
    """
    if not isinstance(history, list):
        raise TypeError(f"history: expected a list, got {history!r}")
    return [_restored(record) for record in history]


def _restored(record: Any) -> Metrics:
    if not isinstance(record, dict):
        raise TypeError(f"history: expected records, got {record!r}")
    return {key: _restored_entry(key, value) for key, value in record.items()}


def _restored_entry(key: str, value: Any) -> Any:
    if key in OF_EPISODES and (value is None or value != value):
        return math.nan
    if not isinstance(value, str | int | float | None):  # a bool is an int
        raise TypeError(f"history: expected a number or a text at {key!r}, got {value!r}")
    return arrays.number(f"history: {key}", value) if isinstance(value, float) else value


def drop_not_finite(record: Metrics) -> Metrics:
    """Take out the numbers that are not finite: a status says what happened."""
    bad = [
        k
        for k, v in record.items()
        if (v in _INFINITE or v != v) and k not in OF_EPISODES  # NaN differs from itself
    ]
    for key in bad:
        del record[key]
    return record
