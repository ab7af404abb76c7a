"""Importance sampling (lecture L11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats


def _log_weights(log_target: Any, log_proposal: Any) -> Floats:
    target = arrays.log_densities("log_target", log_target, (None,))
    proposal = arrays.log_densities("log_proposal", log_proposal, target.shape)
    if np.isneginf(proposal).any():
        where = int(np.argmax(np.isneginf(proposal)))
        raise ValueError(
            f"log_proposal: expected a sample the proposal can draw, got -inf at index {where}"
        )
    return target - proposal


def importance_weights(log_target: Any, log_proposal: Any) -> Floats:
    """w_i = p~(x_i) / p(x_i), (n,), for samples x_i of the proposal p and the target p~.

    Args:
        log_target: ln p~(x_i), (n,); -inf allowed, the weight is then 0.
        log_proposal: ln p(x_i), (n,), finite.

    Raises:
        ValueError: shapes that differ, NaN, a sample that the proposal cannot draw, or a weight
            too large for a float64.
    """
    with np.errstate(over="ignore"):
        weights: Floats = np.exp(_log_weights(log_target, log_proposal))
    if not np.isfinite(weights).all():
        raise ValueError("log_target, log_proposal: expected ratios that a float64 can hold")
    return weights


def effective_sample_size(log_target: Any, log_proposal: Any) -> float:
    """(sum w)^2 / sum w^2, in [1, n]; 0 where every weight is 0."""
    log_w = _log_weights(log_target, log_proposal)
    largest = log_w.max()
    if np.isneginf(largest):
        return 0.0
    scaled = np.exp(log_w - largest)
    return float(scaled.sum() ** 2 / (scaled**2).sum())


@dataclass(frozen=True)
class ImportanceSamplingEstimate:
    """An estimate of E f under the target and how much to trust it."""

    mean: float
    variance: float  # of `mean`, estimated from the same samples; the true one may be infinite
    effective_sample_size: float


def importance_sampling_estimate(
    values: Any, log_target: Any, log_proposal: Any, *, self_normalized: bool = False
) -> ImportanceSamplingEstimate:
    """Estimate E_{x ~ target} f(x) from samples of the proposal.

    Plain: (1/n) sum w_i f(x_i), unbiased, with variance (E_p[w^2 f^2] - (E f)^2) / n.
    Self-normalised: sum w_i f(x_i) / sum w_i, biased and consistent; the densities may then lack a
    common factor.

    Args:
        values: f(x_i), (n,), n at least 2.
        log_target: ln p~(x_i), (n,).
        log_proposal: ln p(x_i), (n,).
        self_normalized: which of the two.

    Raises:
        ValueError: as `importance_weights`; fewer than two samples; weights that are all 0, where
            they are to be normalised.
    """
    f = arrays.floats("values", values, (None,))
    if len(f) < 2:
        raise ValueError(f"values: expected at least two, got {len(f)}")
    size = effective_sample_size(log_target, log_proposal)
    if not self_normalized:
        products = importance_weights(log_target, log_proposal) * f
        variance = float(products.var(ddof=1)) / len(f)
        return ImportanceSamplingEstimate(float(products.mean()), variance, size)
    if size == 0.0:
        raise ValueError("log_target: expected some sample that the target can draw, got none")
    log_w = _log_weights(log_target, log_proposal)
    shares = np.exp(log_w - log_w.max())
    shares /= shares.sum()
    mean = float(shares @ f)
    return ImportanceSamplingEstimate(mean, float(shares**2 @ (f - mean) ** 2), size)
