"""Signs in the distribution over actions: no noise left, nothing but noise, or out of bounds."""

from __future__ import annotations

import math

from fastpg.policies.gaussian import LOG_STD_RANGE
from fastpg.training.series import MOST, TREND, History, Setup, last_quarter, mean, series

# Fraction of the uniform distribution's entropy: the rarer of two actions has probability 0.006.
# Of sigma: fraction of half the range of the actions.
_ALMOST_DETERMINISTIC = 0.05
# Fraction of the uniform distribution's entropy: of two actions one has probability 0.56.
_ALMOST_UNIFORM = 0.99
# The largest weight of the entropy bonus that `tune` tries, beside standardised advantages.
_HEAVY_BONUS = 0.3
# Relative distance to a bound of sigma that counts as being at the bound.
_AT_BOUND = 1e-3


def sigma_at_bound(history: History, setup: Setup) -> str | None:
    """Sigma ended at a bound."""
    sigmas = series(history, "train/std")
    for name, log_std in zip(("lower", "upper"), LOG_STD_RANGE, strict=True):
        bound = math.exp(log_std)
        if sigmas and abs(sigmas[-1] - bound) <= _AT_BOUND * bound:
            return (
                f"Sigma is at its {name} bound, {bound:.3g}: the noise of the actions does not fit "
                "their scale, or ent_coef is unsuitable."
            )
    return None


def no_more_noise(history: History, setup: Setup) -> str | None:
    """Entropy, or sigma of a Gaussian, was almost 0 in the first half, and stayed so."""
    sigmas = series(history, "train/std")
    noise = sigmas or [-value for value in series(history, "train/entropy_loss")]
    if len(noise) < TREND:
        return None
    whole = None if setup.action_range is None else 0.5 * setup.action_range
    whole = whole if sigmas else setup.max_entropy
    greatest = max(noise) if whole is None else whole
    low = _ALMOST_DETERMINISTIC * greatest
    since = 1 + max((k for k, value in enumerate(noise) if value >= low), default=-1)
    if since > len(noise) // 2:
        return None
    what = f"sigma {noise[-1]:.3g}" if sigmas else f"entropy {noise[-1]:.3g} nats"
    beside = f"at most {greatest:.3g}"
    if sigmas and whole is not None:
        beside = f"half of the actions' range is {whole:.3g}"
    larger = "log_std_init or ent_coef" if sigmas else "ent_coef"
    return (
        f"The policy is almost deterministic since iteration {since + 1} of {len(noise)} ({what}, "
        f"{beside}), so it no longer explores: a larger {larger}, or smaller steps, keep it "
        "exploring."
    )


def held_by_the_bonus(history: History, setup: Setup) -> str | None:
    """The policy stays almost uniform, and the entropy bonus weighs much."""
    weight, greatest = setup.options.get("ent_coef", 0.0), setup.max_entropy
    entropies = [-value for value in series(history, "train/entropy_loss")]
    if greatest is None or weight <= _HEAVY_BONUS or len(entropies) < TREND:
        return None
    entropy = mean(last_quarter(entropies))
    if entropy < _ALMOST_UNIFORM * greatest:
        return None
    return (
        f"The policy stays almost uniform (entropy {entropy:.3g} nats, at most {greatest:.3g}): "
        f"the entropy bonus holds it there. A smaller ent_coef (now {weight:g}) lets it learn."
    )


def clipped(history: History, setup: Setup) -> str | None:
    """Most actions were out of bounds at the end: because of sigma, or of the means."""
    shares, sigmas = series(history, "rollout/clipped_actions"), series(history, "train/std")
    if not shares or mean(last_quarter(shares)) <= MOST:
        return None
    share, sigma = mean(last_quarter(shares)), mean(last_quarter(sigmas)) if sigmas else None
    found = (
        f"{share:.0%} of the action components were outside the bounds at the end, and were clipped"
    )
    if setup.action_range is not None and sigma is not None:
        centred = _outside(0.5 * setup.action_range, sigma)
        if centred < 0.5 * share:
            return (
                f"{found}: with means in the middle only {centred:.0%} would be, with this sigma "
                f"({sigma:.3g}), so the means are far out themselves. Smaller steps, or "
                "normalize_observations=True, keep them inside; extreme actions may be right, too."
            )
    return f"{found}: a smaller sigma (log_std_init) keeps more of them inside."


def _outside(distance: float, sigma: float) -> float:
    """Probability that a Gaussian is farther than a distance from its mean."""
    return math.erfc(distance / (sigma * math.sqrt(2.0)))
