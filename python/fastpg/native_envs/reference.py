"""The undecorated functions of an environment as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.native_envs.definition import Definition
from fastpg.native_envs.quantities import Quantity, numbers_class
from fastpg.native_envs.state import State
from fastpg.native_envs.stream import Stream
from fastpg.suggestions import unknown


class ReferenceEnv(gymnasium.Env[Any, Any]):
    """An environment whose functions run as plain Python; made by `NumbaEnv.reference`.

    With the same seed it draws the same numbers as the compiled environment. It has no time limit.

    Args:
        definition: the environment.
        params: parameters by name that differ from their defaults.

    Raises:
        TypeError: an unknown parameter, or a value that is no number.
        ValueError: a value out of its range.
    """

    def __init__(self, definition: Definition, params: Mapping[str, Any]) -> None:
        self.definition = definition
        self.observation_space = definition.observation
        self.action_space = definition.action
        self.params = _filled("Params", definition.params, params)
        self.state = State(definition.fields)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[arrays.Float32s, dict[str, Any]]:
        """Start a new episode.

        Args:
            seed: seed of `np_random`; None continues its stream.
            options: numbers of the reset by name.

        Returns:
            (observation (d,), info); the info has `action_mask`, bool (flags,), if there are masks.

        Raises:
            TypeError, ValueError: an unknown option, or a value out of its range.
        """
        super().reset(seed=seed)
        given = _filled("Options", self.definition.options, options or {})
        self.state = State(self.definition.fields)
        rng = Stream(self.np_random)
        self.definition.functions["reset"](self.state, self.params, given, rng)
        self.state.vector()
        return self.observation(), self.info()

    def step(self, action: Any) -> tuple[arrays.Float32s, float, bool, bool, dict[str, Any]]:
        """One step.

        Args:
            action: an integer, integers (m,) or numbers (m,).

        Returns:
            (observation (d,), reward, terminated, False, info).
        """
        given = self._action(action)
        rng = Stream(self.np_random)
        reward, terminated = self.definition.functions["step"](self.state, given, self.params, rng)
        self.state.vector()
        return self.observation(), float(reward), bool(terminated), False, self.info()

    def _action(self, action: Any) -> Any:
        """An action as compiled code gets it."""
        if isinstance(self.action_space, spaces.Discrete):
            return int(action)
        kind = np.float64 if isinstance(self.action_space, spaces.Box) else np.int64
        given = np.array(action, dtype=kind)
        given.flags.writeable = False
        return given

    def observation(self) -> arrays.Float32s:
        """The observation of the state, (d,)."""
        out = np.zeros(self.definition.observation.shape, dtype=np.float32)
        self.definition.functions["observe"](self.state, self.params, out)
        return out

    def info(self) -> dict[str, Any]:
        """`action_mask`, bool (flags,), if there are masks."""
        if "mask" not in self.definition.functions:
            return {}
        out = np.ones(self.definition.flags, dtype=np.bool_)
        self.definition.functions["mask"](self.state, out)
        return {"action_mask": out}


def _filled(name: str, quantities: tuple[Quantity, ...], given: Mapping[str, Any]) -> Any:
    """A tuple of numbers, the defaults where none is given."""
    known = {one.name: one for one in quantities}
    for one in given:
        if one not in known:
            raise TypeError(unknown("option", one, known))
    values = [one.checked(given.get(one.name, one.value)) for one in quantities]
    return numbers_class(name, quantities)(*values)
