"""The base class of native environments."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.envs.parameters import description, options_table

Parameters = Mapping[str, Any]
_OPTIONS = "{options}"
_OBSERVATION = re.compile(r"^\| \d+ \| ([^|]+) \| [^|]+ \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)
_ACTION = re.compile(r"^\| \d+ \| ([^|]+) \|$", re.MULTILINE)


class _Page:
    """A docstring whose table of options is made when it is read: at import it would take time."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __get__(self, instance: object, cls: type[Environment]) -> str:
        return inspect.cleandoc(self._text).replace(_OPTIONS, options_table(cls.kernel))


class Environment:
    """A native environment: the name of its kernel and what Python adds to it.

    In the docstring of a subclass `{options}` becomes the table of the kernel's parameters.
    """

    kernel: str
    drawn_by: ClassVar[str | None] = None  # Gymnasium's class, module:name; None: no pictures
    draw: Callable[[Any, dict[str, Any]], Any] | None = None  # or a function of state, parameters
    render_fps: ClassVar[int]
    from_user: ClassVar[bool] = False  # not one of fastpg's own, with Gymnasium's as model
    reset_options: tuple[str, ...] = ("low", "high")  # the kernel knows their defaults

    def __init_subclass__(cls) -> None:
        if cls.__doc__ is not None and _OPTIONS in cls.__doc__:
            cls.__doc__ = _Page(cls.__doc__)  # type: ignore[assignment]

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """The space of the observations of one environment.

        Args:
            parameters: values by name.

        Returns:
            The space.
        """
        raise NotImplementedError

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Box | spaces.Discrete:
        """The space of the actions of one environment.

        Args:
            parameters: values by name.

        Returns:
            The space.
        """
        raise NotImplementedError

    def own_spaces(self, parameters: Parameters) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
        """New spaces of the observations and the actions of one environment.

        They are copies, so that seeding them affects no other environment; the originals are kept,
        since making them is slow.

        Args:
            parameters: values by name.

        Returns:
            The two spaces.
        """
        values = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in parameters.items()
        )
        observations, actions = _spaces(self, values)
        return _own(observations), _own(actions)

    @property
    def drawn(self) -> bool:
        """Whether it has pictures."""
        return self.draw is not None or self.drawn_by is not None

    def reset_defaults(self) -> dict[str, float]:
        """The numbers of a reset without options, by the names of `reset_options`.

        Raises:
            TypeError: not as many names as the kernel takes numbers.
        """
        defaults = description(self.kernel)[1]
        if len(defaults) != len(self.reset_options):
            raise TypeError(
                f"{self.kernel}: expected {len(defaults)} reset_options, got {self.reset_options}"
            )
        return dict(zip(self.reset_options, defaults, strict=True))

    def check_bounds(self, bounds: Parameters) -> None:
        """Check the numbers of a reset.

        Args:
            bounds: finite numbers by the names of `reset_options`.

        Raises:
            ValueError: numbers from which no start state can be drawn.
        """
        low, high = bounds.get("low", -math.inf), bounds.get("high", math.inf)
        if low > high:
            raise ValueError(f"low, high: expected low <= high, got {low} and {high}")

    def check_states(self, states: arrays.Floats) -> None:
        """Check numbers that are to become states.

        Args:
            states: (n, k).

        Raises:
            ValueError: numbers that are not finite.
        """
        if not np.isfinite(states).all():
            row, column = np.argwhere(~np.isfinite(states))[0].tolist()
            raise ValueError(
                f"state: expected finite states, got {states[row, column]} at index "
                f"({row}, {column})"
            )

    def gymnasium_class(self) -> Any:
        """Gymnasium's class of the same environment, which draws its pictures.

        Raises:
            NotImplementedError: there is none.
        """
        if self.drawn_by is None:
            raise NotImplementedError(
                f"render: {self.kernel} has no pictures, since Gymnasium has no such environment"
            )
        module, _, name = self.drawn_by.partition(":")
        return getattr(importlib.import_module(module), name)

    def observation_names(self) -> tuple[str, ...]:
        """What the numbers of an observation are, with their units, as its page names them.

        Returns:
            "cart position (m)" and so on; empty if Python runs without docstrings.
        """
        rows = _OBSERVATION.findall(inspect.getdoc(self) or "")
        return tuple(f"{name} ({unit.strip()})" if unit.strip() else name for name, unit in rows)

    def action_names(self) -> tuple[str, ...]:
        """What the discrete actions are, as its page names them.

        Returns:
            "none" and so on; empty for a Box, or if Python runs without docstrings.
        """
        return tuple(_ACTION.findall(inspect.getdoc(self) or ""))

    @staticmethod
    def round_fresh(observations: arrays.Float32s, states: arrays.Floats) -> None:
        """Round observations right after a reset as Gymnasium does.

        Args:
            observations: (n, d), changed in place.
            states: (n, k), the physical states.
        """


@functools.lru_cache(maxsize=32)
def _spaces(
    environment: Environment, values: tuple[tuple[str, Any], ...]
) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
    """The spaces for some parameters, which stay as they are made."""
    parameters = {
        name: list(value) if isinstance(value, tuple) else value for name, value in values
    }
    return environment.observation_space(parameters), environment.action_space(parameters)


def _own(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """A copy with arrays of its own, and no random generator yet."""
    mine = copy.copy(space)
    for name, value in vars(space).items():
        if isinstance(value, np.ndarray):
            setattr(mine, name, value.copy())
    return mine
