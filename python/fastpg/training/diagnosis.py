"""Why a run did not learn: sentences from its history, each only where the evidence is there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fastpg.policies.linear import LOG_STD_RANGE
from fastpg.training.metrics import Metrics

# Iterations from which on there is a trend to speak of: quarters of a few records each.
_TREND = 10
# As many for a verdict on the policy itself: before, most runs are just short.
_LONG = 20
# Of the range of the first returns, between two quarters of a run: four standard errors of a mean
# of 100 returns that differ as much as they do at the start.
_RISE = 0.1
# Nats from the first policy to the last, if all steps pointed one way: one step of KL 0.01. NPG
# learns CartPole-v1 over about 1.
_HARDLY_MOVED = 0.01
# Of the most entropy (or sigma) of the run: of two actions the rarer one is taken 6 times in 1,000.
_ALMOST_DETERMINISTIC = 0.05
# Relative distance from a bound of sigma that counts as at it.
_AT_BOUND = 1e-3
# More often than not.
_MOST = 0.5
# Of the variance of the targets: advantages are then as noisy as without a baseline.
_EXPLAINS_NOTHING = 0.1

# Times the KL bound. The quadratic model of the KL is within a few percent where it means anything.
_FAR_BEYOND = 10.0
# Of a gradient's squared length: directions are then chance.
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
    """What a run should have reached.

    env_id: of the environment. level: mean return that counts as learned. result: what was reached.
    plain: whether the policy is linear in an observation of real numbers itself. settings: how to
    train with settings tuned to it, or None.
    """

    env_id: str
    level: float
    result: float
    plain: bool = False
    settings: str | None = None


def explain(history: History, goal: Goal | None = None) -> list[str]:
    """The sentences of `diagnose`, from records alone.

    Args:
        history: records, under the keys of docs/records.md.
        goal: what should have been reached, where that is known.
    """
    if _improved(history) if goal is None else goal.result >= goal.level:
        return []
    checks: list[Callable[[History], str | None]] = [_not_finite, _sigma_at_bound, _no_more_noise]
    checks += [_clipped, _far_beyond_the_bound]
    equal = _equal_returns(history)
    stuck = equal is None and not _rises(history)
    if equal is None:  # otherwise the rest would follow from it
        checks += [_refused, _only_time_limits]
    if stuck:
        checks += [_hardly_moved, _baseline_explains_nothing, _only_noise]
    said = [_no_episode(history) or equal, *(check(history) for check in checks)]
    if goal is not None and stuck:
        said.append(_beyond_the_policy(history, goal))
    if goal is not None and any(said):
        said.append(_settings(goal))
    return [sentence for sentence in said if sentence is not None]


def _no_episode(history: History) -> str | None:
    key = "rollout/ep_rew_mean"
    if _series(history, key) or key not in history[-1]:
        return None
    return (
        f"No episode ended in {history[-1]['time/total_timesteps']:,} steps, so that no return is "
        "known: train longer, or limit the episodes (gymnasium.wrappers.TimeLimit)."
    )


def _equal_returns(history: History) -> str | None:
    """Least and greatest return of every record are one number."""
    least, greatest = (_series(history, f"rollout/ep_rew_{name}") for name in ("min", "max"))
    if not least or min(least) < max(greatest):
        return None
    return (
        f"No episode earned more than another: every return on record is {least[0]:g}, and equal "
        "returns cannot tell good actions from bad ones. More exploration, longer episodes or "
        "denser rewards may."
    )


def _not_finite(history: History) -> str | None:
    count = sum("not_finite" in (r.get("train/status"), r.get("train/cg_status")) for r in history)
    if not count:
        return None
    return (
        f"A number that was not finite was met in {_of(count, history)}, which left the policy as "
        "it was: rewards or observations may be too large (normalize_observations=True)."
    )


def _sigma_at_bound(history: History) -> str | None:
    sigmas = _series(history, "train/std")
    for name, log_std in zip(("least", "greatest"), LOG_STD_RANGE, strict=True):
        bound = math.exp(log_std)
        if sigmas and abs(sigmas[-1] - bound) <= _AT_BOUND * bound:
            return (
                f"Sigma stands at its {name} bound, {bound:.3g}: the noise of the actions does not "
                "fit their scale, or ent_coef is wrong for it."
            )
    return None


def _no_more_noise(history: History) -> str | None:
    """Entropy, or sigma of a Gaussian, fell early to next to nothing, and stayed there."""
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
        f"{noise[-1]:.3g}{unit} of {max(noise):.3g}), and tries nothing new: a larger ent_coef or "
        "smaller steps keep it exploring."
    )


def _clipped(history: History) -> str | None:
    shares = _series(history, "rollout/clipped_actions")
    if not shares or _mean(_last_quarter(shares)) <= _MOST:
        return None
    return (
        f"{_mean(_last_quarter(shares)):.0%} of the numbers of actions were beyond the bounds at "
        "the end, where the environment gets the bound whatever was drawn: a smaller sigma "
        "(log_std_init) keeps more of them within."
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
        f"{len(far)} of {len(ratios)} steps went more than {_FAR_BEYOND:.0f} times beyond their KL "
        f"bound, one {max(far):,.0f} times: NPG does not check what its step became, TRPO does. A "
        "larger cg_damping or a smaller target_kl keeps its model good."
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
    """Of returns above zero the limit may be the best end, as CartPole's is."""
    shares = _series(history, "rollout/terminated_share")
    means = _series(history, "rollout/ep_rew_mean")
    if not shares or not means or shares[-1] >= 1.0 - _MOST or means[-1] > 0.0:
        return None
    which = "All" if not shares[-1] else f"{1.0 - shares[-1]:.0%} of the"
    return (
        f"{which} recent episodes ended at their time limit, with a mean return of "
        f"{means[-1]:.4g}: where the environment has a goal, they did not reach it."
    )


