"""Returns to go and generalised advantage estimation."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import _core, arrays
from fastpg.arrays import Bools, Floats


def gae(
    rewards: Any,
    values: Any,
    next_values: Any,
    terminated: Any,
    ended: Any,
    gamma: float = 0.99,
    gae_lambda: float = 0.95,
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

    Returns:
        (advantages, value targets), each of the shape of rewards. With gamma = gae_lambda = 1 on
        whole terminated episodes the advantages are the lecture's R_h - b(s_h, h).

    Raises:
        TypeError: wrong dtype. ValueError: shapes that differ, values that are not finite,
            gamma or gae_lambda outside [0, 1], a terminated step that has not ended.
    """
    shape, (r, v, following) = _columns(rewards=rewards, values=values, next_values=next_values)
    stop, cut = _flag_columns(shape, terminated=terminated, ended=ended)
    advantages, targets = _core.gae(
        r,
        v,
        following,
        stop,
        cut,
        arrays.unit_interval("gamma", gamma),
        arrays.unit_interval("gae_lambda", gae_lambda),
    )
    return advantages.reshape(shape), targets.reshape(shape)


def discounted_returns(
    rewards: Any,
    ended: Any,
    gamma: float = 1.0,
    *,
    terminated: Any = None,
    next_values: Any = None,
) -> Floats:
    """Returns to go G_t = r_t + gamma G_{t+1}, cut where an episode ended.

    Args:
        rewards: (T, N), or (T,) for one environment; so are the arrays below.
        ended: bool, the last step of an episode.
        gamma: discount in [0, 1]; 1 gives the lecture's R_h.
        terminated: bool, ended without bootstrap; by default all of `ended`.
        next_values: V of the state that followed; used where an episode ended without
            terminating and where the last row cuts one that still runs. Zero by default.

    Raises:
        TypeError: wrong dtype. ValueError: shapes that differ, values that are not finite, gamma
            outside [0, 1], a terminated step that has not ended.
    """
    shape, (r,) = _columns(rewards=rewards)
    following = np.zeros_like(r)
    if next_values is not None:
        other, (following,) = _columns(next_values=next_values)
        if other != shape:
            raise ValueError(f"next_values: expected shape {shape}, got {other}")
    stop, cut = _flag_columns(
        shape, terminated=ended if terminated is None else terminated, ended=ended
    )
    discount = arrays.unit_interval("gamma", gamma)
    return _core.discounted_returns(r, following, stop, cut, discount).reshape(shape)


def _as_column(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0], 1) if len(shape) == 1 else (shape[0], shape[1])


def _columns(**given: Any) -> tuple[tuple[int, ...], list[Floats]]:
    """The common shape, and every array as (T, N)."""
    shape: tuple[int, ...] | None = None
    out = []
    for name, values in given.items():
        ndim = max(arrays.ndim(name, values), 1)
        if ndim > 2:
            raise ValueError(f"{name}: expected shape (T,) or (T, N), got {np.shape(values)}")
        array = arrays.floats(name, values, shape or (None,) * ndim)
        shape = array.shape
        out.append(array.reshape(_as_column(shape)))
    assert shape is not None
    return shape, out


def _flag_columns(shape: tuple[int, ...], **given: Any) -> list[Bools]:
    return [
        arrays.flags(name, values, shape).reshape(_as_column(shape))
        for name, values in given.items()
    ]


def standardize(advantages: Floats) -> Floats:
    """Mean 0 and standard deviation 1, (n,): (A - mean) / (std + 1e-8); zeros of a constant."""
    return _core.standardize(advantages)


def prediction_error(values: Floats, targets: Floats) -> tuple[float, float]:
    """How well values (n,) predict targets (n,).

    Returns:
        1 - Var(targets - values) / Var(targets), the explained variance, 0 where the targets do not
        vary; and the mean squared error.
    """
    return _core.prediction_error(values, targets)
