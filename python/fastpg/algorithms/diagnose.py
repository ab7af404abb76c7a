"""Why an algorithm did not learn: what its environment asks for, and what its history says."""

from __future__ import annotations

import math

import gymnasium
from gymnasium import spaces

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.settings import TunedSettings, built_in
from fastpg.policies.features import Identity
from fastpg.training.diagnosis import Goal, explain
from fastpg.training.metrics import RAW_MEAN


def diagnose(algo: Algorithm, *, score: float | None = None, tuned: bool = True) -> list[str]:
    """Sentences on why a run did not learn; none for one that did, or that is too short to tell.

    A run has learned when it reached the level of its environment: the `reward_threshold` that is
    registered, or that of its tuned settings. Without one, when its mean return passed the best of
    the first 100.

    Args:
        algo: whose `history` and policy are looked at.
        score: mean return of an evaluation in the environment as it is registered; without it the
            mean return of the last 100 episodes is compared with the level.
        tuned: name the settings tuned to this environment, where there are some.
    """
    return explain(algo.history, _goal(algo, score, tuned)) if algo.history else _no_iteration(algo)


def _no_iteration(algo: Algorithm) -> list[str]:
    if not algo.num_timesteps:
        return []
    return [
        f"No iteration was finished in {algo.num_timesteps:,} steps, and nothing was learned: the "
        "episodes that one needs did not end within total_timesteps."
    ]


def _goal(algo: Algorithm, score: float | None, tuned: bool) -> Goal | None:
    """The level of the environment and what was reached; None where one of them is not known."""
    if algo.env_id is None:
        return None
    known = _known(algo.name, algo.env_id)
    level = _level(algo.env_id, known)
    results = [r for r in (score, _mean_return(algo)) if r is not None and math.isfinite(r)]
    if level is None or not results:
        return None
    reached = max(results) >= level
    return Goal(
        algo.env_id,
        level,
        max(results) if reached else results[0],
        _is_plain(algo),
        f"fastpg train {known.algorithm} {known.env_id}" if tuned and known else None,
    )


def _known(algorithm: str, env_id: str) -> TunedSettings | None:
    """Tuned settings of the environment, those of the algorithm rather than of another."""
    table = built_in()
    own = table.get((algorithm, env_id))
    return own or next((row for row in table.values() if row.env_id == env_id), None)


def _level(env_id: str, known: TunedSettings | None) -> float | None:
    spec = gymnasium.registry.get(env_id)
    if spec is not None and spec.reward_threshold is not None:
        return spec.reward_threshold
    return None if known is None else known.level


def _mean_return(algo: Algorithm) -> float | None:
    """Of the last 100 episodes, where it can be compared with the registered environment's."""
    last, recipe = algo.history[-1], algo.env_recipe
    if RAW_MEAN in last:
        return float(last[RAW_MEAN])
    as_registered = recipe is not None and recipe.obstacle is None and str(recipe) == algo.env_id
    return float(last.get("rollout/ep_rew_mean", math.nan)) if as_registered else None


def _is_plain(algo: Algorithm) -> bool:
    """Whether the policy is linear in numbers; one-hot observations leave nothing to represent."""
    box = isinstance(algo.observation_space, spaces.Box)
    return box and isinstance(algo.policy.feature_map, Identity)
