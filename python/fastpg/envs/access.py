"""Reading and setting states, random streams and parameters of native environments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays
from fastpg.envs import state as states
from fastpg.envs.environment import Environment
from fastpg.envs.parameters import parameters, set_values
from fastpg.envs.rendering import Painter
from fastpg.envs.state import EnvState
from fastpg.names_elsewhere import NOT_OF_A_VECTOR_ENV
from fastpg.suggestions import missing, unknown

_UNKNOWN_SEED = -1  # Gymnasium's value for a stream whose seed is unknown


class StateAccess(VectorEnv[Any, Any, Any]):
    """The part of a native vector environment that reads and sets its state and parameters."""

    env_id: str | None
    environment: Environment
    training_only: tuple[str, ...] = ()  # as of `EnvRecipe`
    native: _core.VectorEnv
    moves = 0
    _seeds: list[int | None]
    _seeded: arrays.Bools
    _painter: Painter | None = None  # Gymnasium closes environments whose __init__ has failed, too
    _differing: frozenset[str] = frozenset()  # names of parameters with several values

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            """AttributeError, which knows names of stable-baselines3."""
            return missing(self, name, NOT_OF_A_VECTOR_ENV)

    def _keep(self) -> Callable[[], None]:
        """A function that puts the environments back where they are now.

        Returns:
            A function without arguments, for states, random streams, seeds, moves and what pictures
                show.
        """
        before, moves = self.native.snapshot(), self.moves
        seeds, seeded = self._seeds.copy(), self._seeded.copy()
        actions = None if self._painter is None else self._painter.last_actions.copy()

        def put_back() -> None:
            self.native.restore(**before, checked=False)
            self.moves, self._seeds, self._seeded = moves, seeds, seeded
            if self._painter is not None and actions is not None:
                self._painter.last_actions = actions

        return put_back

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
                1e38, which is too large for a float32 observation; the states of an environment of
                a user may hold any numbers.
            TypeError: values that are not numbers.
        """
        if isinstance(state, EnvState):
            taken = states.put(self.native, self.environment, state)
            self.moves += 1
            self._seeds = [_UNKNOWN_SEED] * self.num_envs
            self._seeded = taken.status != 0
            return
        checked = states.checked(self.native, self.environment, state)
        put_back = self._keep()
        try:
            if not self._seeded.all():
                self.reset(options={"reset_mask": ~self._seeded})
            self.native.set_state(checked)
        except BaseException:
            put_back()
            raise
        self.moves += 1

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
        self.set_state(arrays.shaped_floats("state", value, shape).T)

    @property  # type: ignore[override]
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """Copies of the environments' random streams, as NumPy generators.

        Assign one PCG64 generator for each environment to continue from their states.
        """
        return states.generators(self.native)

    @np_random.setter  # type: ignore[override]
    def np_random(self, value: Sequence[np.random.Generator]) -> None:
        try:
            each = list(value)
        except TypeError:
            raise TypeError(
                f"np_random: expected a sequence of {self.num_envs} generators, got {value!r}"
            ) from None
        if len(each) != self.num_envs:
            raise ValueError(f"np_random: expected {self.num_envs} generators, got {len(each)}")
        self.native.streams = np.array([states.words_of(one) for one in each])
        self._seeds = [_UNKNOWN_SEED] * self.num_envs
        self._seeded[:] = True

    @property
    def np_random_seed(self) -> tuple[int | None, ...]:  # type: ignore[override]
        """The last seed of each environment: None before the first reset, -1 if unknown."""
        return tuple(self._seeds)

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
