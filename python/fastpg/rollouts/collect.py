"""Collecting rollouts: in C++ if environment and policy are native, otherwise step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gymnasium.vector import VectorEnv

from fastpg import arrays
from fastpg.envs import NativeVectorEnv
from fastpg.policies.base import Policy
from fastpg.policies.factory import require_fit
from fastpg.rollouts.collector import MOST_STEPS, Collector, NativeCollector
from fastpg.rollouts.make_env import has_time_limit, require_vector
from fastpg.rollouts.rollout import Rollout
from fastpg.rollouts.stepping import SteppingCollector
from fastpg.suggestions import names_checked

# Steps after which an episode without a time limit counts as endless.
ENDLESS = 10_000


def make_collector(
    env: VectorEnv[Any, Any, Any], policy: Policy, seed: int, *, evaluation: bool = False
) -> Collector:
    """Make the collector for an environment and a policy.

    Args:
        env: a vector environment.
        policy: a policy that fits the environment's spaces.
        seed: seed of the actions, in [0, 2^64).
        evaluation: use the random stream of evaluations, not the one of training.

    Returns:
        A `NativeCollector` if environment and policy are native, otherwise a `SteppingCollector`.

    Raises:
        TypeError: not a vector environment, or not a policy.
        ValueError: a policy that does not fit the spaces, or an environment that cannot be used.
    """
    vector = require_vector(env)
    if not isinstance(policy, Policy):
        raise TypeError(f"policy: expected a policy, got {policy!r}")
    require_fit(policy, vector)
    return fitting_collector(vector, policy, seed, evaluation=evaluation)


def fitting_collector(
    env: VectorEnv[Any, Any, Any], policy: Policy, seed: int, *, evaluation: bool = False
) -> Collector:
    """`make_collector` for an environment and a policy that are known to fit.

    Args:
        env: a vector environment that `require_vector` takes.
        policy: a policy that `require_fit` takes with it.
        seed: seed of the actions, in [0, 2^64).
        evaluation: use the random stream of evaluations, not the one of training.

    Returns:
        A `NativeCollector` if environment and policy are native, otherwise a `SteppingCollector`.
    """
    if isinstance(env, NativeVectorEnv) and is_plain(env) and policy._has_actor:
        return NativeCollector(env, policy, seed, evaluation=evaluation)
    return SteppingCollector(env, policy, seed, evaluation=evaluation)


def is_plain(env: NativeVectorEnv) -> bool:
    """Whether `step` and `reset` are those in C++; a subclass may override them.

    Args:
        env: native environments.

    Returns:
        False if its state may be more than that of the environments in C++.
    """
    kind = type(env)
    own = kind.step is NativeVectorEnv.step and kind.reset is NativeVectorEnv.reset
    return own and not hasattr(env, "action_masks")


def episode_limit(env: VectorEnv[Any, Any, Any], given: int | None) -> int | None:
    """Steps after which an episode counts as endless.

    Args:
        env: a vector environment.
        given: the user's limit, in [1, 2^31 - 1], or None.

    Returns:
        The user's limit; otherwise 10,000, or None if the environment has a time limit.

    Raises:
        TypeError: not an integer.
        ValueError: out of range.
    """
    if given is not None:
        return arrays.integer("max_episode_steps", given, 1, 2**31 - 1)
    return None if has_time_limit(env) else ENDLESS


class EndlessEpisodeError(RuntimeError):
    """An episode that does not end, in an environment without a time limit."""


def endless(limit: int) -> EndlessEpisodeError:
    """The error for an endless episode.

    Args:
        limit: number of steps that the episode has taken.

    Returns:
        The error.
    """
    return EndlessEpisodeError(
        f"an episode has not ended after {limit:,} steps: give a larger max_episode_steps, or, if "
        "the environment has no time limit, wrap it in gymnasium.wrappers.TimeLimit"
    )


@names_checked
def collect(
    env: VectorEnv[Any, Any, Any],
    policy: Policy,
    *,
    n_steps: int | None = None,
    n_episodes: int | None = None,
    seed: int | None = None,
    deterministic: bool = False,
    max_episode_steps: int | None = None,
) -> Rollout:
    """Reset the environment and run a policy in it; entirely in C++ if both are native.

    Args:
        env: made by `make_vec`, or any Gymnasium vector environment.
        policy: the policy that chooses the actions.
        n_steps: number of steps of every environment. Give exactly one of `n_steps` and
            `n_episodes`.
        n_episodes: number of whole episodes.
        seed: seed of the environment and of the actions, in [0, 2^64); None draws one.
        deterministic: take the most probable action instead of a sampled one.
        max_episode_steps: with `n_episodes`, mean length beyond which the episodes count as
            endless; None: 10,000 if the environment has no time limit, otherwise unlimited.

    Returns:
        The rollout: T rows (steps) by N columns, one per environment, or per episode with
            `n_episodes`.

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
        with undone_on_error(env):
            collector.reset(drawn)
            return collector.steps(steps, deterministic=greedy)
    episodes = arrays.integer("n_episodes", n_episodes, 1, MOST_STEPS)
    limit = episode_limit(env, max_episode_steps)
    most = None if limit is None else limit * episodes
    with undone_on_error(env):
        collector.reset(drawn)
        rollout = collector.episodes(episodes, max_samples=most, deterministic=greedy)
        if not rollout.complete and limit is not None:
            raise endless(limit)
    return rollout


@contextmanager
def undone_on_error(env: VectorEnv[Any, Any, Any]) -> Iterator[None]:
    """Where the block raises, native environments are put back where they were.

    Args:
        env: any vector environment; those in Python cannot be put back.
    """
    if not isinstance(env, NativeVectorEnv):
        yield
        return
    put_back = env._keep()
    try:
        yield
    except BaseException:
        put_back()
        raise
