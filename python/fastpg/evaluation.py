"""Evaluation of a policy by whole episodes."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from fastpg import arrays
from fastpg.collection import autoreset_mode, make_collector, make_env
from fastpg.linear_policy import LinearPolicy
from fastpg.training import Algorithm

EpisodeArrays = tuple[arrays.Floats, npt.NDArray[np.int64]]

_LANES = 100
_PIECE = 250  # steps


class Predictor(Protocol):
    """Anything with `predict(observation, deterministic=)` returning (action, state)."""

    def predict(self, observation: Any, deterministic: bool = False) -> tuple[Any, Any]:
        """Actions for observations."""
        ...


def evaluate_policy(
    model: Predictor,
    env: str | gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any],
    n_eval_episodes: int = 10,
    deterministic: bool = True,
    return_episode_rewards: bool = False,
    *,
    seed: int | None = None,
) -> tuple[float, float] | EpisodeArrays:
    """Mean and standard deviation of the undiscounted return over whole episodes.

    Args:
        model: an algorithm, or anything with `predict`.
        env: an id (native where there is one), a Gymnasium environment or a vector environment.
        n_eval_episodes: environment i of n plays episodes i, i + n, …, so that short episodes are
            not counted more often than long ones.
        deterministic: the most probable action instead of a sampled one.
        return_episode_rewards: return (returns, lengths), two arrays (n_eval_episodes,), instead.
        seed: of the environments and of sampled actions; None draws one.
    """
    n_episodes = arrays.integer("n_eval_episodes", n_eval_episodes, 1)
    start = arrays.seed(seed)
    if isinstance(env, str):
        env = make_env(env, min(n_episodes, _LANES))
    if isinstance(env, gymnasium.Env):
        single = env
        env = SyncVectorEnv([lambda: single], autoreset_mode=AutoresetMode.SAME_STEP)
    if not isinstance(env, VectorEnv):
        raise TypeError(f"env: expected an id, an Env or a VectorEnv, got {env!r}")
    if isinstance(model, Algorithm):
        model.forget_episodes(env)
    if _acts_by_its_policy(model):
        returns, lengths = _play_policy(model.policy, env, n_episodes, deterministic, start)
    elif callable(getattr(model, "predict", None)):
        returns, lengths = _play(model, env, n_episodes, deterministic, start)
    else:
        raise TypeError(f"model: expected an object with predict(), got {model!r}")
    if return_episode_rewards:
        return returns, lengths
    return float(returns.mean()), float(returns.std())


def _acts_by_its_policy(model: Any) -> TypeGuard[Algorithm]:
    """Whether `predict` is ours, so that the policy may be asked without it."""
    return (
        isinstance(model, Algorithm)
        and type(model).predict is Algorithm.predict
        and "predict" not in vars(model)
    )


def _play_policy(
    policy: LinearPolicy,
    env: VectorEnv[Any, Any, Any],
    n_episodes: int,
    deterministic: bool,
    seed: int,
) -> EpisodeArrays:
    """By pieces of a rollout: memory stays bounded, and Ctrl-C comes through between them."""
    collector = make_collector(env, policy, seed, evaluation=True)
    collector.reset(seed)
    returns = np.zeros(n_episodes)
    lengths = np.zeros(n_episodes, dtype=np.int64)
    playing = np.arange(env.num_envs)  # the episode of each environment
    while (playing < n_episodes).any():
        rollout = collector.steps(_PIECE, deterministic=deterministic)
        ends = zip(
            rollout.end_columns, rollout.episode_returns, rollout.episode_lengths, strict=True
        )
        for lane, total, length in ends:
            if playing[lane] < n_episodes:
                returns[playing[lane]], lengths[playing[lane]] = total, length
            playing[lane] += env.num_envs
    return returns, lengths


def _play(
    model: Predictor,
    env: VectorEnv[Any, Any, Any],
    n_episodes: int,
    deterministic: bool,
    seed: int,
) -> EpisodeArrays:
    mode = autoreset_mode(env)
    returns = np.zeros(n_episodes)
    lengths = np.zeros(n_episodes, dtype=np.int64)
    playing = np.arange(env.num_envs)  # the episode of each environment
    resetting = np.zeros(env.num_envs, dtype=np.bool_)  # NEXT_STEP: this step is only a reset
    observations, _ = env.reset(seed=seed)
    while (playing < n_episodes).any():
        actions, _ = model.predict(observations, deterministic=deterministic)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        counted = np.flatnonzero((playing < n_episodes) & ~resetting)
        returns[playing[counted]] += rewards[counted]
        lengths[playing[counted]] += 1
        ended = (terminated | truncated) & ~resetting
        playing[ended] += env.num_envs
        resetting = ended if mode == AutoresetMode.NEXT_STEP else np.zeros_like(ended)
        if mode == AutoresetMode.DISABLED and ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
    return returns, lengths
