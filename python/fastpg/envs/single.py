"""A native environment as a single `gymnasium.Env`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from fastpg import _core, arrays
from fastpg.envs import state as states
from fastpg.envs.catalogue import native_spec
from fastpg.envs.parameters import parameters, set_options, set_values
from fastpg.envs.rendering import RENDER_MODES, Frame, Painter, check_mode
from fastpg.envs.resetting import reset_bounds
from fastpg.envs.state import EnvState


class NativeEnv(gymnasium.Env[Any, Any]):
    """One native environment, as `gymnasium.make("fastpg:fastpg/CartPole-v1")` makes it.

    It has no time limit: `gymnasium.make` adds the registered one. `np_random` is a NumPy
    generator; the C++ environment draws from its stream and keeps both in the same state.

    Args:
        env_id: a Gymnasium id of a native environment.
        exact: as in `make_vec`.
        render_mode: None or "rgb_array".
        **env_options: options of the environment, as in `make_vec`.

    Raises:
        ValueError: unknown id or render mode, or an option value out of range.
        TypeError: unknown option, or an argument of the wrong type.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES)}  # noqa: RUF012 (Gymnasium's)

    def __init__(
        self,
        env_id: str,
        *,
        exact: bool = True,
        render_mode: str | None = None,
        **env_options: Any,
    ) -> None:
        environment = native_spec(env_id).environment
        self.env_id = env_id
        self.environment = environment
        self.render_mode = check_mode(render_mode)
        self.metadata = {
            "render_modes": list(RENDER_MODES) if environment.drawn or render_mode else [],
            "render_fps": environment.render_fps,
        }
        self.native = _core.VectorEnv(
            environment.kernel, 1, None, arrays.boolean("exact", exact), True, 1
        )
        set_options(self.native, env_id, env_options, ("exact", "render_mode"))
        values = parameters(self.native)
        self._parameters = frozenset(values)
        self.observation_space, self.action_space = environment.own_spaces(values)
        self._painter = None if render_mode is None else Painter(environment, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[arrays.Float32s, dict[str, Any]]:
        """Start a new episode.

        Args:
            seed: seed of `np_random`, an integer of at least 0; None continues its stream, which
                starts from system entropy.
            options: bounds of the start state (`low` and `high`; Pendulum: `x_init` and `y_init`),
                as in `NativeVectorEnv.reset`. The dict is not changed.

        Returns:
            Observation float32 (d,), and an empty info.

        Raises:
            ValueError: an unknown option, or wrong bounds.
            TypeError: `options` is no dict, or `np_random` no PCG64 generator.
            gymnasium.error.Error: a seed that is negative or no integer.
        """
        bounds = reset_bounds(self.environment, arrays.mapping("options", options))
        super().reset(seed=seed)
        self._load_stream()
        observations = self.native.reset(None, None, bounds)
        self._store_stream()
        self.environment.round_fresh(observations, self.native.get_state())
        if self._painter is not None:
            self._painter.record_reset(np.ones(1, dtype=np.bool_))
        return observations[0], self._mask_info()

    def step(self, action: Any) -> tuple[arrays.Float32s, float, bool, bool, dict[str, Any]]:
        """One step.

        Args:
            action: an integer, or float32 or float64 (m,), as in `NativeVectorEnv.step`.

        Returns:
            (observation float32 (d,), reward, terminated, truncated (always False), empty info).

        Raises:
            ValueError: wrong shape, an action out of range, NaN or infinity.
            TypeError: a dtype of another kind than the action space's.
            RuntimeError: before the first reset, or after the end of the episode.
        """
        if self.native.draws_in_steps:
            self._load_stream()
        batch = np.asarray(action)[None]
        observations, rewards, terminated, _, _, restarted = self.native.step(
            batch, _core.Autoreset.disabled
        )
        if self.native.draws_in_steps:
            self._store_stream()
        if self._painter is not None:
            self._painter.record_step(batch, restarted)
        infos = self._mask_info()
        return observations[0], float(rewards[0]), bool(terminated[0]), False, infos

    def _mask_info(self) -> dict[str, Any]:
        """The allowed actions, bool (actions,), if the environment has masks."""
        masks = self.native.masks()
        return {} if masks is None else {"action_mask": masks[0]}

    def _load_stream(self) -> None:
        """Set the C++ random stream to the state of `np_random`."""
        self.native.streams = states.words_of(self.np_random)[None]

    def _store_stream(self) -> None:
        """Set `np_random` to the state of the C++ random stream."""
        states.follow(self.np_random, self.native.streams[0])

    def get_state(self) -> EnvState:
        """The environment's state, random stream and step count.

        Returns:
            A copy, for `set_state`.
        """
        return states.take(self.native)

    def set_state(self, state: EnvState | Any) -> None:
        """Continue from a state of `get_state`, or start an episode in a physical state.

        Args:
            state: an `EnvState` of one environment, with its random stream; or the physical state
                (k,) in which an episode starts.

        Raises:
            ValueError: another shape, numbers that are not finite, or of a magnitude above 1e38,
                which is too large for a float32 observation; the state of an environment of a user
                may hold any numbers.
            TypeError: values that are not numbers.
            RuntimeError: a physical state before the first reset.
        """
        if isinstance(state, EnvState):
            states.put(self.native, self.environment, state)
            self._np_random = states.generator(self.native.streams[0])
            return
        given = arrays.shaped_floats("state", state, self.state.shape)
        self.native.set_state(states.checked(self.native, self.environment, given[None]))

    def __getattr__(self, name: str) -> Any:
        """Parameters of the environment, under the names of Gymnasium's class."""
        if name in self.__dict__.get("_parameters", ()):
            return parameters(self.native)[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("_parameters", ()):
            set_values(self.native, name, [value])
        else:
            super().__setattr__(name, value)

    @property
    def state(self) -> arrays.Floats:
        """The physical state, (k,)."""
        state: arrays.Floats = self.native.get_state()[0]
        return state

    @state.setter
    def state(self, value: Any) -> None:
        self.set_state(value)

    def render(self) -> Frame:
        """Draw the current state.

        Returns:
            A picture (height, width, 3), uint8.

        Raises:
            RuntimeError: without `render_mode="rgb_array"`, or before the first reset.
            ValueError: a state that cannot be drawn.
        """
        if self._painter is None:
            raise RuntimeError("render: expected gymnasium.make(…, render_mode='rgb_array')")
        return self._painter.frames(self.native)[0]

    def close(self) -> None:
        """Close the renderer; the environment itself holds no resources."""
        if self._painter is not None:
            self._painter.close()
