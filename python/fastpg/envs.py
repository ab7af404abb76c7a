"""Native environments as Gymnasium vector environments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from fastpg import _core, arrays
from fastpg.naming import unknown

_MODES = {
    AutoresetMode.NEXT_STEP: _core.Autoreset.next_step,
    AutoresetMode.SAME_STEP: _core.Autoreset.same_step,
    AutoresetMode.DISABLED: _core.Autoreset.disabled,
}


@dataclass(frozen=True)
class NativeSpec:
    """What Python needs to know of a C++ environment."""

    kernel: Callable[..., _core.CartPole]
    observation_space: spaces.Box
    action_space: spaces.Discrete
    reset_bounds: tuple[float, float]
    max_episode_steps: int


def _cartpole(
    *, sutton_barto_reward: bool = False, kinematics_integrator: str = "euler", **common: Any
) -> _core.CartPole:
    known = ("euler", "semi-implicit euler")
    if kinematics_integrator not in known:
        raise ValueError(unknown("kinematics_integrator", kinematics_integrator, known))
    return _core.CartPole(
        sutton_barto_reward=arrays.boolean("sutton_barto_reward", sutton_barto_reward),
        semi_implicit=kinematics_integrator == known[1],
        **common,
    )


_MOST_ENVS = 2**24
_MOST_BOUND = 1e38  # what a float32 observation can hold
_MAKE_VEC_OPTIONS = ("num_envs", "autoreset_mode", "exact", "max_episode_steps", "copy")

_CARTPOLE_HIGH = np.array([4.8, np.inf, 24 * 2 * np.pi / 360, np.inf], dtype=np.float32)

# A new environment is one line here and one C++ file.
NATIVE: dict[str, NativeSpec] = {
    "CartPole-v1": NativeSpec(
        kernel=_cartpole,
        observation_space=spaces.Box(-_CARTPOLE_HIGH, _CARTPOLE_HIGH, dtype=np.float32),
        action_space=spaces.Discrete(2),
        reset_bounds=(-0.05, 0.05),
        max_episode_steps=500,
    ),
}


def native_spec(env_id: str) -> NativeSpec:
    """The table's row for an id; an unknown one raises ValueError with the nearest name."""
    if not isinstance(env_id, str):
        raise TypeError(f"id: expected a string such as 'CartPole-v1', got {env_id!r}")
    if env_id not in NATIVE:
        raise ValueError(unknown("environment", env_id, NATIVE))
    return NATIVE[env_id]


def make_vec(
    id: str,
    num_envs: int = 1,
    *,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    exact: bool = True,
    max_episode_steps: int | None = None,
    copy: bool = True,
    **env_options: Any,
) -> NativeVectorEnv:
    """Make `num_envs` copies of a native environment, stepped together in C++.

    Args:
        id: a Gymnasium id, "CartPole-v1".
        num_envs: number of copies, from 1 to 2^24.
        autoreset_mode: what follows the end of an episode, as in Gymnasium.
        exact: True gives the numbers of `gymnasium.vector.SyncVectorEnv` bit for bit; False uses
            vectorised sine and cosine, at most 1 ulp from the true values.
        max_episode_steps: time limit in steps; None is the id's registered limit, -1 is none.
        copy: False lets every `step` write into the same arrays and return them again.
        **env_options: the environment's own. CartPole: `sutton_barto_reward` (bool),
            `kinematics_integrator` ("euler" or "semi-implicit euler").

    Raises:
        ValueError: unknown id, mode or option value, or a size out of range.
        TypeError: unknown option, or an argument of the wrong type.
    """
    spec = native_spec(id)
    parameters = inspect.signature(spec.kernel).parameters.values()
    own = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    for option in env_options:
        if option not in own:
            raise TypeError(f"{id}: {unknown('option', option, [*_MAKE_VEC_OPTIONS, *own])}")
    limit: int | None = None
    if max_episode_steps is None:
        limit = spec.max_episode_steps
    elif max_episode_steps != -1:
        limit = arrays.integer("max_episode_steps", max_episode_steps, 1, 2**31 - 1)
    native = spec.kernel(
        num_envs=arrays.integer("num_envs", num_envs, 1, _MOST_ENVS),
        max_episode_steps=limit,
        exact=arrays.boolean("exact", exact),
        copy=arrays.boolean("copy", copy),
        **env_options,
    )
    return NativeVectorEnv(id, spec, native, _autoreset_mode(autoreset_mode))


def _autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    names = {member.value: member for member in AutoresetMode}
    names.update({member.name: member for member in AutoresetMode})
    if mode not in names:
        raise ValueError(unknown("autoreset_mode", mode, [m.value for m in AutoresetMode]))
    return names[mode]


