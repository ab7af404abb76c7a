"""Native environments as Gymnasium vector environments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from gymnasium.spaces import Space
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from fastpg import _core, arrays, threads
from fastpg.envs.access import StateAccess
from fastpg.envs.catalogue import native_spec
from fastpg.envs.environment import Environment
from fastpg.envs.episodes import MODES, mode_of, time_limit
from fastpg.envs.parameters import parameters, set_options
from fastpg.envs.rendering import RENDER_MODES, Frame, Painter, check_mode
from fastpg.envs.resetting import entropy_words, fresh_seed, reset_bounds, seed_list

MOST_ENVS = 2**24


class NativeVectorEnv(StateAccess):
    """A `gymnasium.vector.VectorEnv` whose environments are in C++; made by `make_vec`.

    Observations are float32 (num_envs, d), rewards float64 (num_envs,), flags bool (num_envs,).
    After `reset(seed=s)` environment i draws from NumPy's generator seeded with s + i, as in
    Gymnasium's `SyncVectorEnv`; automatic resets continue these streams, with default bounds.

    It can be pickled and deep-copied: the copy continues with the same numbers.

    Attributes:
        moves: number of calls of `step`, `reset` and `set_state` so far.
    """

    def __init__(
        self,
        env_id: str,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        exact: bool = True,
        max_episode_steps: int | None = None,
        num_threads: int | None = None,
        copy: bool = True,
        render_mode: str | None = None,
        **env_options: Any,
    ) -> None:
        spec = native_spec(env_id)
        limit = time_limit(max_episode_steps, spec.max_episode_steps)
        native = _core.VectorEnv(
            spec.environment.kernel,
            arrays.integer("num_envs", num_envs, 1, MOST_ENVS),
            limit,
            arrays.boolean("exact", exact),
            arrays.boolean("copy", copy),
            threads.num_threads(num_threads),
        )
        set_options(native, env_id, env_options, _ARGUMENTS)
        spaces = spec.environment.own_spaces(parameters(native))
        self._set_up(env_id, spec.environment, native, spaces, limit, autoreset_mode, render_mode)

    def _set_up(
        self,
        env_id: str | None,
        environment: Environment,
        native: _core.VectorEnv,
        spaces: tuple[Space[Any], Space[Any]],
        max_episode_steps: int | None,
        autoreset_mode: AutoresetMode | str,
        render_mode: str | None = None,
    ) -> None:
        self.env_id = env_id
        self.environment = environment
        self.native = native
        self.max_episode_steps = max_episode_steps
        self.render_mode = check_mode(render_mode)
        self.num_envs = native.num_envs
        self.metadata = {
            "render_modes": list(RENDER_MODES) if environment.drawn or render_mode else [],
            "render_fps": environment.render_fps,
            "autoreset_mode": mode_of(autoreset_mode),
        }
        self.single_observation_space, self.single_action_space = spaces
        self._rounds = environment.round_fresh is not Environment.round_fresh
        self._painter = None if render_mode is None else Painter(environment, self.num_envs)
        self._seeds: list[int | None] = [None] * self.num_envs
        self._seeded = np.zeros(self.num_envs, dtype=np.bool_)

    # Made on first use: copying spaces takes longer than making the environments.
    @cached_property
    def observation_space(self) -> Space[Any]:  # type: ignore[override]
        """Space of the observations of all environments."""
        return batch_space(self.single_observation_space, self.num_envs)

    @cached_property
    def action_space(self) -> Space[Any]:  # type: ignore[override]
        """Space of the actions of all environments."""
        return batch_space(self.single_action_space, self.num_envs)

    @property
    def _mode(self) -> _core.Autoreset:
        return MODES[self.metadata["autoreset_mode"]]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[arrays.Float32s, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: an integer s seeds environment i with s + i; a sequence gives one seed for each
                environment; None continues the streams, which start from system entropy.
            options: bounds of the start state (`low` and `high`; Pendulum: `x_init` and `y_init`),
                anything that `float` accepts, as in Gymnasium; `reset_mask`, bool (num_envs,), the
                environments to reset. The dict is not changed.

        Returns:
            Observations float32 (num_envs, d) of all environments, and an info: `action_mask`,
                bool (num_envs, actions), if the environment has masks, otherwise empty.

        Raises:
            ValueError: an unknown option, wrong bounds, or seeds or a mask of the wrong length.
            TypeError: a seed that is not an integer, a mask that is not bool, options that are no
                dict.
        """
        given = arrays.mapping("options", options)
        mask = given.pop("reset_mask", None)
        if mask is not None:
            mask = arrays.flags("reset_mask", mask, (self.num_envs,))
            if not mask.any():
                raise ValueError("reset_mask: expected at least one True, got none")
        bounds = reset_bounds(self.environment, given, ["reset_mask"])
        touched = np.ones(self.num_envs, dtype=np.bool_) if mask is None else mask
        seeds = self._next_seeds(seed, touched)
        observations = self.native.reset(entropy_words(seeds), mask, bounds)
        self.moves += 1
        for i, (new, reset) in enumerate(zip(seeds, touched.tolist(), strict=False)):
            if new is not None and reset:
                self._seeds[i] = new
        self._seeded |= touched
        if self._rounds:
            self._round(observations, self.native.snapshot()["elapsed_steps"] == 0)
        if self._painter is not None:
            self._painter.record_reset(touched)
        return observations, self._mask_info()

    def _next_seeds(self, seed: Any, touched: arrays.Bools) -> list[int | None]:
        """The new seed of each environment, None if its stream continues; an empty list if all do.

        An environment that never had a seed gets one from system entropy.
        """
        fresh = touched & ~self._seeded
        if seed is None and not fresh.any():
            return []
        return [
            fresh_seed() if given is None and new else given
            for given, new in zip(seed_list(seed, self.num_envs), fresh.tolist(), strict=True)
        ]

    def _round(self, observations: arrays.Float32s, fresh: arrays.Bools) -> None:
        """Round the observations of fresh environments as Gymnasium does."""
        if fresh.any():
            rows = observations[fresh]
            self.environment.round_fresh(rows, self.native.snapshot()["states"].T[fresh])
            observations[fresh] = rows

    def step(
        self, actions: Any
    ) -> tuple[arrays.Float32s, arrays.Floats, arrays.Bools, arrays.Bools, dict[str, Any]]:
        """One step of every environment.

        Args:
            actions: integers (num_envs,), or float32 or float64 (num_envs, m); as in Gymnasium, the
                dtype decides the precision of the computation.

        Returns:
            (observations, rewards, terminated, truncated, infos). Under SAME_STEP, infos holds
            `final_obs`, an object array with the last observations of the episodes that ended.

        Raises:
            ValueError: wrong shape, an action out of range, NaN or infinity.
            TypeError: a dtype of another kind than the action space's.
            RuntimeError: before the first reset, or under DISABLED after the end of an episode.
        """
        given = np.asarray(actions)
        observations, rewards, terminated, truncated, final, restarted = self.native.step(
            given, self._mode
        )
        self.moves += 1
        if self._rounds:
            self._round(observations, restarted)
        if self._painter is not None:
            self._painter.record_step(given, restarted)
        infos: dict[str, Any] = {}
        if self.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP and restarted.any():
            infos = self._final_info(final, restarted)
        infos |= self._mask_info()
        return observations, rewards, terminated, truncated, infos

    def _mask_info(self) -> dict[str, Any]:
        """The allowed actions, if the environment has masks, as a Gymnasium vector info."""
        masks = self.native.masks()
        if masks is None:
            return {}
        return {"action_mask": masks, "_action_mask": np.ones(self.num_envs, dtype=np.bool_)}

    def _final_info(self, final: arrays.Float32s, ended: arrays.Bools) -> dict[str, Any]:
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(ended):
            final_obs[i] = final[i].copy()
        mask = ended.copy()
        return {
            "final_obs": final_obs,
            "_final_obs": mask,
            "final_info": {},
            "_final_info": mask.copy(),
        }

    @property
    def has_time_limit(self) -> bool:
        """Whether a time limit ends every episode."""
        return self.max_episode_steps is not None

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The result of `render`, or an attribute, of each environment.

        Args:
            name: "render", or an attribute that `get_attr` knows.
            *args: ignored.
            **kwargs: ignored.

        Returns:
            num_envs values.

        Raises:
            AttributeError: as in `get_attr`.
            RuntimeError: as in `render` or `get_attr`.
        """
        if name == "render":
            return self.render()
        return self.get_attr(name)

    def render(self) -> tuple[Frame, ...]:
        """Draw the current states.

        Returns:
            One picture (height, width, 3), uint8, for each environment.

        Raises:
            RuntimeError: without `render_mode="rgb_array"`, or before the first reset.
            ValueError: a state that cannot be drawn.
        """
        if self._painter is None:
            raise RuntimeError("render: expected make_vec(…, render_mode='rgb_array')")
        return self._painter.frames(self.native)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close_extras(self, **kwargs: Any) -> None:
        """Close the renderer; the environments themselves hold no resources.

        Args:
            **kwargs: ignored.
        """
        if self._painter is not None:
            self._painter.close()

    def __repr__(self) -> str:
        return f"NativeVectorEnv({self.env_id}, num_envs={self.num_envs})"


_ARGUMENTS = tuple(
    name
    for name, one in inspect.signature(NativeVectorEnv).parameters.items()
    if one.kind is not one.VAR_KEYWORD and name != "env_id"
)
