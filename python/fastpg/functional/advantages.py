"""Returns to go and generalised advantage estimation."""

from __future__ import annotations

from typing import Any

from fastpg import _core, arrays, threads
from fastpg.arrays import Floats


def gae(
    rewards: Any,
    values: Any,
    next_values: Any,
    terminated: Any,
    ended: Any,
    gamma: float = 0.99,
    gae_lambda: float = 0.95,
    *,
    num_threads: int | None = None,
) -> tuple[Floats, Floats]:
    """Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438).

    delta_t = r_t + gamma V(s_{t+1}) [not terminated] - V(s_t);
    A_t = delta_t + gamma lambda [not ended] A_{t+1}; the value target is A_t + V(s_t).

    Args:
        rewards: (T, N), or (T,) for one environment; so are the next four.
        values: V(s_t).
        next_values: V of the state that followed step t: at a truncation, of the true last
            observation, never of the one after the reset.
        terminated: bool, the episode ended by itself: no bootstrap.
        ended: bool, terminated or truncated: the recursion is cut.
        gamma: discount in [0, 1].
        gae_lambda: in [0, 1]; 1 gives G_t - V(s_t), 0 the one-step error.
        num_threads: at most so many threads share the lanes, with the same result to the last bit;
            by default FASTPG_NUM_THREADS, else 1.

    Returns:
        (advantages, value targets), each of the shape of rewards. With gamma = gae_lambda = 1 on
        whole terminated episodes the advantages are the lecture's R_h - b(s_h, h).

    Raises:
        TypeError: wrong dtype.
        ValueError: shapes that differ, values that are not finite, gamma or gae_lambda outside
            [0, 1], a terminated step that has not ended.
    """
    return _core.gae(
        arrays.as_float64("rewards", rewards),
        arrays.as_float64("values", values),
        arrays.as_float64("next_values", next_values),
        arrays.unchecked_flags("terminated", terminated),
        arrays.unchecked_flags("ended", ended),
        arrays.unit_interval("gamma", gamma),
        arrays.unit_interval("gae_lambda", gae_lambda),
        threads.num_threads(num_threads),
    )


def discounted_returns(
    rewards: Any,
    ended: Any,
    gamma: float = 1.0,
    *,
    terminated: Any = None,
    next_values: Any = None,
    num_threads: int | None = None,
) -> Floats:
    """Returns to go G_t = r_t + gamma G_{t+1}, cut where an episode ended.

    Args:
        rewards: (T, N), or (T,) for one environment; so are the arrays below.
        ended: bool, the last step of an episode.
        gamma: discount in [0, 1]; 1 gives the lecture's R_h.
        terminated: bool, ended without bootstrap; by default all of `ended`.
        next_values: V of the state that followed; used where an episode ended without terminating,
            and at the last step where the episode has not ended. Zero by default.
        num_threads: as for `gae`.

    Returns:
        The returns to go, of the shape of rewards.

    Raises:
        TypeError: wrong dtype.
        ValueError: shapes that differ, values that are not finite, gamma outside [0, 1], a
            terminated step that has not ended.
    """
    cut = arrays.unchecked_flags("ended", ended)
    return _core.discounted_returns(
        arrays.as_float64("rewards", rewards),
        None if next_values is None else arrays.as_float64("next_values", next_values),
        cut if terminated is None else arrays.unchecked_flags("terminated", terminated),
        cut,
        arrays.unit_interval("gamma", gamma),
        threads.num_threads(num_threads),
    )


def standardize(advantages: Floats) -> Floats:
    """Advantages with mean 0 and standard deviation 1: (A - mean) / (std + 1e-8).

    Args:
        advantages: float64 (n,), n at least 1.

    Returns:
        (n,); zeros where the advantages are constant.

    Raises:
        ValueError: another number of dimensions, none, or values that are not finite.
        TypeError: not an array of float64.
    """
    return _core.standardize(advantages)


def prediction_error(values: Floats, targets: Floats) -> tuple[float, float]:
    """Errors of values as predictions of targets.

    Args:
        values: float64 (n,), n at least 1.
        targets: float64 (n,).

    Returns:
        1 - Var(targets - values) / Var(targets), the explained variance, 0 where the targets do not
        vary; and the mean squared error.

    Raises:
        ValueError: shapes that differ, or values that are not finite.
        TypeError: not arrays of float64.
    """
    return _core.prediction_error(values, targets)