def _hardly_moved(history: History) -> str | None:
    kls = _series(history, "train/kl")
    # KL grows with the square of a distance, and distances add up.
    farthest = sum(math.sqrt(max(kl, 0.0)) for kl in kls) ** 2
    if len(kls) < _TREND or farthest >= _HARDLY_MOVED:
        return None
    by_rate = "train/learning_rate" in history[-1]
    options = "learning_rate" if by_rate else "target_kl or max_step_size"
    return (
        f"The policy hardly moved: all {len(kls)} steps in one direction would come to a KL of "
        f"{farthest:.2g} nats. A larger {options} makes larger steps."
    )


def _baseline_explains_nothing(history: History) -> str | None:
    # 0 stands for targets that did not vary, too: nothing was there to be explained.
    explained = [value for value in _series(history, "train/explained_variance") if value != 0.0]
    if len(explained) < _TREND or _mean(_last_quarter(explained)) >= _EXPLAINS_NOTHING:
        return None
    return (
        "The baseline explains next to nothing of the returns (explained variance "
        f"{_mean(_last_quarter(explained)):.2f} at the end), so that advantages are noisy: larger "
        "batches, or baseline_time=True where returns depend on the step, may help."
    )


def _only_noise(history: History) -> str | None:
    shares = _series(history, "train/signal_share")
    if len(shares) < _TREND or _mean(shares) >= _ALL_NOISE:
        return None
    return (
        f"Gradients were noise: {_mean(shares):.0%} of their length was common to both halves of "
        "the environments. Larger batches (n_steps, n_envs) leave less of it."
    )


def _beyond_the_policy(history: History, goal: Goal) -> str | None:
    if not goal.plain or len(_series(history, "rollout/ep_rew_mean")) < _LONG:
        return None
    return (
        f"The level of {goal.env_id}, {goal.level:g}, was not reached (mean return "
        f"{goal.result:.4g}), and returns rose no more: a policy that is linear in the observation "
        f"itself may not be able to. Richer features may: {_RICHER}."
    )


def _settings(goal: Goal) -> str | None:
    return None if goal.settings is None else f"Settings tuned to it: {goal.settings}."


def _rises(history: History) -> bool:
    """Whether returns still rose from the third quarter of the run to the last."""
    means = _series(history, "rollout/ep_rew_mean")
    if len(means) < 4:
        return False
    last = _last_quarter(means)
    before = means[-2 * len(last) : -len(last)]
    return _mean(last) - _mean(before) > _RISE * _first_range(history)


def _improved(history: History) -> bool:
    """Whether the mean return at the end is above the greatest at the start."""
    means = _series(history, "rollout/ep_rew_mean")
    greatest = _series(history, "rollout/ep_rew_max")
    return bool(means and greatest) and means[-1] > greatest[0]


def _first_range(history: History) -> float:
    least, greatest = (_series(history, f"rollout/ep_rew_{name}") for name in ("min", "max"))
    return greatest[0] - least[0] if least else math.inf  # records of 0.1.0 do not say


def _series(history: History, key: str) -> list[float]:
    """The finite numbers under a key."""
    values = (record.get(key) for record in history)
    return [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _last_quarter(values: Sequence[float]) -> Sequence[float]:
    return values[-max(1, len(values) // 4) :]


def _of(count: int, history: History) -> str:
    return f"{count} of {len(history)} iterations"
