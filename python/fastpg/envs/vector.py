"""Native environments as Gymnasium vector environments."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Self

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Space
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from fastpg import _core, arrays, threads
from fastpg.envs import state as states
from fastpg.envs.classic_control import Environment, native_spec, newer_id
from fastpg.envs.parameters import parameters, set_options, set_values
from fastpg.envs.rendering import RENDER_MODES, Frame, Painter, check_mode
from fastpg.envs.resetting import entropy_words, fresh_seed, reset_bounds, seed_list
from fastpg.envs.state import EnvState
from fastpg.suggestions import one_of, unknown

_MODES = {
    AutoresetMode.NEXT_STEP: _core.Autoreset.next_step,
    AutoresetMode.SAME_STEP: _core.Autoreset.same_step,
    AutoresetMode.DISABLED: _core.Autoreset.disabled,
}
MOST_ENVS = 2**24
_UNKNOWN_SEED = -1  # Gymnasium's value for a stream whose seed is unknown

NAMESPACE = "fastpg"


def make_vec(
    id: str,
    num_envs: int = 1,
    *,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    exact: bool = True,
    max_episode_steps: int | None = None,
    num_threads: int | None = None,
    copy: bool = True,
    render_mode: str | None = None,
    **env_options: Any,
) -> NativeVectorEnv:
    """Make `num_envs` copies of a native environment, stepped together in C++.

    Args:
        id: a Gymnasium id: "Acrobot-v1", "CartPole-v0", "CartPole-v1", "MountainCar-v0",
            "MountainCarContinuous-v0" or "Pendulum-v1".
        num_envs: number of copies, from 1 to 2^24.
        autoreset_mode: when an environment is reset after an episode, as in Gymnasium: NEXT_STEP,
            SAME_STEP or DISABLED.
        exact: True gives the numbers of `gymnasium.vector.SyncVectorEnv` bit for bit. False is
            faster: vectorised sine and cosine, at most 1 ulp from the true values, and one
            reciprocal instead of repeated divisions by the same number.
        max_episode_steps: time limit in steps; None: the id's registered limit; -1: no limit.
        num_threads: threads for `step` and for `fastpg.collect` by steps, from 1 to 256; one thread
            for every 512 copies is used at most. None: the environment variable FASTPG_NUM_THREADS,
            or 1. Results do not depend on it.
        copy: False lets every `step` return the same arrays, overwritten.
        render_mode: "rgb_array" makes `render` draw; needs `pip install '.[render]'`.
        **env_options: options of the environment, listed on its page in docs/environments. They are
            attributes of Gymnasium's class; `set_attr` changes them later. The spaces follow from
            the values given here.

    Returns:
        The environments.

    Raises:
        ValueError: unknown id or mode, or an option or a size out of range.
        TypeError: unknown option, or an argument of the wrong type.
    """
    native_spec(id)
    newer = newer_id(id)
    if newer is not None:
        warnings.warn(
            f"{id} is out of date, as in Gymnasium: consider {newer}",
            DeprecationWarning,
            stacklevel=_caller_level(),
        )
    options = env_options | {
        "autoreset_mode": _autoreset_mode(autoreset_mode).value,
        "exact": exact,
        "max_episode_steps": max_episode_steps,
        "num_threads": threads.num_threads(num_threads),
        "copy": copy,
        "render_mode": render_mode,
    }
    env = NativeVectorEnv(id, num_envs, **options)
    env.spec = _spec(env, options)
    return env


def _caller_level() -> int:
    """The stack level of the nearest caller outside this package, for warnings."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "fastpg":
        level, frame = level + 1, frame.f_back
    return level


def _spec(env: NativeVectorEnv, options: Mapping[str, Any]) -> EnvSpec:
    """Gymnasium's spec of an environment, with which `gymnasium.make_vec` makes it again."""
    registered = gymnasium.spec(f"{NAMESPACE}/{env.env_id}")
    return EnvSpec(
        id=registered.id,
        entry_point=registered.entry_point,
        vector_entry_point=registered.vector_entry_point,
        reward_threshold=registered.reward_threshold,
        max_episode_steps=env.max_episode_steps,
        kwargs={**registered.kwargs, **options, "num_envs": env.num_envs},
    )


def _autoreset_mode(mode: AutoresetMode | str) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    names = {member.value: member for member in AutoresetMode}
    names.update({member.name: member for member in AutoresetMode})
    return names[one_of("autoreset_mode", mode, names)]


