"""Returns to go and generalised advantage estimation."""

from __future__ import annotations

from typing import Any

from fastpg import _core, arrays, threads
from fastpg.arrays import Floats
from fastpg.suggestions import names_checked


@names_checked
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
        rewards: (T, N), or (T,) for one environment; the next four arrays have the same shape.
        values: V(s_t).
        next_values: V of the state after step t. At a truncation this is the true last observation
            of the episode, not the first one after the reset.
        terminated: bool, the episode terminated at step t: no bootstrap.
        ended: bool, terminated or truncated at step t: the recursion is cut.
        gamma: discount factor in [0, 1].
        gae_lambda: in [0, 1]; 1 gives G_t - V(s_t), 0 gives the one-step error delta_t.
        num_threads: number of threads that share the environments, in [1, 256]; None:
            FASTPG_NUM_THREADS, or 1. The result does not depend on it.

    Returns:
        (advantages, value targets), each of the shape of rewards. With gamma = gae_lambda = 1 on
        whole terminated episodes the advantages are the lecture's R_h - b(s_h, h).

    Raises:
        TypeError: wrong dtype.
        ValueError: shapes that differ, values that are not finite, gamma or gae_lambda outside
            [0, 1], or a step that is terminated but not ended.
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


@names_checked
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
        rewards: (T, N), or (T,) for one environment; the arrays below have the same shape.
        ended: bool, the last step of an episode.
        gamma: discount factor in [0, 1]; 1 gives the lecture's R_h.
        terminated: bool, the steps of `ended` without bootstrap; None: all of them.
        next_values: V of the state after step t, used if an episode was truncated, and at step T if
            the episode continues; None: zero.
        num_threads: as in `gae`.

    Returns:
        The returns to go, of the shape of rewards.

    Raises:
        TypeError: wrong dtype.
        ValueError: shapes that differ, values that are not finite, gamma outside [0, 1], or a step
            that is terminated but not ended.
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
    """Scale advantages to mean 0 and standard deviation 1: (A - mean) / (std + 1e-8).

    Args:
        advantages: float64 (n,), n at least 1.

    Returns:
        (n,); zeros if the advantages are constant.

    Raises:
        ValueError: another number of dimensions, no values, or values that are not finite.
        TypeError: not an array of float64.
    """
    return _core.standardize(advantages)


def prediction_error(values: Floats, targets: Floats) -> tuple[float, float]:
    """How well values predict targets: explained variance and mean squared error.

    Args:
        values: float64 (n,), n at least 1.
        targets: float64 (n,).

    Returns:
        (explained variance, mean squared error). The explained variance is
            1 - Var(targets - values) / Var(targets); 0 if the targets are constant.

    Raises:
        ValueError: shapes that differ, or values that are not finite.
        TypeError: not arrays of float64.
    """
    return _core.prediction_error(values, targets)
