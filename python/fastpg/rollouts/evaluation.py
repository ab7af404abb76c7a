"""Evaluation of a policy by whole episodes."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

from fastpg import arrays
from fastpg.policies.base import Policy
from fastpg.rollouts.collect import endless, episode_limit, make_collector
from fastpg.rollouts.collector import MOST_STEPS
from fastpg.rollouts.contract import vector_flags, vector_rewards
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.make_env import EnvLike, autoreset_mode, make_env
from fastpg.rollouts.policy_model import PolicyModel
from fastpg.rollouts.second_resets import SecondResets

EpisodeArrays = tuple[arrays.Floats, npt.NDArray[np.int64]]

_MOST_COPIES = 100
# Steps of the first rollout, and of the longest: short episodes need only a few.
_FIRST_PIECE, _PIECE = 16, 250


class Predictor(Protocol):
    """Anything with `predict(observation, deterministic=)` returning (action, state)."""

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[Any, Any]:
        """Actions for observations.

        Args:
            observation: one observation, or a batch.
            deterministic: the most probable action instead of a sampled one.

        Returns:
            (actions, state); the state is not used.
        """
        ...


def evaluate_policy(
    model: Predictor,
    env: EnvLike,
    n_eval_episodes: int = 10,
    deterministic: bool = True,
    return_episode_rewards: bool = False,
    *,
    seed: int | None = None,
    max_episode_steps: int | None = None,
) -> tuple[float, float] | EpisodeArrays:
    """Mean and standard deviation of the undiscounted return over whole episodes.

    Args:
        model: an algorithm, or any object with `predict`.
        env: an id (the native environment, if there is one), a Gymnasium environment, a callable
            that makes one, or a vector environment.
        n_eval_episodes: number of episodes. Environment i of n plays episodes i, i + n, …, so that
            short episodes do not count more often than long ones.
        deterministic: take the most probable action instead of a sampled one.
        return_episode_rewards: return the two arrays of all episodes instead of mean and deviation.
        seed: seed of the environments and of sampled actions; None draws one. Environment i gets
            seed + i, as in Gymnasium. Two seeds that differ by less than the number of environments
            therefore share start states: independent evaluations need seeds further apart.
        max_episode_steps: steps after which an episode counts as endless; None: 10,000 if the
            environment has no time limit, otherwise unlimited.

    Returns:
        (mean, standard deviation) of the returns; with `return_episode_rewards` (returns, lengths),
            each (n_eval_episodes,).

    Raises:
        EndlessEpisodeError: an episode does not end.
        ValueError: the environment has other spaces than the algorithm, or an argument is out of
            range.
        TypeError: `model` has no `predict`, or `env` is no environment.
    """
    n_episodes = arrays.integer("n_eval_episodes", n_eval_episodes, 1, MOST_STEPS)
    start = arrays.seed(seed)
    made = make_env(env, min(n_episodes, _MOST_COPIES))
    limit = episode_limit(made, max_episode_steps)
    if _acts_by_its_policy(model):
        model.require_spaces(made)
        played = _play_policy(model.policy, made, n_episodes, deterministic, start, limit)
    elif callable(getattr(model, "predict", None)):
        played = _play(model, EnvCopies.of(made), n_episodes, deterministic, start, limit)
    else:
        raise TypeError(f"model: expected an object with predict(), got {model!r}")
    returns, lengths = played
    if return_episode_rewards:
        return returns, lengths
    return float(returns.mean()), float(returns.std())


def _acts_by_its_policy(model: Any) -> TypeGuard[PolicyModel]:
    """Whether `predict` is not overridden, so that the policy can be used directly."""
    return (
        isinstance(model, PolicyModel)
        and type(model).predict is PolicyModel.predict
        and "predict" not in vars(model)
    )


def _play_policy(
    policy: Policy,
    env: VectorEnv[Any, Any, Any],
    n_episodes: int,
    deterministic: bool,
    seed: int,
    limit: int | None,
) -> EpisodeArrays:
    """Evaluate in short rollouts, which bounds memory and lets Ctrl-C through between them."""
    collector = make_collector(env, policy, seed, evaluation=True)
    collector.reset(seed)
    returns = np.zeros(n_episodes)
    lengths = np.zeros(n_episodes, dtype=np.int64)
    playing = np.arange(env.num_envs)  # the episode of each environment
    piece = _FIRST_PIECE
    while (playing < n_episodes).any():
        rollout = collector.steps(piece, deterministic=deterministic)
        piece = min(2 * piece, _PIECE)
        ends = zip(
            rollout.end_columns, rollout.episode_returns, rollout.episode_lengths, strict=True
        )
        for i, total, length in ends:
            if playing[i] < n_episodes:
                returns[playing[i]], lengths[playing[i]] = total, length
            playing[i] += env.num_envs
        _require_ends(rollout.last_step_index, playing < n_episodes, limit)
    return returns, lengths


def _play(
    model: Predictor,
    env: VectorEnv[Any, Any, Any],
    n_episodes: int,
    deterministic: bool,
    seed: int,
    limit: int | None,
) -> EpisodeArrays:
    mode = autoreset_mode(env)
    returns = np.zeros(n_episodes)
    lengths = np.zeros(n_episodes, dtype=np.int64)
    playing = np.arange(env.num_envs)  # the episode of each environment
    second_resets = SecondResets(env)
    resetting = second_resets.expected()  # environments whose next step only resets
    elapsed = np.zeros(env.num_envs, dtype=np.int64)
    observations, _ = env.reset(seed=seed)
    while (playing < n_episodes).any():
        actions, _ = model.predict(observations, deterministic=deterministic)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        rewards = vector_rewards(rewards, env.num_envs)
        counted = np.flatnonzero((playing < n_episodes) & ~resetting)
        returns[playing[counted]] += rewards[counted]
        lengths[playing[counted]] += 1
        flags = (
            vector_flags(name, given, env.num_envs)
            for name, given in (("terminated", terminated), ("truncated", truncated))
        )
        ended = np.logical_or(*flags) & ~resetting
        elapsed = np.where(ended | resetting, 0, elapsed + 1)
        playing[ended] += env.num_envs
        resetting = ended if mode == AutoresetMode.NEXT_STEP else np.zeros_like(ended)
        second_resets.leave(resetting)
        if mode == AutoresetMode.DISABLED and ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
        _require_ends(elapsed, playing < n_episodes, limit)
    return returns, lengths


def _require_ends(elapsed: npt.NDArray[np.int64], playing: arrays.Bools, limit: int | None) -> None:
    """Raise EndlessEpisodeError if an episode that counts continues after `limit` steps."""
    if limit is not None and (elapsed[playing] >= limit).any():
        raise endless(limit)