def time_limit(given: Any, registered: int) -> int | None:
    """The time limit of an episode in steps.

    Args:
        given: in [1, 2^31 - 1]; None: the registered limit; -1: none.
        registered: the limit for None.

    Returns:
        The limit, or None for no limit.

    Raises:
        ValueError: out of range.
        TypeError: not an integer.
    """
    if given is None:
        return registered
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and given == -1:
        return None
    return arrays.integer("max_episode_steps", given, 1, 2**31 - 1)


class NativeVectorEnv(VectorEnv[Any, Any, Any]):
    """A `gymnasium.vector.VectorEnv` whose environments are in C++; made by `make_vec`.

    Observations are float32 (num_envs, d), rewards float64 (num_envs,), flags bool (num_envs,).
    After `reset(seed=s)` environment i draws from NumPy's generator seeded with s + i, as in
    Gymnasium's `SyncVectorEnv`; automatic resets continue these streams, with default bounds.

    It can be pickled and deep-copied: the copy continues with the same numbers.

    Attributes:
        moves: number of calls of `step`, `reset` and `set_state` so far.
    """

    moves = 0
    _differing: frozenset[str] = frozenset()

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
        set_options(native, env_id, env_options)
        values = parameters(native)
        spaces = (
            spec.environment.observation_space(values),
            spec.environment.action_space(values),
        )
        self._set_up(env_id, spec.environment, native, spaces, limit, autoreset_mode, render_mode)

    def _set_up(
        self,
        env_id: str | None,
        environment: type[Environment],
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
            "render_modes": list(RENDER_MODES),
            "render_fps": environment.render_fps,
            "autoreset_mode": _autoreset_mode(autoreset_mode),
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
        return _MODES[self.metadata["autoreset_mode"]]

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
            Observations float32 (num_envs, d) of all environments, and an empty info.

        Raises:
            ValueError: an unknown option, wrong bounds, or seeds or a mask of the wrong length.
            TypeError: a seed that is not an integer, a mask that is not bool.
        """
        given = dict(options) if options is not None else {}
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
        for i, new in enumerate(seeds):
            if new is not None and touched[i]:
                self._seeds[i] = new
        self._seeded |= touched
        if self._rounds:
            self._round(observations, self.native.snapshot()["elapsed_steps"] == 0)
        if self._painter is not None:
            self._painter.record_reset(touched)
        return observations, {}

    def _next_seeds(self, seed: Any, touched: arrays.Bools) -> list[int | None]:
        """The new seed of each environment; None where its stream continues; empty if all do.

        An environment that never had a seed gets one from system entropy.
        """
        fresh = touched & ~self._seeded
        if seed is None and not fresh.any():
            return []
        return [
            fresh_seed() if given is None and new else given
            for given, new in zip(seed_list(seed, self.num_envs), fresh, strict=True)
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
        return observations, rewards, terminated, truncated, infos

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

    def get_state(self) -> EnvState:
        """The environments' states, random streams and step counts.

        Returns:
            A copy, for `set_state`.
        """
        return states.take(self.native)

    def set_state(self, state: EnvState | Any) -> None:
        """Continue from a state of `get_state`, or start episodes in physical states.

        Args:
            state: an `EnvState` of the same number and kind of environments, with their random
                streams; or physical states (num_envs, k) in which episodes start. Environments that
                were never reset are reset first.

        Raises:
            ValueError: another shape, numbers that are not finite, or states of a magnitude above
                1e38, which is too large for a float32 observation.
            TypeError: values that are not numbers.
        """
        self.moves += 1
        if isinstance(state, EnvState):
            states.put(self.native, state)
            self._seeds = [_UNKNOWN_SEED] * self.num_envs
            self._seeded = state.status != 0
            return
        checked = states.checked(self.native, state)
        if not self._seeded.all():
            self.reset(options={"reset_mask": ~self._seeded})
        self.native.set_state(checked)

    @property
    def state(self) -> arrays.Floats | None:
        """The physical states, a copy (k, num_envs), as in Gymnasium's `CartPoleVectorEnv`.

        Assign an array of this shape to set the states; this equals `set_state` with its transpose.
        None before the first reset.

        Raises:
            RuntimeError: some environments, but not all, have been reset.
        """
        if not self.native.snapshot()["status"].any():
            return None
        return np.ascontiguousarray(self.native.get_state().T)

    @state.setter
    def state(self, value: Any) -> None:
        shape = self.native.snapshot()["states"].shape
        self.set_state(arrays.finite_floats("state", value, shape).T)

    @property
    def has_time_limit(self) -> bool:
        """Whether a time limit ends every episode."""
        return self.max_episode_steps is not None

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        """Restore the environments if the body raises."""
        before, seeds, seeded = self.native.snapshot(), list(self._seeds), self._seeded.copy()
        try:
            yield
        except BaseException:
            self.native.restore(**before, checked=False)
            self._seeds, self._seeded = seeds, seeded
            raise

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute of each environment.

        Args:
            name: a parameter (an option of `make_vec`), or "state", "elapsed_steps", "np_random",
                "np_random_seed", "render_mode", "spec", "observation_space" or "action_space".

        Returns:
            num_envs values.

        Raises:
            AttributeError: no such attribute; the message suggests the nearest name.
            RuntimeError: "state" before every environment was reset.
        """
        if name in parameters(self.native):
            return tuple(parameters(self.native, i)[name] for i in range(self.num_envs))
        found = self._attributes()
        if name not in found:
            known = [*parameters(self.native), *found]
            raise AttributeError(f"{self.env_id}: {unknown('attribute', name, known)}")
        return found[name]()

    def _attributes(self) -> dict[str, Callable[[], tuple[Any, ...]]]:
        """The attributes of `get_attr` other than parameters."""
        n = self.num_envs
        return {
            "state": lambda: tuple(self.native.get_state()),
            "elapsed_steps": lambda: tuple(self.get_state().elapsed_steps.tolist()),
            "np_random": lambda: self.np_random,
            "np_random_seed": lambda: self.np_random_seed,
            "render_mode": lambda: (self.render_mode,) * n,
            "spec": lambda: (self.spec,) * n,
            "observation_space": lambda: (self.single_observation_space,) * n,
            "action_space": lambda: (self.single_action_space,) * n,
        }

    def set_attr(self, name: str, values: list[Any] | tuple[Any, ...] | Any) -> None:
        """Set a parameter, or `state`, of every environment.

        Args:
            name: one of the environment's options, or "state".
            values: a list or tuple with one value for each environment, or one value for all.

        Raises:
            AttributeError: no such attribute; the message suggests the nearest name.
            ValueError: another number of values than environments, or one out of range.
            TypeError: a value of the wrong type.
        """
        each = list(values) if isinstance(values, list | tuple) else [values]
        if isinstance(values, list | tuple) and len(each) != self.num_envs:
            raise ValueError(f"{name}: expected {self.num_envs} values, got {len(each)}")
        if name == "state":
            self.set_state(np.array(each * (self.num_envs if len(each) == 1 else 1)))
            return
        if name not in parameters(self.native):
            known = [*parameters(self.native), "state"]
            raise AttributeError(f"{self.env_id}: {unknown('attribute', name, known)}")
        set_values(self.native, name, each)
        differs = any(not np.array_equal(value, each[0]) for value in each[1:])
        self._differing = self._differing | {name} if differs else self._differing - {name}

    @property
    def parameters_differ(self) -> bool:
        """Whether `set_attr` has given the environments different parameters."""
        return bool(self._differing)

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

    @property  # type: ignore[override]
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """Copies of the environments' random streams, as NumPy generators.

        Assign one PCG64 generator for each environment to continue from their states.
        """
        return states.generators(self.native)

    @np_random.setter  # type: ignore[override]
    def np_random(self, value: Sequence[np.random.Generator]) -> None:
        if len(value) != self.num_envs:
            raise ValueError(f"np_random: expected {self.num_envs} generators, got {len(value)}")
        self.native.streams = np.array([states.words_of(one) for one in value])
        self._seeds = [_UNKNOWN_SEED] * self.num_envs
        self._seeded[:] = True

    @property
    def np_random_seed(self) -> tuple[int | None, ...]:  # type: ignore[override]
        """The last seed of each environment: None before the first reset, -1 if unknown."""
        return tuple(self._seeds)

    def render(self) -> tuple[Frame, ...]:
        """Draw the current states.

        Returns:
            One picture (height, width, 3), uint8, for each environment.

        Raises:
            RuntimeError: without `render_mode="rgb_array"`, or before the first reset.
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
