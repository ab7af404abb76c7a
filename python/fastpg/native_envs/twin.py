"""One step of the undecorated functions beside the compiled ones, from the same state."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fastpg.envs import EnvState
from fastpg.envs import state as states
from fastpg.native_envs.checking import Outcome
from fastpg.native_envs.definition import Definition
from fastpg.native_envs.reference import ReferenceEnv
from fastpg.native_envs.state import State

# Most that rounding may be, relative to numbers above 1.
_DOUBLE, _FLOAT = 1e-9, 1e-5


class Twin:
    """The undecorated functions of an environment.

    Args:
        definition: the environment.
        params: parameters by name that differ from their defaults.
    """

    def __init__(self, definition: Definition, params: Mapping[str, Any]) -> None:
        self._definition = definition
        self._env = ReferenceEnv(definition, params)
        self._tolerances = np.array(
            [
                {"float64": _DOUBLE, "float32": _FLOAT, "int64": 0.0}[field.kind]
                for field in definition.fields
                for _ in range(field.size)
            ]
        )

    def differences(self, start: EnvState, actions: Any, outcome: Outcome) -> Iterator[str]:
        """Texts of what differs in a step.

        Args:
            start: state before it, of n environments.
            actions: (n, …).
            outcome: what the compiled functions gave.

        Returns:
            At most one text for each environment.
        """
        for i, action in enumerate(actions):
            try:
                given = self._step(start, action, i)
            except Exception as error:  # the user's function may raise anything
                yield f"undecorated, it raises {_named(error)}; compiled, it does not"
            else:
                yield from self._compared(given, outcome, i)

    def reset_differences(
        self, seed: int, options: Mapping[str, float], outcome: Outcome
    ) -> Iterator[str]:
        """Texts of what differs in a reset.

        Args:
            seed: of the first environment.
            options: of the reset, by name.
            outcome: what the compiled functions gave.

        Returns:
            At most one text for each environment.
        """
        for i in range(len(outcome.rewards)):
            try:
                observation, info = self._env.reset(seed=seed + i, options=dict(options))
            except Exception as error:  # the user's function may raise anything
                yield f"undecorated, it raises {_named(error)}; compiled, it does not"
            else:
                yield from self._compared((observation, 0.0, False, False, info), outcome, i)

    def failure(self, start: EnvState, actions: Any, entry: int) -> str:
        """What the undecorated functions do in a step that failed.

        Args:
            start: state before it.
            actions: (n, …).
            entry: index of the environment.

        Returns:
            The end of a sentence.
        """
        try:
            self._step(start, actions[entry], entry)
        except Exception as error:  # the user's function may raise anything
            return f"it raises {_named(error)}"
        return "it does not fail"

    def _step(self, start: EnvState, action: Any, i: int) -> tuple[Any, ...]:
        self._env.state = State.of(self._definition.fields, start.states[:, i])
        self._env.np_random = states.generator(start.streams[i])
        return self._env.step(copy.copy(action))

    def _compared(self, given: tuple[Any, ...], outcome: Outcome, i: int) -> Iterator[str]:
        observation, reward, terminated, _, info = given
        state = self._env.state.vector()
        # After its end an episode has no actions, and its flags mean nothing.
        mask = None if outcome.masks is None or terminated else outcome.masks[i]
        pairs: dict[str, tuple[Any, Any, Any]] = {
            "the state": (outcome.state.states[:, i], state, self._tolerances),
            "the observation": (outcome.observations[i], observation, _FLOAT),
            "the reward": (outcome.rewards[i], reward, _DOUBLE),
            "terminated": (outcome.terminated[i], terminated, 0.0),
            "the mask": (mask, info.get("action_mask"), 0.0),
            "the random stream": (
                outcome.state.streams[i],
                states.words_of(self._env.np_random),
                0.0,
            ),
        }
        for name, (compiled, plain, tolerance) in pairs.items():
            if compiled is not None and not _close(compiled, plain, tolerance):
                yield f"{name} is {plain} undecorated, and {compiled} compiled"
                return


def _close(one: Any, two: Any, tolerance: Any) -> bool:
    """Whether numbers agree to rounding; NaN agrees with NaN."""
    a, b = np.asarray(one), np.asarray(two)
    if a.dtype.kind not in "f":
        return bool(np.array_equal(a, b))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= tolerance * np.maximum(1.0, np.minimum(np.abs(a), np.abs(b)))
    return bool((same | near).all())


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
