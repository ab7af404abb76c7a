"""Why a run did not learn: sentences, each only if the history gives evidence for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fastpg.training import exploration_signs as exploration
from fastpg.training import step_signs as steps
from fastpg.training.series import MOST, History, Setup, improved, rises, series

# Least number of iterations for a judgement on the kind of policy; shorter runs may just be short.
_LONG = 20
_RICHER = (
    'policy_kwargs=dict(features="polynomial", features_kwargs=dict(degree=3)), or '
    'features="fourier"'
)

Sign = Callable[[History, Setup], str | None]


class Goal(NamedTuple):
    """The return that a run should have reached, and the one it reached.

    Attributes:
        env_id: id of the environment.
        level: mean return that counts as learned.
        result: mean return that was reached.
        plain: whether the policy is linear in a Box observation itself, and no settings are known
            with which such a policy reaches the level.
        settings: command that trains with tuned settings; None if there are none.
    """

    env_id: str
    level: float
    result: float
    plain: bool = False
    settings: str | None = None

    def __str__(self) -> str:
        """That it was not reached."""
        return (
            f"The level of {self.env_id}, {self.level:g}, was not reached (mean return "
            f"{self.result:.4g})"
        )


def explain(history: History, goal: Goal | None = None, setup: Setup | None = None) -> list[str]:
    """The sentences of `diagnose`, from the history alone.

    Args:
        history: one dict per iteration, with the keys of docs/records.md; not empty.
        goal: the level and the result, if they are known.
        setup: what the run was made with, as far as it is known.

    Returns:
        One string per finding; empty for a run that learned, and with a goal for no other.
    """
    if improved(history) if goal is None else goal.result >= goal.level:
        return []
    found = _signs(history, goal, setup or Setup())
    if goal is not None:
        found = [*(found or [_no_sign(history, goal)]), *_settings(goal)]
    return found


def _signs(history: History, goal: Goal | None, setup: Setup) -> list[str]:
    """The signs in a history, causes before what follows from them."""

    def present(*signs: Sign) -> list[str]:
        return [found for sign in signs if (found := sign(history, setup)) is not None]

    causes = present(steps.far_too_large, steps.one_reward_alone)
    equal = present(_equal_returns)
    found = causes + present(
        steps.not_finite, exploration.sigma_at_bound, exploration.no_more_noise,
        exploration.held_by_the_bonus, exploration.clipped, steps.far_beyond_the_bound,
    )  # fmt: skip
    found = (present(_no_episode) or equal) + found
    if not equal:  # otherwise these findings would follow from it
        found += present(_only_time_limits)
        if not present(steps.one_reward_alone):
            found += present(steps.refused)
    if equal or causes or rises(history):
        return found
    found += present(
        steps.hardly_moved, steps.baseline_explains_nothing, steps.only_noise,
    )  # fmt: skip
    simple = [] if goal is None else _beyond_the_policy(history, goal)
    held = present(exploration.no_more_noise, exploration.held_by_the_bonus, steps.hardly_moved)
    return found + ([] if held else simple)


def _no_episode(history: History, setup: Setup) -> str | None:
    key = "rollout/ep_rew_mean"
    if series(history, key) or key not in history[-1]:
        return None
    return (
        f"No episode ended in {history[-1]['time/total_timesteps']:,} steps, so no return is "
        "known: train longer, or limit the episodes (gymnasium.wrappers.TimeLimit)."
    )


def _equal_returns(history: History, setup: Setup) -> str | None:
    """All returns in the history are equal."""
    least, greatest = (series(history, f"rollout/ep_rew_{name}") for name in ("min", "max"))
    if not least or min(least) < max(greatest):
        return None
    return (
        f"All returns are equal ({least[0]:g}), so the policy cannot learn which actions are "
        "better. More exploration, longer episodes or denser rewards may help."
    )


def _only_time_limits(history: History, setup: Setup) -> str | None:
    """Most episodes end by time limit; if returns are above 0 that may be best, as in CartPole."""
    shares = series(history, "rollout/terminated_share")
    means = series(history, "rollout/ep_rew_mean")
    if not shares or not means or shares[-1] >= 1.0 - MOST or means[-1] > 0.0:
        return None
    which = "All" if not shares[-1] else f"{1.0 - shares[-1]:.0%} of the"
    return (
        f"{which} recent episodes ended at their time limit, with a mean return of "
        f"{means[-1]:.4g}: if the environment has a goal, they did not reach it."
    )


def _beyond_the_policy(history: History, goal: Goal) -> list[str]:
    if not goal.plain or len(series(history, "rollout/ep_rew_mean")) < _LONG:
        return []
    return [
        f"{goal}, and returns no longer rose: a policy that is linear in the observation itself "
        f"may be too simple. Richer features may help: {_RICHER}."
    ]


def _no_sign(history: History, goal: Goal) -> str:
    """What is said where nothing else is."""
    if len(history) < _LONG or rises(history):
        return f"{goal}; no known sign of a fault was found, and the run may just be too short."
    return (
        f"{goal}, and returns no longer rose; no known sign of a fault was found. Another seed, or "
        "other settings, may reach it."
    )


def _settings(goal: Goal) -> list[str]:
    return [] if goal.settings is None else [f"Settings tuned to it: {goal.settings}."]
