"""Reasons why an algorithm did not learn, from its history and the environment's level."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.algorithms import schedules
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.settings import LINEAR, TunedSettings, built_in
from fastpg.policies.factory import POLICIES
from fastpg.policies.features import Identity
from fastpg.suggestions import names_checked
from fastpg.training.diagnosis import Goal, explain
from fastpg.training.metrics import RAW_MEAN
from fastpg.training.series import Setup

_AS_INFINITE = 1e30  # bounds such as the largest float32 stand for no bound


@names_checked
def diagnose(algo: Algorithm, *, score: float | None = None, tuned: bool = True) -> list[str]:
    """Explain in sentences why a run did not learn.

    A run has learned when it reached the level of its environment: the registered
    `reward_threshold`, or else the level of its tuned settings. If neither exists, its last mean
    return must be above the best return in its first record.

    Args:
        algo: the algorithm; its `history` and its policy are read.
        score: mean return of an evaluation in the environment as registered. The larger of it and
            the mean return of the last 100 episodes is compared with the level.
        tuned: whether to name the settings tuned to this environment, if there are any.

    Returns:
        One string per finding; empty for a run that learned. Below a known level there is at least
            one: that the level was not reached.
    """
    if not isinstance(algo, Algorithm):
        raise TypeError(f"algo: expected an algorithm, got {type(algo).__name__}")
    if score is not None:
        score = arrays.number("score", score)
    if not algo.history:
        return _no_iteration(algo)
    return explain(algo.history, _goal(algo, score, tuned), _setup(algo))


def _no_iteration(algo: Algorithm) -> list[str]:
    if not algo.num_timesteps:
        return []
    return [
        f"No iteration was finished in {algo.num_timesteps:,} steps, so nothing was learned: the "
        "episodes of the first iteration did not end within total_timesteps."
    ]


def _goal(algo: Algorithm, score: float | None, tuned: bool) -> Goal | None:
    """The environment's level and the return reached; None if one of them is unknown."""
    if algo.env_id is None:
        return None
    known = _known(algo, algo.env_id)
    level = _level(algo.env_id, known)
    results = [r for r in (score, _mean_return(algo)) if r is not None and math.isfinite(r)]
    if level is None or not results:
        return None
    reached = max(results) >= level
    return Goal(
        algo.env_id,
        level,
        max(results) if reached else results[0],
        _is_plain(algo) and not _reached_by_plain(algo.env_id),
        _command(known) if tuned and known else None,
    )


def _known(algo: Algorithm, env_id: str) -> TunedSettings | None:
    """Tuned settings of the environment: for this kind of policy and algorithm, or else others."""
    own_kind = LINEAR if algo.policy.is_linear else "mlp"
    rows = [row for kind in POLICIES for row in built_in(kind).values() if row.env_id == env_id]
    rows.sort(key=lambda row: (row.policy != own_kind, row.algorithm != algo.name))
    return rows[0] if rows else None


def _command(row: TunedSettings) -> str:
    """The command that trains with tuned settings."""
    policy = "" if row.policy == LINEAR else f" --policy {row.policy}"
    return f"fastpg train {row.algorithm} {row.env_id}{policy}"


def _level(env_id: str, known: TunedSettings | None) -> float | None:
    spec = gymnasium.registry.get(env_id)
    if spec is not None and spec.reward_threshold is not None:
        return spec.reward_threshold
    return None if known is None else known.level


def _mean_return(algo: Algorithm) -> float | None:
    """Mean return of the last 100 episodes, in the registered environment's rewards; else None."""
    last, recipe = algo.history[-1], algo.env_recipe
    if recipe is None or str(replace(recipe, wrappers=(), obstacle=None)) != algo.env_id:
        return None  # other episodes than those of the registered environment
    if RAW_MEAN in last:
        return float(last[RAW_MEAN])
    wrapped = recipe.obstacle is not None or bool(recipe.wrappers)
    return None if wrapped else float(last.get("rollout/ep_rew_mean", math.nan))


def _reached_by_plain(env_id: str) -> bool:
    """Whether settings are known with which a policy linear in the observation learns it."""
    rows = (row for row in built_in(LINEAR).values() if row.env_id == env_id)
    return any("features" not in row.policy_kwargs for row in rows)


def _setup(algo: Algorithm) -> Setup:
    """What the run was made with."""
    options = {spec.name: getattr(algo.options, spec.name) for spec in fields(algo.options)}
    options["ent_coef"] = schedules.at(algo.options.ent_coef, 1.0)
    actions, observations = algo.action_space, algo.observation_space
    return Setup(
        options,
        max_entropy=None if _gives_masks(algo) else _max_entropy(actions),
        action_range=_range(actions) if isinstance(actions, spaces.Box) else None,
        observation_bound=None if algo.policy.normalizer else _largest_bound(observations),
    )


def _gives_masks(algo: Algorithm) -> bool:
    """Whether its environment is known to give action masks, which bound the entropy too."""
    return algo._collector is not None and algo._collector.gives_masks


def _max_entropy(space: spaces.Space[Any]) -> float | None:
    """Entropy of the uniform distribution over finitely many actions, in nats."""
    if isinstance(space, spaces.Discrete):
        return math.log(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return float(np.log(space.nvec).sum())
    return None


def _range(box: spaces.Box) -> float | None:
    """Mean over the components of upper minus lower bound; None without bounds."""
    widths = np.asarray(box.high, float) - np.asarray(box.low, float)
    return float(widths.mean()) if np.isfinite(widths).all() else None


def _largest_bound(space: spaces.Space[Any]) -> float | None:
    """The largest magnitude of a bound of a Box that is no stand-in for infinity."""
    if not isinstance(space, spaces.Box):
        return None
    bounds = np.abs(np.concatenate([space.low.ravel(), space.high.ravel()]).astype(float))
    known = bounds[bounds < _AS_INFINITE]
    return float(known.max()) if known.size else None


def _is_plain(algo: Algorithm) -> bool:
    """Whether the policy is linear in a Box observation itself, so that richer features may help.

    With one-hot observations it represents every policy already.
    """
    box = isinstance(algo.observation_space, spaces.Box)
    return box and isinstance(algo.policy.feature_map, Identity)
