"""Series of values in a history, and what several signs of `diagnose` read from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastpg.training.metrics import Metrics

History = Sequence[Metrics]

# Least number of iterations for a trend, so that a quarter has a few records.
TREND = 10
# More than half.
MOST = 0.5
# Least rise of the returns between two quarters of a run, as a fraction of the range of the first
# returns: about four standard errors of a mean of 100 returns.
_RISE = 0.1


class Setup(NamedTuple):
    """What a run was made with, as far as it is known.

    Attributes:
        options: values of the algorithm's options by name; of schedules the first value.
        max_entropy: entropy of the uniform distribution over the actions, in nats; None for a Box.
        action_range: upper minus lower bound of the actions, mean over components; None without
            bounds, or with actions that are not a Box.
        observation_bound: largest magnitude of a finite bound of the observations; None if there
            are none, or the policy normalises observations.
    """

    options: Mapping[str, Any] = {}
    max_entropy: float | None = None
    action_range: float | None = None
    observation_bound: float | None = None


def series(history: History, key: str) -> list[float]:
    """The finite values of a key, in order.

    Args:
        history: one dict per iteration.
        key: of a number.
    """
    values = (record.get(key) for record in history)
    return [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]


def mean(values: Sequence[float]) -> float:
    """The mean of at least one number."""
    return sum(values) / len(values)


def last_quarter(values: Sequence[float]) -> Sequence[float]:
    """The last quarter of some numbers, at least one of them."""
    return values[-max(1, len(values) // 4) :]


def rises(history: History) -> bool:
    """Whether returns rose from the third quarter of the run to the last.

    Args:
        history: one dict per iteration.
    """
    means = series(history, "rollout/ep_rew_mean")
    if len(means) < 4:
        return False
    last = last_quarter(means)
    before = means[-2 * len(last) : -len(last)]
    return mean(last) - mean(before) > _RISE * _first_range(history)


def improved(history: History) -> bool:
    """Whether the last mean return is above the greatest return in the first record.

    Args:
        history: one dict per iteration.
    """
    means = series(history, "rollout/ep_rew_mean")
    greatest = series(history, "rollout/ep_rew_max")
    return bool(means and greatest) and means[-1] > greatest[0]


def _first_range(history: History) -> float:
    least, greatest = (series(history, f"rollout/ep_rew_{name}") for name in ("min", "max"))
    return greatest[0] - least[0] if least else math.inf  # records of 0.1.0 lack them


def refusals(history: History) -> tuple[list[str], int]:
    """Why steps were refused, one word each, and the number of all steps.

    Args:
        history: one dict per iteration.
    """
    statuses = [str(record["train/status"]) for record in history if "train/status" in record]
    return [status for status in statuses if status != "accepted"], len(statuses)
