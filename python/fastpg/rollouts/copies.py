"""Copies of one Python environment, stepped together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import iterate

from fastpg import arrays
from fastpg.rollouts import contract
from fastpg.rollouts.instances import require_distinct
from fastpg.rollouts.row_writer import RowWriter
from fastpg.rollouts.wrappers import title

_INTEGERS = frozenset((int, np.int64))


class EnvCopies(SyncVectorEnv):
    """A `gymnasium.vector.VectorEnv` over environments that it makes, for environments of users.

    It differs from Gymnasium's `SyncVectorEnv` in these points:

    - Each observation is copied at once, so that an environment may return the same array again.
    - Of the infos only `action_mask` is kept; other entries cannot cause errors.
    - Errors name the part of Gymnasium's interface that an environment violates.
    - The same environment cannot be used twice.
    - The autoreset mode is DISABLED: ended environments wait for
      `reset(options={"reset_mask": …})`, so that their last observations are kept.

    Args:
        makers: callables; each makes one environment.

    Attributes:
        module: module that registers the environment's id, if the user named one.
        training_only: as of `EnvRecipe`.
        failed: index of the environment that raised in the last call, or broke the interface; None
            if none did.

    Raises:
        TypeError: a callable did not return an environment, or one that lacks a space.
        ValueError: two callables returned the same environment.
    """

    module: str | None = None
    training_only: tuple[str, ...] = ()

    def __init__(self, makers: Sequence[Callable[[], Any]]) -> None:
        super().__init__([_checked(make) for make in makers], autoreset_mode=AutoresetMode.DISABLED)
        require_distinct(self)
        self.failed: int | None = None
        self._ended = np.zeros(self.num_envs, dtype=np.bool_)
        self._waiting = False  # whether any episode has ended
        space = self.single_observation_space
        self._box = (space.dtype, space.shape) if type(space) is spaces.Box else (None, None)
        self._integers = _INTEGERS if type(space) is spaces.Discrete else frozenset()
        self._write_parts = RowWriter(space)
        kind = title(self.envs[0])
        self._names = (f"{kind}.reset: observation", f"{kind}.step: observation")  # in errors

    @classmethod
    def of(cls, env: VectorEnv[Any, Any, Any]) -> VectorEnv[Any, Any, Any]:
        """Take over the environments of a plain `SyncVectorEnv`.

        Args:
            env: any vector environment.

        Returns:
            New copies with the same environments; `env` itself if it is not a plain
                `SyncVectorEnv`.
        """
        if type(env) is not SyncVectorEnv or env.observation_mode != "same":
            return env
        return cls([_giving(one) for one in env.envs])

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start new episodes, of all environments or only of those in `reset_mask`.

        Args:
            seed: an integer s seeds environment i with s + i; a list gives one seed each.
            options: options for the environments; `reset_mask`, bool (num_envs,), selects those to
                reset and is not passed on.

        Returns:
            Observations of all environments, and {"action_mask": …} if an environment gives one.

        Raises:
            TypeError, ValueError: a wrong mask or list of seeds, or an environment that violates
                Gymnasium's interface.
        """
        self.failed = None
        given = arrays.mapping("options", options)
        mask = given.pop("reset_mask", None)
        if mask is not None:
            mask = arrays.flags("reset_mask", mask, (self.num_envs,))
        seeds = self._seeds(seed)
        chosen = range(self.num_envs) if mask is None else np.flatnonzero(mask).tolist()
        infos: dict[int, Any] = {}
        i = 0
        try:
            for i in chosen:
                observation, infos[i] = contract.reset(self.envs[i], seeds[i], given or None)
                self._write(i, observation, self._names[0])
                self._ended[i] = False
        except Exception:
            self.failed = i
            raise
        self._waiting = bool(self._ended.any())
        return self._copied(), self._masks(infos)

    def step(
        self, actions: Any, idle: arrays.Bools | None = None
    ) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of every environment.

        Args:
            actions: batch of actions in the space `action_space`.
            idle: bool (num_envs,), environments that stay where they are, with reward 0; None:
                none.

        Returns:
            (observations, rewards, terminated, truncated, infos); infos holds only action masks.

        Raises:
            RuntimeError: an episode has ended, and its environment was not reset.
            TypeError, ValueError: an environment violates Gymnasium's interface.
        """
        self.failed = None
        if self._waiting:
            raise RuntimeError(
                "an environment's episode has ended: expected "
                "reset(options={'reset_mask': ...}) first"
            )
        rewards = [0.0] * self.num_envs
        terminated, truncated = [False] * self.num_envs, [False] * self.num_envs
        infos: dict[int, Any] = {}
        chosen: Iterable[Any] = enumerate(
            zip(self.envs, iterate(self.action_space, actions), strict=True)
        )
        if idle is not None:
            chosen = [each for each, rests in zip(chosen, idle, strict=True) if not rests]
        i = 0
        try:
            for i, (env, action) in chosen:
                observation, rewards[i], terminated[i], truncated[i], info = contract.step(
                    env, action
                )
                self._write(i, observation, self._names[1])
                if "action_mask" in info:
                    infos[i] = info
        except Exception:
            self.failed = i
            raise
        self._waiting = True in terminated or True in truncated
        flags = np.array(terminated), np.array(truncated)
        self._ended = flags[0] | flags[1]
        return self._copied(), contract.as_floats(rewards), *flags, self._masks(infos)

    def _write(self, i: int, observation: Any, name: str) -> None:
        rows: Any = self._observations
        kind = type(observation)
        try:
            if kind in self._integers or (
                kind is np.ndarray and (observation.dtype, observation.shape) == self._box
            ):
                rows[i] = observation
                return
            if (kind is tuple or kind is dict) and self._write_parts(rows, i, observation):
                return
        except OverflowError:  # of a large integer: `write_row` names it
            pass
        space: Any = self.single_observation_space
        contract.write_row(space, rows, i, observation, name)

    def _copied(self) -> Any:
        return _copy(self._observations)

    def _seeds(self, seed: int | Iterable[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + i for i in range(self.num_envs)]
        seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seeds)}")
        return seeds

    def _masks(self, infos: dict[int, Any]) -> dict[str, Any]:
        """The action masks of the infos, in the form of a vector environment's info."""
        if not infos:
            return {}
        given = {i: info["action_mask"] for i, info in infos.items() if "action_mask" in info}
        if not given:
            return {}
        if len(given) == self.num_envs and _is_stackable(given[0]):
            like = given[0].dtype, given[0].shape
            if all(type(m) is np.ndarray and (m.dtype, m.shape) == like for m in given.values()):
                stacked = np.concatenate([given[i] for i in range(self.num_envs)])
                return {"action_mask": stacked.reshape(self.num_envs, -1)}
        masks = np.full(self.num_envs, None, dtype=object)
        known = np.zeros(self.num_envs, dtype=np.bool_)
        for i, mask in given.items():
            masks[i], known[i] = mask, True
        return {"action_mask": masks, "_action_mask": known}


def _copy(rows: Any) -> Any:
    """A copy of a batch of observations, in arrays of its own."""
    if isinstance(rows, np.ndarray):
        return rows.copy()
    if type(rows) is tuple:
        return tuple(map(_copy, rows))
    return {k: _copy(part) for k, part in rows.items()} if type(rows) is dict else deepcopy(rows)


def _is_stackable(mask: Any) -> bool:
    """Whether masks like this one are the rows of an array: vectors of numbers or flags."""
    return type(mask) is np.ndarray and mask.ndim == 1 and mask.dtype.kind in "biuf"


def _checked(make: Callable[[], Any]) -> Callable[[], contract.Env]:
    return lambda: contract.require_env(make())


def _giving(env: contract.Env) -> Callable[[], contract.Env]:
    return lambda: env
