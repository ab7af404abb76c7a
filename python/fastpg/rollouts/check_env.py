"""Checks of a user's environment before training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from fastpg import arrays
from fastpg.arrays import Bools
from fastpg.callers import warn
from fastpg.policies.factory import make_policy
from fastpg.rollouts.collect import ENDLESS, make_collector
from fastpg.rollouts.collector import MOST_STEPS
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.make_env import EnvLike, close_made, has_time_limit, make_env
from fastpg.rollouts.rollout import Rollout
from fastpg.rollouts.wrappers import statistics_outside, title
from fastpg.spaces.storage import require_storable
from fastpg.suggestions import names_checked

# Magnitudes above which a warning suggests to normalise.
LARGE_OBSERVATION = 100.0
LARGE_REWARD = 1000.0


@names_checked
def check_env(env: EnvLike, n_steps: int = 200, seed: int = 0) -> None:
    """Check that an environment can be trained, before training.

    The environment is reset and stepped twice, with the random actions of an untrained policy and
    the same seed. What training would refuse raises the error that training would raise. What
    training accepts, but is likely a mistake, gives a warning (`UserWarning`), once for each kind:

    - an observation outside the bounds of its space, or of another dtype;
    - an observation array that a later step changes in place;
    - other observations, rewards or ends with the same seed;
    - a wrapper that normalises observations by statistics of its own;
    - no end of an episode within `n_steps`, and no known time limit;
    - infinite bounds of actions, which fastpg does not scale;
    - observations above 100 or rewards above 1000 in magnitude, which should be normalised.

    Args:
        env: an id, a Gymnasium environment, a callable that makes one, or a vector environment. A
            given environment is reset and stepped, and is left open.
        n_steps: steps of all its environments together, in each of the two passes, in [1, 2^31).
        seed: seed of the resets and of the actions, in [0, 2^64).

    Raises:
        TypeError: `reset` takes no seed or returns no (observation, info); an observation that is
            not of the space's kind or dtype; a reward that is no number; a flag that is no bool.
        ValueError: a space that fastpg cannot train; an observation of another shape or that is not
            finite; a reward that is not finite; a step of another length; an action mask of another
            size, with values other than 0 and 1, or that allows no action.
    """
    steps = arrays.integer("n_steps", n_steps, 1, MOST_STEPS)
    start = arrays.seed(seed)
    made = make_env(env, 1)
    try:
        found = _findings(made, steps, start)
    finally:
        close_made(made, env)
    for text in found:
        warn(text)


def _findings(made: VectorEnv[Any, Any, Any], n_steps: int, seed: int) -> list[str]:
    """Texts of the warnings; errors are raised."""
    copies = EnvCopies.of(made)
    env = _Watched(copies) if type(copies) is EnvCopies else copies
    kind = _kind(env)
    policy = make_policy("linear", env)
    for space in (env.single_observation_space, env.single_action_space):
        require_storable(space)
    rows = -(-n_steps // env.num_envs)
    rollouts = []
    for _ in range(2):
        collector = make_collector(env, policy, seed)
        collector.reset(seed)
        rollouts.append(collector.steps(rows))
    outside = statistics_outside(env)
    return [
        *(env.found if isinstance(env, _Watched) else ()),
        # Running statistics change observations with the same seed, and with them the actions.
        *([outside] if outside else _not_repeatable(kind, *rollouts)),
        *_endless(env, rollouts[0]),
        *_unbounded(kind, env.single_action_space),
        *_large(kind, rollouts[0]),
    ]


def _kind(env: VectorEnv[Any, Any, Any]) -> str:
    return title(env.envs[0] if isinstance(env, EnvCopies) else env)


def _not_repeatable(kind: str, one: Rollout, two: Rollout) -> Iterator[str]:
    for field in ("observations", "rewards", "terminated", "truncated"):
        first, second = getattr(one, field), getattr(two, field)
        different = (first != second).reshape(len(first), -1).any(axis=1)
        if different.any():
            row = int(np.argmax(different))
            at = "the first reset" if field == "observations" and row == 0 else f"row {row + 1}"
            yield (
                f"{kind}: with the same seed and actions, {field} differ from {at} on: results "
                "cannot be repeated; draw from self.np_random, after super().reset(seed=seed)"
            )
            return


def _endless(env: VectorEnv[Any, Any, Any], rollout: Rollout) -> Iterator[str]:
    if not len(rollout.end_rows) and not has_time_limit(env):
        yield (
            f"{_kind(env)}: no episode ended within {len(rollout.rewards):,} steps, and no time "
            f"limit is known: evaluate_policy and collect give up after {ENDLESS:,} steps; wrap "
            "it in gymnasium.wrappers.TimeLimit, or check more steps (n_steps)"
        )


def _unbounded(kind: str, space: spaces.Space[Any]) -> Iterator[str]:
    if isinstance(space, spaces.Box) and not space.is_bounded():
        yield (
            f"{kind}.action_space: bounds are infinite, shape {space.shape} and dtype "
            f"{space.dtype}: actions are not scaled, but start around 0 with the standard "
            "deviation exp(log_std_init), 1 by default; give the true bounds, and an action space "
            "of about [-1, 1]"
        )


def _large(kind: str, rollout: Rollout) -> Iterator[str]:
    observation = float(np.abs(rollout.observations).max())
    if observation > LARGE_OBSERVATION:
        yield (
            f"{kind}: observations reach {observation:.6g} in magnitude: consider "
            "policy_kwargs=dict(normalize_observations=True)"
        )
    reward = float(np.abs(rollout.rewards).max())
    if reward > LARGE_REWARD:
        yield f"{kind}: rewards reach {reward:.6g} in magnitude: consider normalize_reward=True"


class _Watched(EnvCopies):
    """Copies that look at observations as the environments return them.

    Attributes:
        found: texts of the warnings.
    """

    def __init__(self, copies: EnvCopies) -> None:
        self.found: list[str] = []
        self._told: set[str] = set()
        self._before: list[list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]] = [
            [] for _ in copies.envs
        ]
        super().__init__([_giving(one) for one in copies.envs])

    def step(
        self, actions: Any, idle: Bools | None = None
    ) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of every environment; see `EnvCopies`.

        Args:
            actions: batch of actions in the space `action_space`.
            idle: environments that stay where they are.

        Returns:
            (observations, rewards, terminated, truncated, infos).

        Raises:
            ValueError: a reward that is not finite.
        """
        given = super().step(actions, idle)
        if not np.isfinite(given[1]).all():
            reward = given[1][~np.isfinite(given[1])][0]
            raise ValueError(f"{_kind(self)}.step: expected a finite reward, got {reward}")
        return given

    def _write(self, i: int, observation: Any, name: str) -> None:
        super()._write(i, observation, name)
        leaves = list(_leaves(self.single_observation_space, observation, name))
        for label, space, value in leaves:
            self._compare(label, space, value)
        for old, copied in self._before[i]:
            if not np.array_equal(old, copied, equal_nan=old.dtype.kind == "f"):
                self._tell(
                    "reused",
                    f"{name}: the array of an earlier observation, shape {old.shape} and dtype "
                    f"{old.dtype}, is changed in place: return a copy",
                )
        self._before[i] = [(v, v.copy()) for _, _, v in leaves if isinstance(v, np.ndarray)]

    def _compare(self, name: str, space: spaces.Space[Any], value: Any) -> None:
        if not isinstance(space, spaces.Box):
            return  # values outside a discrete space are errors
        given = np.asarray(value)
        if not (finite := np.isfinite(given)).all():
            where = _first(~finite)
            raise ValueError(
                f"{name}: expected finite values, shape {given.shape} and dtype {space.dtype}; got "
                f"{given[where]} at index {where}"
            )
        if given.dtype != space.dtype:
            self._tell("dtype", f"{name}: expected dtype {space.dtype}, got {given.dtype}")
        outside = (given < space.low) | (given > space.high)
        if outside.any():
            where = _first(outside)
            self._tell(
                "bounds",
                f"{name}: expected values within its space, got {given[where]} at index {where}, "
                f"bounds {space.low[where]} and {space.high[where]}",
            )

    def _tell(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self.found.append(text)


def _first(flags: npt.NDArray[Any]) -> tuple[int, ...]:
    """Index of the first flag that is set."""
    return tuple(int(k) for k in np.argwhere(flags)[0])


def _leaves(
    space: spaces.Space[Any], value: Any, name: str
) -> Iterator[tuple[str, spaces.Space[Any], Any]]:
    """Name, space and value of every part of an observation."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        named = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in named:
            yield from _leaves(part, value[key], f"{name}[{key!r}]")
    else:
        yield name, space, value


def _giving(env: gymnasium.Env[Any, Any]) -> Callable[[], gymnasium.Env[Any, Any]]:
    return lambda: env
