"""Collecting from any environment: in C++ where both sides are native, else step by step."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import VectorEnv

from fastpg import arrays
from fastpg.envs import NativeVectorEnv
from fastpg.policies.base import LinearPolicy
from fastpg.policies.factory import require_fit
from fastpg.rollouts.collector import MOST_STEPS, Collector, NativeCollector
from fastpg.rollouts.make_env import has_time_limit, require_vector
from fastpg.rollouts.rollout import Rollout
from fastpg.rollouts.stepping import SteppingCollector

# Steps of an episode after which one without a time limit counts as endless.
ENDLESS = 10_000


def make_collector(
    env: VectorEnv[Any, Any, Any], policy: LinearPolicy, seed: int, *, evaluation: bool = False
) -> Collector:
    """The collector that fits both sides."""
    vector = require_vector(env)
    if not isinstance(policy, LinearPolicy):
        raise TypeError(f"policy: expected a policy, got {policy!r}")
    require_fit(policy, vector)
    if isinstance(vector, NativeVectorEnv) and _is_plain(vector) and policy.feature_map.in_core:
        return NativeCollector(vector, policy, seed, evaluation=evaluation)
    return SteppingCollector(vector, policy, seed, evaluation=evaluation)


def _is_plain(env: NativeVectorEnv) -> bool:
    """Whether a rollout in C++ does what `step` and `reset` would; a subclass may change them."""
    kind = type(env)
    own = kind.step is NativeVectorEnv.step and kind.reset is NativeVectorEnv.reset
    return own and not hasattr(env, "action_masks")


def episode_limit(env: VectorEnv[Any, Any, Any], given: int | None) -> int | None:
    """Steps after which an episode is an error: as given, or 10,000 without a time limit."""
    if given is not None:
        return arrays.integer("max_episode_steps", given, 1, 2**31 - 1)
    return None if has_time_limit(env) else ENDLESS


class EndlessEpisodeError(RuntimeError):
    """An episode that does not end, in an environment without a time limit."""


def endless(limit: int) -> EndlessEpisodeError:
    """What to raise when an episode has taken so many steps."""
    return EndlessEpisodeError(
        f"an episode has not ended after {limit:,} steps, and its environment has no time limit: "
        "wrap it in gymnasium.wrappers.TimeLimit, or give a larger max_episode_steps"
    )


def collect(
    env: VectorEnv[Any, Any, Any],
    policy: LinearPolicy,
    *,
    n_steps: int | None = None,
    n_episodes: int | None = None,
    seed: int | None = None,
    deterministic: bool = False,
    max_episode_steps: int | None = None,
) -> Rollout:
    """Reset the environment and run a policy in it; wholly in C++ where both are native.

    Args:
        env: made by `make_vec`, or any Gymnasium vector environment.
        policy: whose actions are taken.
        n_steps: steps of every environment; or
        n_episodes: whole episodes. Exactly one of the two is given.
        seed: of the environment and of the actions, in [0, 2^64); None draws one.
        deterministic: take the most probable action.
        max_episode_steps: with `n_episodes`, how long they may be on average before they count as
            endless; None: 10,000 where the environment has no time limit, else any length.

    Raises:
        EndlessEpisodeError: the episodes do not end.
        ValueError: not exactly one of the two counts, or an environment that cannot be used.
        TypeError: not a vector environment.
    """
    if (n_steps is None) == (n_episodes is None):
        raise ValueError(
            f"expected exactly one of n_steps and n_episodes, got {n_steps!r} and {n_episodes!r}"
        )
    drawn = arrays.seed(seed)
    greedy = arrays.boolean("deterministic", deterministic)
    collector = make_collector(env, policy, drawn)
    if n_steps is not None:
        steps = arrays.integer("n_steps", n_steps, 1, MOST_STEPS)
        collector.reset(drawn)
        return collector.steps(steps, deterministic=greedy)
    episodes = arrays.integer("n_episodes", n_episodes, 1, MOST_STEPS)
    limit = episode_limit(env, max_episode_steps)
    most = None if limit is None else limit * episodes
    collector.reset(drawn)
    rollout = collector.episodes(episodes, max_samples=most, deterministic=greedy)
    if not rollout.complete and limit is not None:
        raise endless(limit)
    return rollout
