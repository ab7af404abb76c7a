"""Playing whole episodes, and showing the picture of every step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.wrappers import TimeLimit

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.playing.drawn_env import Frame, draw, drawing
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.collector import MOST_STEPS
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.make_env import time_limit
from fastpg.rollouts.policy_model import PolicyModel

See = Callable[[Frame, bool], None]

LONGEST = 1000  # steps of an episode without a time limit


class _Watched(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Shows the pictures of the episodes that are played, and not of the reset after the last."""

    def __init__(self, env: gymnasium.Env[Any, Any], see: See | None) -> None:
        super().__init__(env)
        self._see = see if env.render_mode == "rgb_array" else None
        self._first: Frame | None = None

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        with _window(self.env):
            found = self.env.reset(**keywords)
        if self._see is not None:
            self._first = draw(self.env)
        return found

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        with _window(self.env):
            found = self.env.step(action)
        if self._see is not None:
            if self._first is not None:
                self._see(self._first, False)
                self._first = None
            self._see(draw(self.env), bool(found[2] or found[3]))
        return found


def _window(env: gymnasium.Env[Any, Any]) -> AbstractContextManager[None]:
    """Resets and steps of an environment with a window draw into it."""
    return drawing(env, alone=False) if env.render_mode == "human" else nullcontext()


def play(
    model: PolicyModel,
    env: gymnasium.Env[Any, Any],
    n_episodes: int = 1,
    see: See | None = None,
    *,
    deterministic: bool = True,
    seed: int | None = None,
    max_steps: int | None = None,
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Play whole episodes as `evaluate_policy` does, and see the picture of every step.

    The episodes are those of `evaluate_policy(model, env, n_episodes, seed=seed)`: normalisation,
    masks, clipped actions and random numbers are the same.

    Args:
        model: an algorithm.
        env: an environment of the algorithm's spaces, by `make_drawn` or `gymnasium.make` with
            render_mode="rgb_array" (for `see`) or "human" (for a window). It stays open.
        n_episodes: number of episodes.
        see: called with each picture, uint8 (height, width, 3), and whether it is the last of its
            episode: the one after the reset, then one a step. `Gif.add` is such a function.
        deterministic: take the most probable action instead of a sampled one.
        seed: seed of the environment and of sampled actions; None draws one.
        max_steps: steps after which an episode is cut off; None: the environment's own time limit,
            or 1000 if it has none.

    Returns:
        (returns, lengths), each (n_episodes,).

    Raises:
        NoPictureError: the environment cannot be drawn.
        ImportError: a package that draws is missing.
        TypeError, ValueError: `env` has other spaces than the algorithm, or an argument is of
            another type or out of range.
    """
    count = arrays.integer("n_episodes", n_episodes, 1, MOST_STEPS)
    greedy, start = arrays.boolean("deterministic", deterministic), arrays.seed(seed)
    watched = _Watched(_limited(env, max_steps), see)
    copies = EnvCopies([lambda: watched])
    model.require_spaces(copies)
    collector = make_collector(copies, model.policy, start, evaluation=True)
    collector.reset(start)
    returns: list[float] = []
    lengths: list[int] = []
    while len(returns) < count:
        ends = collector.play(1, deterministic=greedy)
        returns += ends.returns.tolist()
        lengths += ends.lengths.tolist()
    return np.array(returns), np.array(lengths, dtype=np.int64)


def _limited(env: gymnasium.Env[Any, Any], max_steps: int | None) -> gymnasium.Env[Any, Any]:
    """The environment with a time limit."""
    if max_steps is not None:
        return TimeLimit(env, arrays.integer("max_steps", max_steps, 1, MOST_STEPS))
    return TimeLimit(env, LONGEST) if time_limit(env) is None else env
