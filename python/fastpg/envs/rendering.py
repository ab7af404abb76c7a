"""Pictures of native environments, drawn by Gymnasium's classes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core
from fastpg.envs.environment import Environment
from fastpg.envs.parameters import parameters
from fastpg.suggestions import one_of

RENDER_MODES = ("rgb_array",)

Frame = npt.NDArray[np.uint8]


def check_mode(render_mode: str | None) -> str | None:
    """The render mode, checked.

    Args:
        render_mode: None or "rgb_array".

    Returns:
        The render mode.

    Raises:
        ValueError: another mode.
        TypeError: not a string.
    """
    return None if render_mode is None else one_of("render_mode", render_mode, RENDER_MODES)


def keep_signals() -> None:
    """Let `kill` and Ctrl-C end a process that has drawn; call it before pygame's first picture.

    SDL 2 replaces the default action of SIGTERM and SIGINT when its display begins, also for
    pictures in memory, and an event that nobody reads takes the place of the end. It reads this
    environment variable (SDL_HINT_NO_SIGNAL_HANDLERS); the user's own value is kept.
    """
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")


class Painter:
    """Draws environments; needs pygame, `pip install '.[render]'`.

    Args:
        environment: kind of environment; its Gymnasium class draws the pictures.
        num_envs: number of environments.

    Attributes:
        last_actions: that of each environment, which Pendulum's picture shows; None after a reset.
    """

    def __init__(self, environment: Environment, num_envs: int) -> None:
        self.environment = environment
        self._canvas: Any = None
        self.last_actions: list[Any] = [None] * num_envs

    def record_step(self, actions: npt.NDArray[Any], restarted: npt.NDArray[np.bool_]) -> None:
        """Store the actions of a step, for environments that draw them.

        Args:
            actions: (n,) or (n, m).
            restarted: bool (n,), environments that this step has reset; no action is stored.
        """
        for i, (action, fresh) in enumerate(zip(actions, restarted, strict=True)):
            self.last_actions[i] = None if fresh else action.copy()

    def record_reset(self, touched: npt.NDArray[np.bool_]) -> None:
        """Delete the last actions of environments that were reset.

        Args:
            touched: bool (n,), the environments that were reset.
        """
        for i in np.flatnonzero(touched):
            self.last_actions[i] = None

    def frames(self, native: _core.VectorEnv) -> tuple[Frame, ...]:
        """Draw the current states.

        Args:
            native: n environments.

        Returns:
            n pictures (height, width, 3), uint8.

        Raises:
            RuntimeError: before the first reset.
            ValueError: a state that cannot be drawn, such as one too far from the picture.
        """
        if self.environment.draw is not None:
            draw = self.environment.draw
            return tuple(
                draw(state, parameters(native, i)) for i, state in enumerate(native.get_state())
            )
        if self._canvas is None:
            keep_signals()
            self._canvas = self.environment.gymnasium_class()(render_mode="rgb_array")
        return tuple(
            self._frame(state, parameters(native, i), self.last_actions[i])
            for i, state in enumerate(native.get_state())
        )

    def _frame(self, state: npt.NDArray[Any], values: dict[str, Any], action: Any) -> Frame:
        for name, value in values.items():
            setattr(self._canvas, name, value)
        self._canvas.state = state
        if "max_torque" in values:
            most = values["max_torque"]
            self._canvas.last_u = None if action is None else float(np.clip(action, -most, most)[0])
        try:
            frame: Frame = self._canvas.render()
        except (ArithmeticError, TypeError, ValueError) as error:  # of numbers that are no pixels
            raise ValueError(
                f"render: expected a state that can be drawn, got {state.tolist()} with {values}: "
                f"{error}"
            ) from error
        return frame

    def close(self) -> None:
        """Close Gymnasium's renderer."""
        if self._canvas is not None:
            self._canvas.close()
            self._canvas = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_canvas": None}
