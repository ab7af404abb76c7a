"""Evaluation of a policy by whole episodes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeGuard, overload

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

from fastpg import arrays, callers
from fastpg.policies.base import Policy
from fastpg.rollouts.collect import endless, episode_limit, make_collector, undone_on_error
from fastpg.rollouts.collector import MOST_STEPS
from fastpg.rollouts.contract import require_finite_rewards, vector_flags, vector_rewards
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.make_env import EnvLike, autoreset_mode, close_made, make_env, most_steps
from fastpg.rollouts.policy_model import PolicyModel
from fastpg.rollouts.raw_returns import reward_wrapper
from fastpg.rollouts.second_resets import SecondResets
from fastpg.suggestions import names_checked

EpisodeArrays = tuple[arrays.Floats, npt.NDArray[np.int64]]
EpisodeCallback = Callable[[dict[str, Any]], Any]

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


# What is returned depends on the flag. The last form is for one that is not known before the call.
# fmt: off
@overload
def evaluate_policy(
    model: Predictor, env: EnvLike, n_eval_episodes: int = ..., deterministic: bool = ...,
    render: bool = ..., callback: EpisodeCallback | None = ...,
    reward_threshold: float | None = ..., return_episode_rewards: Literal[False] = ...,
    warn: bool = ..., *, seed: int | None = ..., max_episode_steps: int | None = ...,
) -> tuple[float, float]: ...


@overload
def evaluate_policy(
    model: Predictor, env: EnvLike, n_eval_episodes: int = ..., deterministic: bool = ...,
    render: bool = ..., callback: EpisodeCallback | None = ...,
    reward_threshold: float | None = ..., *, return_episode_rewards: Literal[True],
    warn: bool = ..., seed: int | None = ..., max_episode_steps: int | None = ...,
) -> EpisodeArrays: ...


@overload
def evaluate_policy(
    model: Predictor, env: EnvLike, n_eval_episodes: int = ..., deterministic: bool = ...,
    render: bool = ..., callback: EpisodeCallback | None = ...,
    reward_threshold: float | None = ..., return_episode_rewards: bool = ...,
    warn: bool = ..., *, seed: int | None = ..., max_episode_steps: int | None = ...,
) -> tuple[float, float] | EpisodeArrays: ...
# fmt: on


@names_checked
def evaluate_policy(
    model: Predictor,
    env: EnvLike,
    n_eval_episodes: int = 10,
    deterministic: bool = True,
    render: bool = False,
    callback: EpisodeCallback | None = None,
    reward_threshold: float | None = None,
    return_episode_rewards: bool = False,
    warn: bool = True,
    *,
    seed: int | None = None,
    max_episode_steps: int | None = None,
) -> tuple[float, float] | EpisodeArrays:
    """Mean and standard deviation of the undiscounted return over whole episodes.

    Args:
        model: an algorithm, or any object with `predict`.
        env: an id (the native environment, if there is one), a Gymnasium environment, a callable
            that makes one, or a vector environment. What is made here is closed at the end.
        n_eval_episodes: number of episodes. Environment i of n plays episodes i, i + n, …, so that
            short episodes do not count more often than long ones.
        deterministic: take the most probable action instead of a sampled one.
        render: show the episodes, in an environment made with `render_mode="human"`; `render` of
            the environment is called after each step.
        callback: called after each finished episode with a dict: "episode" (its number, from 0),
            "return" and "length". Its return value is not used.
        reward_threshold: least mean return; below it AssertionError is raised.
        return_episode_rewards: return the two arrays of all episodes instead of mean and deviation.
        warn: warn if a reward wrapper changes the rewards, which returns are then made of.
        seed: seed of the environments and of sampled actions; None draws one. Environment i gets
            seed + i, as in Gymnasium. Two seeds that differ by less than the number of environments
            therefore share start states: independent evaluations need seeds further apart.
        max_episode_steps: steps after which an episode counts as endless; None: 10,000 if the
            environment has no time limit, otherwise unlimited.

    Returns:
        (mean, standard deviation) of the returns; with `return_episode_rewards` (returns, lengths),
            each (n_eval_episodes,).

    Raises:
        AssertionError: the mean return is below `reward_threshold`.
        EndlessEpisodeError: an episode does not end.
        ValueError: the environment has other spaces than the algorithm, a reward is not finite, an
            argument is out of range, or `render` without `render_mode="human"`.
        TypeError: `model` has no `predict`, `env` is no environment, or `callback` does not take
            one argument.
    """
    n_episodes = arrays.integer("n_eval_episodes", n_eval_episodes, 1, MOST_STEPS)
    start = arrays.seed(seed)
    least = (
        None if reward_threshold is None else arrays.number("reward_threshold", reward_threshold)
    )
    _require_callback(callback)
    greedy = arrays.boolean("deterministic", deterministic)
    shows, warns = arrays.boolean("render", render), arrays.boolean("warn", warn)
    made = make_env(env, min(n_episodes, _MOST_COPIES))
    try:
        limit = episode_limit(made, max_episode_steps)
        if shows:
            _require_human(made)
        if warns:
            _warn_of_wrappers(made)
        episodes = _Episodes(n_episodes, made.num_envs, callback)
        play = _player(model, made)
        with undone_on_error(made):
            play(made, episodes, greedy, start, limit, shows)
    finally:
        close_made(made, env)
    mean = float(episodes.returns.mean())
    if least is not None and mean < least:
        raise AssertionError(f"reward_threshold: expected a mean return of {least}, got {mean}")
    if return_episode_rewards:
        return episodes.returns, episodes.lengths
    return mean, float(episodes.returns.std())


def _require_callback(callback: Any) -> None:
    if callback is None:
        return
    try:
        inspect.signature(callback).bind({})
    except ValueError:  # a function without a signature
        return
    except TypeError as error:
        raise TypeError(
            "callback: expected a function of one dict, which is called after each episode; for a "
            "function of locals and globals after each step, wrap the environment instead "
            f"(gymnasium.Wrapper.step); got {callback!r}"
        ) from error


def _require_human(env: VectorEnv[Any, Any, Any]) -> None:
    mode = getattr(env, "render_mode", None)
    if mode != "human":
        raise ValueError(
            "render: expected an environment with render_mode='human', such as "
            f"gymnasium.make(id, render_mode='human'), got render_mode {mode!r}; for a video, wrap "
            "an environment of render_mode='rgb_array' in gymnasium.wrappers.RecordVideo. Since "
            "0.2.0 the fifth argument is render: expected return_episode_rewards by name"
        )


def _warn_of_wrappers(env: VectorEnv[Any, Any, Any]) -> None:
    name = reward_wrapper(env)
    if name is not None:
        callers.warn(
            f"env: {name} changes rewards, and returns are sums of the changed ones: evaluate "
            "without it, or pass warn=False"
        )


class _Episodes:
    """Counts the episodes of an evaluation.

    Attributes:
        returns, lengths: of each episode, (n_episodes,).
        playing: number of the episode that each environment plays, (n_envs,).
    """

    def __init__(self, n_episodes: int, n_envs: int, callback: EpisodeCallback | None) -> None:
        self.returns = np.zeros(n_episodes)
        self.lengths = np.zeros(n_episodes, dtype=np.int64)
        self.playing = np.arange(n_envs)
        self._callback = callback

    @property
    def counts(self) -> arrays.Bools:
        """Whether the episode of each environment counts, (n_envs,)."""
        return self.playing < len(self.returns)

    def room(self, elapsed: arrays.Integers, longest: int | None, limit: int | None) -> int:
        """Number of steps after which the evaluation may be over, or an episode at the limit.

        Args:
            elapsed: steps of the current episode of each environment, (n_envs,).
            longest: time limit of an episode; None: unknown.
            limit: steps after which an episode counts as endless, all below it; None: never.

        Returns:
            At least 1.
        """
        counts, room = self.counts, MOST_STEPS
        if limit is not None:
            room = limit - int(elapsed[counts].max())
        one_left = self.playing[counts] + len(counts) >= len(self.returns)
        if longest is not None and one_left.all():
            left = longest - int(elapsed[counts].min())
            # At most 0 where a wrapper has the time limit, but does not keep it.
            room = min(room, left) if left > 0 else room
        return room

    def end(self, i: int, total: float, length: int) -> None:
        """The episode of an environment has ended.

        Args:
            i: index of the environment.
            total: undiscounted return.
            length: number of steps.
        """
        k = int(self.playing[i])
        self.playing[i] += len(self.playing)
        if k < len(self.returns):
            self.returns[k], self.lengths[k] = total, length
            if self._callback is not None:
                self._callback({"episode": k, "return": float(total), "length": int(length)})


def _acts_by_its_policy(model: Any) -> TypeGuard[PolicyModel]:
    """Whether `predict` is not overridden, so that the policy can be used directly."""
    return (
        isinstance(model, PolicyModel)
        and type(model).predict is PolicyModel.predict
        and "predict" not in vars(model)
    )


def _player(model: Any, env: VectorEnv[Any, Any, Any]) -> Callable[..., None]:
    """What plays the episodes of a model in environments that fit it."""
    if _acts_by_its_policy(model):
        model.require_spaces(env)
        return functools.partial(_play_policy, model.policy)
    if callable(getattr(model, "predict", None)):
        return functools.partial(_play, model)
    raise TypeError(f"model: expected an object with predict(), got {model!r}")


def _play_policy(
    policy: Policy,
    env: VectorEnv[Any, Any, Any],
    episodes: _Episodes,
    deterministic: bool,
    seed: int,
    limit: int | None,
    shows: bool,
) -> None:
    """Evaluate a few steps at a time, so that little is played beyond the last episode."""
    collector = make_collector(env, policy, seed, evaluation=True)
    collector.reset(seed)
    longest = most_steps(env)
    elapsed, piece = np.zeros(env.num_envs, dtype=np.int64), _FIRST_PIECE
    while episodes.counts.any():
        count = 1 if shows else min(piece, episodes.room(elapsed, longest, limit))
        ends = collector.play(count, deterministic=deterministic)
        elapsed, piece = ends.last_step_index, min(2 * piece, _PIECE)
        if shows:
            env.render()
        each = (ends.columns.tolist(), ends.returns.tolist(), ends.lengths.tolist())
        for i, total, length in zip(*each, strict=True):
            episodes.end(i, total, length)
        _require_ends(elapsed, episodes.counts, limit)


def _play(
    model: Predictor,
    env: VectorEnv[Any, Any, Any],
    episodes: _Episodes,
    deterministic: bool,
    seed: int,
    limit: int | None,
    shows: bool,
) -> None:
    env = EnvCopies.of(env)
    mode = autoreset_mode(env)
    totals, elapsed = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=np.int64)
    second_resets = SecondResets(env)

    def act(observations: Any, _: Any = None) -> Any:
        return _predicted(model.predict(observations, deterministic=deterministic))

    resetting = second_resets.settle(act)  # environments whose next step only resets
    observations, _ = env.reset(seed=seed)
    while episodes.counts.any():
        actions = act(observations)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        if shows:
            env.render()
        rewards = np.where(resetting, 0.0, vector_rewards(rewards, env.num_envs))
        require_finite_rewards(rewards, elapsed)
        totals += rewards
        elapsed += ~resetting
        flags = (
            vector_flags(name, given, env.num_envs)
            for name, given in (("terminated", terminated), ("truncated", truncated))
        )
        ended = np.logical_or(*flags) & ~resetting
        for i in np.flatnonzero(ended):
            episodes.end(int(i), totals[i], elapsed[i])
        totals[ended], elapsed[ended] = 0.0, 0
        resetting = ended if mode == AutoresetMode.NEXT_STEP else np.zeros_like(ended)
        second_resets.leave(resetting)
        if mode == AutoresetMode.DISABLED and ended.any():
            observations, _ = env.reset(options={"reset_mask": ended})
        _require_ends(elapsed, episodes.counts, limit)


def _predicted(given: Any) -> Any:
    """The actions that `predict` returned."""
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise TypeError(f"model: expected predict() to return (actions, state), got {given!r}")
    return given[0]


def _require_ends(elapsed: npt.NDArray[np.int64], playing: arrays.Bools, limit: int | None) -> None:
    """Raise EndlessEpisodeError if an episode that counts continues after `limit` steps."""
    if limit is not None and (elapsed[playing] >= limit).any():
        raise endless(limit)
