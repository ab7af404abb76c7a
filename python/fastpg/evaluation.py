"""Evaluation of a policy by whole episodes."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

from fastpg import arrays
from fastpg.envs import NativeVectorEnv, make_vec
from fastpg.policies import LinearSoftmax
from fastpg.rollout import Collector

EpisodeArrays = tuple[arrays.Floats, npt.NDArray[np.int64]]

_LANES = 100


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
        env: an id is made natively, with exact physics, and played in C++ where the model's policy
            allows it; a Gymnasium environment or vector environment is stepped as it is.
        n_eval_episodes: environment i of n plays episodes i, i + n, …, so that short episodes are
            not counted more often than long ones.
        deterministic: the most probable action instead of a sampled one.
        return_episode_rewards: return (returns, lengths), two arrays (n_eval_episodes,), instead.
        seed: of the environments; None draws one.
    """
    n_episodes = arrays.integer("n_eval_episodes", n_eval_episodes, 1)
    start = arrays.seed(seed)
    if isinstance(env, str):
        env = make_vec(env, min(n_episodes, _LANES), autoreset_mode=AutoresetMode.SAME_STEP)
    policy = getattr(model, "policy", None)
    if isinstance(env, NativeVectorEnv) and isinstance(policy, LinearSoftmax):
        returns, lengths = _play_native(policy, env, n_episodes, deterministic, start)
    elif isinstance(env, VectorEnv):
        returns, lengths = _play_vector(model, env, n_episodes, deterministic, start)
    elif isinstance(env, gymnasium.Env):
        returns, lengths = _play_single(model, env, n_episodes, deterministic, start)
    else:
        raise TypeError(f"env: expected an id, an Env or a VectorEnv, got {env!r}")
    if return_episode_rewards:
        return returns, lengths
    return float(returns.mean()), float(returns.std())


def _play_native(
    policy: LinearSoftmax, env: NativeVectorEnv, n_episodes: int, deterministic: bool, seed: int
) -> EpisodeArrays:
    collector = Collector(env, policy, seed, evaluation=True)
    env.reset(seed=seed)
    rollout = collector.episodes(n_episodes, deterministic=deterministic)
    order = np.argsort(rollout.end_columns)
    return rollout.episode_returns[order], rollout.episode_lengths[order]


def _play_single(
    model: Predictor,
    env: gymnasium.Env[Any, Any],
    n_episodes: int,
    deterministic: bool,
    seed: int,
) -> EpisodeArrays:
    returns = np.zeros(n_episodes)
    lengths = np.zeros(n_episodes, dtype=np.int64)
    observation, _ = env.reset(seed=seed)
    for episode in range(n_episodes):
        if episode:
            observation, _ = env.reset()
        ended = False
        while not ended:
            action, _ = model.predict(observation, deterministic=deterministic)
            observation, reward, terminated, truncated, _ = env.step(action)
            returns[episode] += float(reward)
            lengths[episode] += 1
            ended = terminated or truncated
    return returns, lengths


def _play_vector(
    model: Predictor,
    env: VectorEnv[Any, Any, Any],
    n_episodes: int,
    deterministic: bool,
    seed: int,
) -> EpisodeArrays:
    mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
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
