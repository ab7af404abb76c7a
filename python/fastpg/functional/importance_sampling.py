"""Importance sampling (lecture L11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays, probabilities, results
from fastpg.arrays import Floats


def _log_weights(log_target: Any, log_proposal: Any, size: int | None = None) -> Floats:
    """The array ln w_i, (n,), checked; n must be `size` unless that is None."""
    target = probabilities.log_densities("log_target", log_target, (size,))
    proposal = probabilities.log_densities("log_proposal", log_proposal, target.shape)
    if np.isneginf(proposal).any():
        where = int(np.argmax(np.isneginf(proposal)))
        raise ValueError(
            f"log_proposal: expected a sample the proposal can draw, got -inf at index {where}"
        )
    with np.errstate(over="ignore"):
        difference: Floats = target - proposal
    if (np.isinf(difference) & np.isfinite(target)).any():
        raise ValueError("log_target, log_proposal: expected differences that a float64 can hold")
    return difference


def importance_weights(log_target: Any, log_proposal: Any) -> Floats:
    """Importance weights w_i = p~(x_i) / p(x_i) of samples x_i from p; p~ is the target.

    Args:
        log_target: ln p~(x_i), (n,); -inf is allowed and gives the weight 0.
        log_proposal: ln p(x_i), (n,), finite.

    Returns:
        The weights, (n,).

    Raises:
        ValueError: shapes that differ, NaN, a sample of probability 0 under the proposal, or a
            weight too large for a float64.
        TypeError: values that are not numbers.
    """
    return _weights_of(_log_weights(log_target, log_proposal))


def _weights_of(log_w: Floats) -> Floats:
    with np.errstate(over="ignore"):
        weights: Floats = np.exp(log_w)
    if not np.isfinite(weights).all():
        raise ValueError("log_target, log_proposal: expected ratios that a float64 can hold")
    return weights


def effective_sample_size(log_target: Any, log_proposal: Any) -> float:
    """Effective sample size (sum w)^2 / sum w^2 of importance weights.

    Args:
        log_target: ln p~(x_i), (n,); -inf is allowed.
        log_proposal: ln p(x_i), (n,), finite.

    Returns:
        A number in [1, n]; 0 if every weight is 0.

    Raises:
        ValueError: as for `importance_weights`; weights too large for a float64 are allowed.
        TypeError: values that are not numbers.
    """
    return _effective_size(_log_weights(log_target, log_proposal))


def _effective_size(log_w: Floats) -> float:
    if np.isneginf(log_w.max()):
        return 0.0
    scaled = _scaled(log_w)
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def _scaled(log_w: Floats) -> Floats:
    """Weights divided by the largest one."""
    with np.errstate(over="ignore"):  # an overflow to -inf gives the weight 0
        scaled: Floats = np.exp(log_w - log_w.max())
    return scaled


@dataclass(frozen=True)
class ImportanceSamplingEstimate:
    """An estimate of E f under the target, with measures of its accuracy."""

    mean: float
    variance: float  # of `mean`, estimated from the same samples; the true one may be infinite
    effective_sample_size: float


def importance_sampling_estimate(
    values: Any, log_target: Any, log_proposal: Any, *, self_normalized: bool = False
) -> ImportanceSamplingEstimate:
    """Estimate E_{x ~ target} f(x) from samples of the proposal.

    Plain: (1/n) sum w_i f(x_i), unbiased, with variance (E_p[w^2 f^2] - (E f)^2) / n.
    Self-normalised: sum w_i f(x_i) / sum w_i, biased but consistent; it needs each density only up
    to a constant factor.

    Args:
        values: f(x_i), (n,), n at least 2.
        log_target: ln p~(x_i), (n,).
        log_proposal: ln p(x_i), (n,).
        self_normalized: whether to return the self-normalised estimate instead of the plain one.

    Returns:
        The mean, its estimated variance, and the effective sample size.

    Raises:
        ValueError: as for `importance_weights`; fewer than two samples; self-normalisation although
            every weight is 0; or a mean or variance too large for a float64.
        TypeError: values that are not numbers.
    """
    normalized = arrays.boolean("self_normalized", self_normalized)
    f = arrays.finite_floats("values", values, (None,))
    if len(f) < 2:
        raise ValueError(f"values: expected at least two, got {len(f)}")
    log_w = _log_weights(log_target, log_proposal, len(f))
    size = _effective_size(log_w)
    if normalized and size == 0.0:
        raise ValueError("log_target: expected some sample that the target can draw, got none")
    with np.errstate(**results.quiet):
        mean, variance = _self_normalized(log_w, f) if normalized else _plain(log_w, f)
    return ImportanceSamplingEstimate(
        results.finite("mean", mean), results.finite("variance", variance), size
    )


def _plain(log_w: Floats, f: Floats) -> tuple[float, float]:
    products = _weights_of(log_w) * f
    return float(products.mean()), float(products.var(ddof=1)) / len(f)


def _self_normalized(log_w: Floats, f: Floats) -> tuple[float, float]:
    shares = _scaled(log_w)
    shares /= shares.sum()
    mean = float(shares @ f)
    return mean, float(shares**2 @ (f - mean) ** 2)
