"""Signs in the steps of a run: too large, refused, held back, or mostly noise."""

from __future__ import annotations

import math
from collections import Counter

from fastpg.training.metrics import Metrics
from fastpg.training.series import (
    MOST,
    TREND,
    History,
    Setup,
    last_quarter,
    mean,
    refusals,
    series,
)

# KL in nats from the first policy to the last, if all steps had one direction. NPG learns
# CartPole-v1 over about 1 nat.
_HARDLY_MOVED = 0.01
# Explained variance below which the baseline hardly reduces the noise of the advantages.
_EXPLAINS_NOTHING = 0.1
# KL of a step in nats above which the old samples say little of the new policy: one of two equal
# actions gets a probability of 0.79, or a Gaussian mean moves by 0.63 sigma. Steps of runs that
# learn rarely have a tenth of it.
_LARGE_KL = 0.2
# One such step is too large: one of two equal actions gets a probability of 0.96, or a Gaussian
# mean moves by 1.4 sigma.
_HUGE_KL = 1.0
# Fraction of the run, or of its first quarter, above which large steps are the rule.
_MANY = 0.25
# Multiple of the KL bound. A good quadratic model of the KL is within a few percent.
_FAR_BEYOND = 10.0
# Signal share of a gradient below which its direction is random.
_ALL_NOISE = 0.1
# Magnitude of an observation above which a step of usual length changes a linear policy much.
_NOT_OF_SIZE_1 = 10.0

_REASONS = {
    "no_improvement": "no point of the line search improved the objective",
    "kl_exceeded": "every point of the line search passed the KL bound",
    "zero_gradient": "the gradient was zero",
    "bad_curvature": "the direction had no curvature",
    "not_finite": "a number was not finite",
}


