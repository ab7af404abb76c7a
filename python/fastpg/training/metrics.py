"""Metrics of an iteration: statistics of recent episodes, times, and their form in files."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from fastpg import arrays
from fastpg.rollouts.rollout import Rollout

Metrics = dict[str, float | int | str | bool]

MOST_COUNT = 2**62  # largest count in a file; an int64 can continue it
_RECENT = 100  # episodes
RAW_MEAN = "rollout/ep_rew_mean_raw"
_ALWAYS = (
    "rollout/ep_rew_mean",
    "rollout/ep_len_mean",
    "rollout/ep_rew_min",
    "rollout/ep_rew_max",
    "rollout/terminated_share",
)
OF_EPISODES = frozenset((*_ALWAYS, RAW_MEAN))  # may be NaN: no episode has ended yet


class RecentEpisodes:
    """Returns, lengths and ends of the last 100 completed episodes, and their log entries."""

    def __init__(self) -> None:
        # These lists are replaced, never changed in place, so that `_keep` need not copy them.
        self._returns: list[float] = []
        self._lengths: list[int] = []
        self._terminated: list[bool] = []  # fewer after loading a file of 0.1.0, which lacks them
        self._raw: list[float] = []  # returns under reward wrappers
        self._longest = 1
        self.mean_length = 1.0  # until an episode has ended, the most steps that one has taken
        self.record: dict[str, float] = dict.fromkeys(_ALWAYS, math.nan)

    def see(self, rollout: Rollout) -> None:
        """Add the episodes that ended in a rollout.

        Args:
            rollout: any rollout.
        """
        raw = rollout.raw_returns
        if len(rollout.episode_lengths):
            self._extend(
                rollout.episode_returns.tolist(),
                rollout.episode_lengths.tolist(),
                rollout.terminated[rollout.end_rows, rollout.end_columns].tolist(),
            )
        elif not self._lengths:
            self._longest = max(self._longest, int(rollout.step_index.max()) + 1)
            self.mean_length = self._longest
        if raw is not None:
            self._extend_raw(raw.tolist())
        elif RAW_MEAN in self.record:  # the environment has changed, to one without raw returns
            self.record = {key: self.record[key] for key in _ALWAYS}

    def _extend(self, returns: list[float], lengths: list[int], terminated: list[bool]) -> None:
        self._returns = (self._returns + returns)[-_RECENT:]
        self._lengths = (self._lengths + lengths)[-_RECENT:]
        self._terminated = (self._terminated + terminated)[-_RECENT:]
        count, ends = len(self._returns), len(self._terminated)
        if not count:
            return
        self.mean_length = sum(self._lengths) / count
        values = [
            sum(self._returns) / count,
            self.mean_length,
            min(self._returns),
            max(self._returns),
            self._terminated.count(True) / ends if ends else math.nan,
        ]
        if not math.isfinite(sum(values)):
            values = [_finite_or_nan(value) for value in values]
        self.record = self.record | dict(zip(_ALWAYS, values, strict=True))

    def _extend_raw(self, returns: list[float]) -> None:
        known = [value for value in returns if math.isfinite(value)]
        self._raw = (self._raw + known)[-_RECENT:]
        mean = sum(self._raw) / len(self._raw) if self._raw else math.nan
        self.record = self.record | {RAW_MEAN: _finite_or_nan(mean)}

    def state(self) -> dict[str, list[float] | list[int] | list[bool] | int]:
        """JSON values for `restore`.

        Returns:
            Values by name.
        """
        return {
            "recent_returns": self._returns,
            "recent_lengths": self._lengths,
            "recent_terminated": self._terminated,
            "recent_raw_returns": self._raw,
            "longest": self._longest,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state`.

        Args:
            state: JSON values by name; files of 0.1.0 have neither ends nor raw returns.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, or has the wrong type or range.
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
        if not self._lengths:
            self.mean_length = self._longest


def _finite_or_nan(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _length(name: str, value: object) -> int:
    return arrays.integer(name, value, 1, MOST_COUNT)


class Clock:
    """Measures the wall time of the parts of an iteration, in seconds.

    Args:
        earlier: seconds that the same `learn` took before it was interrupted.

    Attributes:
        began: time at which the iteration began, of `time.perf_counter`; set in each.
        elapsed: seconds from the start of `learn` to the end of the last update.
    """

    def __init__(self, earlier: float = 0.0) -> None:
        self.began = time.perf_counter()
        self._start = self.began - earlier
        self.elapsed = earlier

    def record(self, samples: int, collected: float, estimated: float, updated: float) -> Metrics:
        """Entries for the log of an iteration.

        Args:
            samples: number of samples since the start of `learn`.
            collected: time at which collecting ended, of `time.perf_counter`.
            estimated: time at which the estimates ended.
            updated: time at which the update ended.

        Returns:
            Seconds by part, and samples per second since the start.
        """
        self.elapsed = updated - self._start
        return {
            "time/collect": collected - self.began,
            "time/estimate": estimated - collected,
            "time/update": updated - estimated,
            "time/time_elapsed": self.elapsed,
            "time/fps": samples / max(self.elapsed, 1e-9),
        }


def storable(history: Iterable[Metrics]) -> list[dict[str, object]]:
    """The history as JSON values; NaN, which only statistics of episodes may be, becomes null.

    Args:
        history: one dict per iteration.

    Returns:
        The same with None for NaN.
    """
    return [
        {k: None if k in OF_EPISODES and v != v else v for k, v in record.items()}
        for record in history
    ]


def restored(history: Any) -> list[Metrics]:
    """The history that `storable` has converted.

    Args:
        history: list of dicts of strings, flags, finite numbers and null.

    Returns:
        One dict per iteration, with NaN for null.

    Raises:
        TypeError, ValueError: another type, or a number that is not finite.
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
    """Delete numbers that are not finite; "train/status" says what happened.

    Args:
        record: entries of an iteration; it is changed.

    Returns:
        `record`.
    """
    bad = []
    for key, value in record.items():
        if value.__class__ is float and not isfinite(value) and key not in OF_EPISODES:
            bad.append(key)
    for key in bad:
        del record[key]
    return record
