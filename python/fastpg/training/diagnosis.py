"""Why a run did not learn: sentences, each only if the history gives evidence for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fastpg.policies.gaussian import LOG_STD_RANGE
from fastpg.training.metrics import Metrics

# Least number of iterations for a trend, so that a quarter has a few records.
_TREND = 10
# Least number of iterations for a judgement on the kind of policy; shorter runs may just be short.
_LONG = 20
# Least rise of the returns between two quarters of a run, as a fraction of the range of the first
# returns: about four standard errors of a mean of 100 returns.
_RISE = 0.1
# KL in nats from the first policy to the last, if all steps had one direction. NPG learns
# CartPole-v1 over about 1 nat.
_HARDLY_MOVED = 0.01
# Fraction of the run's largest entropy (or sigma): the rarer of two actions has probability 0.006.
_ALMOST_DETERMINISTIC = 0.05
# Relative distance to a bound of sigma that counts as being at the bound.
_AT_BOUND = 1e-3
# More than half.
_MOST = 0.5
# Explained variance below which the baseline hardly reduces the noise of the advantages.
_EXPLAINS_NOTHING = 0.1

# KL of a step in nats above which the old samples say little of the new policy: one of two equal
# actions gets a probability of 0.79, or a Gaussian mean moves by 0.63 sigma. Steps of runs that
# learn rarely have a tenth of it.
_LARGE_KL = 0.2
# After one such step a policy is nearly deterministic: 0.995, or 2 sigma.
_HUGE_KL = 2.0
# Fraction of the run, or of its first quarter, above which large steps are the rule.
_MANY = 0.25
# Multiple of the KL bound. A good quadratic model of the KL is within a few percent.
_FAR_BEYOND = 10.0
# Signal share of a gradient below which its direction is random.
_ALL_NOISE = 0.1

_REASONS = {
    "no_improvement": "no point of the line search improved the objective",
    "kl_exceeded": "every point of the line search passed the KL bound",
    "zero_gradient": "the gradient was zero",
    "bad_curvature": "the direction had no curvature",
    "not_finite": "a number was not finite",
}
_RICHER = (
    'policy_kwargs=dict(features="polynomial", features_kwargs=dict(degree=3)), or '
    'features="fourier"'
)

History = Sequence[Metrics]


class Goal(NamedTuple):
    """The return that a run should have reached, and the one it reached.

    Attributes:
        env_id: id of the environment.
        level: mean return that counts as learned.
        result: mean return that was reached.
        plain: whether the policy is linear in a Box observation itself.
        settings: command that trains with tuned settings; None if there are none.
    """

    env_id: str
    level: float
    result: float
    plain: bool = False
    settings: str | None = None


def explain(history: History, goal: Goal | None = None) -> list[str]:
    """The sentences of `diagnose`, from the history alone.

    Args:
        history: one dict per iteration, with the keys of docs/records.md; not empty.
        goal: the level and the result, if they are known.

    Returns:
        One string per finding; empty for a run that learned.
    """
    if _improved(history) if goal is None else goal.result >= goal.level:
        return []
    checks: list[Callable[[History], str | None]] = [_far_too_large, _not_finite, _sigma_at_bound]
    checks += [_no_more_noise, _clipped, _far_beyond_the_bound]
    equal = _equal_returns(history)
    # What follows from steps that are too large is no fault of its own.
    stuck = equal is None and _far_too_large(history) is None and not _rises(history)
    if equal is None:  # otherwise these findings would follow from it
        checks += [_refused, _only_time_limits]
    if stuck:
        checks += [_hardly_moved, _baseline_explains_nothing, _only_noise]
    found = [_no_episode(history) or equal, *(check(history) for check in checks)]
    if goal is not None and stuck and _no_more_noise(history) is None:
        found.append(_beyond_the_policy(history, goal))
    if goal is not None and any(found):
        found.append(_settings(goal))
    return [sentence for sentence in found if sentence is not None]


def _no_episode(history: History) -> str | None:
    key = "rollout/ep_rew_mean"
    if _series(history, key) or key not in history[-1]:
        return None
    return (
        f"No episode ended in {history[-1]['time/total_timesteps']:,} steps, so no return is "
        "known: train longer, or limit the episodes (gymnasium.wrappers.TimeLimit)."
    )


def _equal_returns(history: History) -> str | None:
    """All returns in the history are equal."""
    least, greatest = (_series(history, f"rollout/ep_rew_{name}") for name in ("min", "max"))
    if not least or min(least) < max(greatest):
        return None
    return (
        f"All returns are equal ({least[0]:g}), so the policy cannot learn which actions are "
        "better. More exploration, longer episodes or denser rewards may help."
    )


def _far_too_large(history: History) -> str | None:
    """Steps with a large KL: many, in the run or in its first quarter, or single huge ones."""
    taken = [record for record in history if _kl(record) > 0.0]
    first = taken[: max(1, len(taken) // 4)]
    large, among = _above(_LARGE_KL, taken), f"{len(taken)}"
    if len(large) <= max(1.0, _MANY * len(taken)):
        large, among = _above(_LARGE_KL, first), f"first {len(first)}"
    if len(large) <= max(1.0, _MANY * len(first)):
        # `_far_beyond_the_bound` has the huge steps that a bound was meant to prevent.
        huge = [r for r in _above(_HUGE_KL, taken) if _kl(r) <= _FAR_BEYOND * _bound(r)]
        large, among = (_above(_LARGE_KL, taken) if huge else []), f"{len(taken)}"
    if not large:
        return None
    return (
        f"{len(large)} of the {among} steps were far too large: their KL is above {_LARGE_KL:g} "
        f"nats, at most {max(map(_kl, large)):.3g}{_lowered(large)}. Begin with "
        f"{_smaller(history)}."
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


def _not_finite(history: History) -> str | None:
    count = sum("not_finite" in (r.get("train/status"), r.get("train/cg_status")) for r in history)
    if not count:
        return None
    return (
        f"A number was not finite in {_of(count, history)}, and the policy was not changed then: "
        "rewards or observations may be too large (normalize_observations=True)."
    )


def _sigma_at_bound(history: History) -> str | None:
    sigmas = _series(history, "train/std")
    for name, log_std in zip(("lower", "upper"), LOG_STD_RANGE, strict=True):
        bound = math.exp(log_std)
        if sigmas and abs(sigmas[-1] - bound) <= _AT_BOUND * bound:
            return (
                f"Sigma is at its {name} bound, {bound:.3g}: the noise of the actions does not fit "
                "their scale, or ent_coef is unsuitable."
            )
    return None


def _no_more_noise(history: History) -> str | None:
    """Entropy, or sigma of a Gaussian, became almost 0 in the first half and stayed there."""
    sigmas = _series(history, "train/std")
    noise = sigmas or [-value for value in _series(history, "train/entropy_loss")]
    if len(noise) < _TREND:
        return None
    low = _ALMOST_DETERMINISTIC * max(noise)
    since = 1 + max((k for k, value in enumerate(noise) if value >= low), default=-1)
    if since > len(noise) // 2:
        return None
    what = "sigma" if sigmas else "entropy"
    unit = "" if sigmas else " nats"
    return (
        f"The policy is almost deterministic since iteration {since + 1} of {len(noise)} ({what} "
        f"{noise[-1]:.3g}{unit}, at most {max(noise):.3g}), so it no longer explores: a larger "
        "ent_coef or smaller steps keep it exploring."
    )


def _clipped(history: History) -> str | None:
    shares = _series(history, "rollout/clipped_actions")
    if not shares or _mean(_last_quarter(shares)) <= _MOST:
        return None
    return (
        f"{_mean(_last_quarter(shares)):.0%} of the action components were outside the bounds at "
        "the end, and were clipped: a smaller sigma (log_std_init) keeps more of them inside."
    )


def _far_beyond_the_bound(history: History) -> str | None:
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


def _refused(history: History) -> str | None:
    statuses = [str(record["train/status"]) for record in history if "train/status" in record]
    refused = Counter(status for status in statuses if status != "accepted")
    count = refused.total()
    if len(statuses) < _TREND or count <= _MOST * len(statuses):
        return None
    reasons = ", ".join(f"{n} times {_REASONS.get(s, s)}" for s, n in refused.most_common())
    return f"Most steps were refused, {count} of {len(statuses)}: {reasons}."


def _only_time_limits(history: History) -> str | None:
    """Most episodes end by time limit; if returns are above 0 that may be best, as in CartPole."""
    shares = _series(history, "rollout/terminated_share")
    means = _series(history, "rollout/ep_rew_mean")
    if not shares or not means or shares[-1] >= 1.0 - _MOST or means[-1] > 0.0:
        return None
    which = "All" if not shares[-1] else f"{1.0 - shares[-1]:.0%} of the"
    return (
        f"{which} recent episodes ended at their time limit, with a mean return of "
        f"{means[-1]:.4g}: if the environment has a goal, they did not reach it."
    )


def _hardly_moved(history: History) -> str | None:
    kls = _series(history, "train/kl")
    # The KL grows with the square of the distance; distances add up.
    farthest = sum(math.sqrt(max(kl, 0.0)) for kl in kls) ** 2
    if len(kls) < _TREND or farthest >= _HARDLY_MOVED:
        return None
    by_rate = "train/learning_rate" in history[-1]
    options = "learning_rate" if by_rate else "target_kl or max_step_size"
    return (
        f"The policy hardly changed: all {len(kls)} steps in one direction would give a KL of "
        f"{farthest:.2g} nats. A larger {options} makes larger steps."
    )


def _baseline_explains_nothing(history: History) -> str | None:
    # 0 is also recorded for constant targets, which have no variance to explain.
    explained = [value for value in _series(history, "train/explained_variance") if value != 0.0]
    if len(explained) < _TREND or _mean(_last_quarter(explained)) >= _EXPLAINS_NOTHING:
        return None
    return (
        "The baseline explains almost nothing of the returns (explained variance "
        f"{_mean(_last_quarter(explained)):.2f} at the end), so advantages are noisy: larger "
        "batches may help, or baseline_time=True if returns depend on the step."
    )


def _only_noise(history: History) -> str | None:
    shares = _series(history, "train/signal_share")
    if len(shares) < _TREND or _mean(shares) >= _ALL_NOISE:
        return None
    return (
        f"Gradients were mostly noise: the mean signal share was {_mean(shares):.0%}. Larger "
        "batches (n_steps, n_envs) reduce the noise."
    )


def _beyond_the_policy(history: History, goal: Goal) -> str | None:
    if not goal.plain or len(_series(history, "rollout/ep_rew_mean")) < _LONG:
        return None
    return (
        f"The level of {goal.env_id}, {goal.level:g}, was not reached (mean return "
        f"{goal.result:.4g}), and returns no longer rose: a policy that is linear in the "
        f"observation itself may be too simple. Richer features may help: {_RICHER}."
    )


def _settings(goal: Goal) -> str | None:
    return None if goal.settings is None else f"Settings tuned to it: {goal.settings}."


def _rises(history: History) -> bool:
    """Whether returns rose from the third quarter of the run to the last."""
    means = _series(history, "rollout/ep_rew_mean")
    if len(means) < 4:
        return False
    last = _last_quarter(means)
    before = means[-2 * len(last) : -len(last)]
    return _mean(last) - _mean(before) > _RISE * _first_range(history)


def _improved(history: History) -> bool:
    """Whether the last mean return is above the greatest return in the first record."""
    means = _series(history, "rollout/ep_rew_mean")
    greatest = _series(history, "rollout/ep_rew_max")
    return bool(means and greatest) and means[-1] > greatest[0]


def _first_range(history: History) -> float:
    least, greatest = (_series(history, f"rollout/ep_rew_{name}") for name in ("min", "max"))
    return greatest[0] - least[0] if least else math.inf  # records of 0.1.0 lack them


def _series(history: History, key: str) -> list[float]:
    """The finite values of a key, in order."""
    values = (record.get(key) for record in history)
    return [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]


def _count(value: float) -> str:
    return f"{value:,.0f}" if value < 1e9 else f"{value:.1e}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _last_quarter(values: Sequence[float]) -> Sequence[float]:
    return values[-max(1, len(values) // 4) :]


def _of(count: int, history: History) -> str:
    return f"{count} of {len(history)} iterations"