def far_too_large(history: History, setup: Setup) -> str | None:
    """Steps with a large KL: many, in the run or in its first quarter, or single huge ones."""
    taken = [record for record in history if _kl(record) > 0.0]
    first = taken[: max(1, len(taken) // 4)]
    large, among = _above(_LARGE_KL, taken), f"{len(taken)}"
    if len(large) <= max(1.0, _MANY * len(taken)):
        large, among = _above(_LARGE_KL, first), f"first {len(first)}"
    if len(large) <= max(1.0, _MANY * len(first)):
        # `far_beyond_the_bound` has the huge steps that a bound was meant to prevent.
        huge = [r for r in _above(_HUGE_KL, taken) if _kl(r) <= _FAR_BEYOND * _bound(r)]
        large, among = (_above(_LARGE_KL, taken) if huge else []), f"{len(taken)}"
    if not large:
        return None
    return (
        f"{len(large)} of the {among} steps were far too large: their KL is above {_LARGE_KL:g} "
        f"nats, at most {max(map(_kl, large)):.3g}{_lowered(large)}. Begin with "
        f"{_smaller(history)}.{_large_observations(setup)}"
    )


def _above(kl: float, steps: History) -> History:
    return [record for record in steps if _kl(record) > kl]


def _kl(record: Metrics) -> float:
    return float(record.get("train/kl", 0.0))


def _bound(record: Metrics) -> float:
    return float(record.get("train/target_kl", math.inf))


def _lowered(steps: History) -> str:
    """How many of the steps lowered the surrogate, as a part of a sentence."""
    before, after = "train/policy_objective_before", "train/policy_objective"
    count = sum(float(r.get(after, 0.0)) < float(r.get(before, 0.0)) for r in steps)
    return f", and {count} of them lowered the objective that they should raise" if count else ""


def _smaller(history: History) -> str:
    """The option that makes the steps smaller, with its last value."""
    last = history[-1]
    for key in ("learning_rate", "target_kl"):
        if f"train/{key}" in last:
            return f"a smaller {key} (now {last[f'train/{key}']:.3g})"
    return "a smaller step_size, or with target_kl=0.01 instead"


def _large_observations(setup: Setup) -> str:
    bound = setup.observation_bound
    if bound is None or bound <= _NOT_OF_SIZE_1:
        return ""
    return (
        f" Observations may be as large as {bound:g}: policy_kwargs=dict("
        "normalize_observations=True), or features of size 1, make every step smaller."
    )


def not_finite(history: History, setup: Setup) -> str | None:
    """Numbers that were not finite."""
    count = sum("not_finite" in (r.get("train/status"), r.get("train/cg_status")) for r in history)
    if not count:
        return None
    return (
        f"A number was not finite in {count} of {len(history)} iterations, and the policy was not "
        "changed then: rewards or observations may be too large (normalize_observations=True)."
    )


def far_beyond_the_bound(history: History, setup: Setup) -> str | None:
    """Steps with a KL far above their bound."""
    both = [record for record in history if {"train/kl", "train/target_kl"} <= record.keys()]
    ratios = [
        float(record["train/kl"]) / float(record["train/target_kl"])
        for record in both
        if float(record["train/target_kl"]) > 0.0
    ]
    far = [ratio for ratio in ratios if ratio > _FAR_BEYOND]
    if not far:
        return None
    return (
        f"{len(far)} of {len(ratios)} steps had a KL more than {_FAR_BEYOND:.0f} times their "
        f"bound, at most {_count(max(far))} times: NPG does not check the KL of its step, TRPO "
        "does. A larger cg_damping or a smaller target_kl makes the predicted KL more accurate."
    )


def one_reward_alone(history: History, setup: Setup) -> str | None:
    """Options with which an action is judged by its own reward alone."""
    options = setup.options
    if options.get("gamma") == 0.0:
        which = "gamma=0"
    elif options.get("gae_lambda") == 0.0 and options.get("baseline") == "none":
        which = 'gae_lambda=0 and baseline="none"'
    else:
        return None
    refused, count = refusals(history)
    equal = refused.count("zero_gradient") > MOST * count
    found = "These were all equal, so all advantages were equal, and the gradient was zero. "
    return (
        f"With {which} an action is judged by its own reward alone, not by what follows. "
        f"{found if equal else ''}A gamma near 1, and a gae_lambda near 1 or a baseline, count the "
        "rewards that follow."
    )


def refused(history: History, setup: Setup) -> str | None:
    """Most steps were refused."""
    words, count = refusals(history)
    if count < TREND or len(words) <= MOST * count:
        return None
    reasons = ", ".join(f"{n} times {_REASONS.get(s, s)}" for s, n in Counter(words).most_common())
    return f"Most steps were refused, {len(words)} of {count}: {reasons}."


def hardly_moved(history: History, setup: Setup) -> str | None:
    """All steps together hardly changed the policy."""
    kls = series(history, "train/kl")
    # The KL grows with the square of the distance; distances add up.
    farthest = sum(math.sqrt(max(kl, 0.0)) for kl in kls) ** 2
    refused, _ = refusals(history)
    taken = len(kls) - len(refused)  # those that were refused have a reason of their own
    if taken < TREND or farthest >= _HARDLY_MOVED:
        return None
    return (
        f"The policy hardly changed: all {len(kls)} steps in one direction would give a KL of "
        f"{farthest:.2g} nats. {_holding_back(history, setup)} makes larger steps."
    )


def _holding_back(history: History, setup: Setup) -> str:
    """The option that keeps the steps small, with its value, as the subject of a sentence."""
    last = history[-1]
    clipped = series(history, "train/clip_fraction")
    if clipped and mean(clipped) > MOST and "train/clip_range" in last:
        return f"A larger clip_range (now {last['train/clip_range']:.3g})"
    kl_coef = float(last.get("train/kl_coef", 0.0))
    # The maximiser of the penalised surrogate is at a KL of g^T F^-1 g / (2 kl_coef^2) (L10), and
    # with standardised advantages g^T F^-1 g is at most 1.
    if kl_coef and 0.5 * (len(history) / kl_coef) ** 2 < _HARDLY_MOVED:
        return f"A smaller kl_coef (now {kl_coef:.3g})"
    if "train/learning_rate" in last:
        return "A larger learning_rate"
    if str(last.get("train/step_limited_by")) == "step_size":
        return "A larger step_size"
    return "A larger target_kl or max_step_size"


def baseline_explains_nothing(history: History, setup: Setup) -> str | None:
    """The baseline explains almost nothing of the returns at the end."""
    # 0 is also recorded for constant targets, which have no variance to explain.
    explained = [value for value in series(history, "train/explained_variance") if value != 0.0]
    if len(explained) < TREND or mean(last_quarter(explained)) >= _EXPLAINS_NOTHING:
        return None
    return (
        "The baseline explains almost nothing of the returns (explained variance "
        f"{mean(last_quarter(explained)):.2f} at the end), so advantages are noisy: larger "
        "batches may help, or baseline_time=True if returns depend on the step."
    )


def only_noise(history: History, setup: Setup) -> str | None:
    """Gradients that were mostly noise."""
    shares = series(history, "train/signal_share")
    if len(shares) < TREND or mean(shares) >= _ALL_NOISE:
        return None
    return (
        f"Gradients were mostly noise: the mean signal share was {mean(shares):.0%}. Larger "
        "batches (n_steps, n_envs) reduce the noise."
    )


def _count(value: float) -> str:
    return f"{value:,.0f}" if value < 1e9 else f"{value:.1e}"