class NativeVectorEnv(VectorEnv[Any, Any, Any]):
    """A `gymnasium.vector.VectorEnv` whose environments live in C++; made by `make_vec`.

    Observations are float32 (num_envs, d), rewards float64 (num_envs,), flags bool (num_envs,).
    Environment i of `reset(seed=s)` starts from NumPy's generator seeded with s + i, as in
    Gymnasium's `SyncVectorEnv`; automatic resets continue the same streams.
    """

    def __init__(
        self, env_id: str, spec: NativeSpec, native: _core.CartPole, mode: AutoresetMode
    ) -> None:
        self.native = native
        self.env_id = env_id
        self.num_envs = native.num_envs
        self.metadata = {"render_modes": [], "autoreset_mode": mode}
        self.single_observation_space = spec.observation_space
        self.single_action_space = spec.action_space
        self.observation_space = batch_space(spec.observation_space, self.num_envs)
        self.action_space = batch_space(spec.action_space, self.num_envs)
        self._bounds = spec.reset_bounds
        self._mode = _MODES[mode]
        self._seeded = np.zeros(self.num_envs, dtype=np.bool_)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[arrays.Float32s, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: an integer s seeds environment i with s + i; a sequence gives one seed each;
                None continues the streams (the first time: from fresh entropy).
            options: `low` and `high`, the bounds of the uniform start state;
                `reset_mask`, bool (num_envs,), resets those environments alone.

        Returns:
            Observations float32 (num_envs, d) of all environments, and an empty info.
        """
        given = dict(options) if options is not None else {}
        mask = given.pop("reset_mask", None)
        if mask is not None:
            mask = arrays.flags("reset_mask", mask, (self.num_envs,))
            if not mask.any():
                raise ValueError("reset_mask: expected at least one True, got none")
        low = arrays.number("low", given.pop("low", self._bounds[0]))
        high = arrays.number("high", given.pop("high", self._bounds[1]))
        if not -_MOST_BOUND <= low <= high <= _MOST_BOUND:
            raise ValueError(
                f"low, high: expected -1e38 <= low <= high <= 1e38, got {low} and {high}"
            )
        touched = np.ones(self.num_envs, dtype=np.bool_) if mask is None else mask
        observations = self.native.reset(self._entropy(seed, touched), mask, low, high)
        self._seeded |= touched
        return observations, {}

    def _entropy(
        self, seed: int | Sequence[int | None] | None, touched: arrays.Bools
    ) -> list[Any] | None:
        """The words that seed each environment; None where its stream goes on.

        An environment that never had a seed gets one from fresh entropy.
        """
        if seed is None and self._seeded[touched].all():
            return None
        return [
            self._words(one, fresh)
            for one, fresh in zip(self._seeds(seed), touched & ~self._seeded, strict=True)
        ]

    @staticmethod
    def _words(seed: int | None, fresh: bool) -> Any:
        if seed is not None:
            return arrays.seed_words(arrays.integer("seed", seed, 0))
        return np.random.SeedSequence().generate_state(4, np.uint32) if fresh else None

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            first = arrays.integer("seed", seed, 0)
            return [first + i for i in range(self.num_envs)]
        if isinstance(seed, str) or not isinstance(seed, Sequence | np.ndarray):
            raise TypeError(f"seed: expected an integer or a sequence of them, got {seed!r}")
        if len(seed) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seed)}")
        return seed

    def step(
        self, actions: Any
    ) -> tuple[arrays.Float32s, arrays.Floats, arrays.Bools, arrays.Bools, dict[str, Any]]:
        """One step of every environment.

        Args:
            actions: integers (num_envs,).

        Returns:
            observations, rewards, terminated, truncated, infos. Under SAME_STEP, infos holds
            `final_obs` (an object array of the last observations) for the episodes that ended.

        Raises:
            ValueError: wrong shape, or an action out of range.
            TypeError: a dtype that is not an integer.
            RuntimeError: before the first reset, or under DISABLED after an episode's end.
        """
        observations, rewards, terminated, truncated, final, has_final = self.native.step(
            np.asarray(actions), self._mode
        )
        if self._mode is _core.Autoreset.same_step and has_final.any():
            return observations, rewards, terminated, truncated, self._final_info(final, has_final)
        return observations, rewards, terminated, truncated, {}

    def _final_info(self, final: arrays.Float32s, has_final: arrays.Bools) -> dict[str, Any]:
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(has_final):
            final_obs[i] = final[i].copy()
        mask = has_final.copy()
        return {
            "final_obs": final_obs,
            "_final_obs": mask,
            "final_info": {},
            "_final_info": mask.copy(),
        }

    def __repr__(self) -> str:
        return f"NativeVectorEnv({self.env_id}, num_envs={self.num_envs})"
