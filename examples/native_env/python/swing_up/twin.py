"""The same environment in Python, to test against: slow, and easy to read."""

from math import cos, pi, sin
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class SwingUpTwin(gymnasium.Env[np.ndarray, np.ndarray]):
    """Cart-pole swing-up with the order of operations of src/swing_up.hpp."""

    gravity, force, length, rail = 9.8, 10.0, 0.5, 2.4

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (5,), dtype=np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """The pole hangs, up to 0.05 rad; the cart is in the middle."""
        super().reset(seed=seed)
        swing = -0.05 + (0.05 + 0.05) * self.np_random.random()
        self.state = (0.0, 0.0, pi + swing, 0.0)
        return self._observation(), {}

    def step(self, action: Any) -> Any:
        """One step of 0.02 seconds, explicit Euler."""
        x, speed, angle, spin = self.state
        sine, cosine = sin(angle), cos(angle)
        force, moment = self.force * min(max(float(action[0]), -1.0), 1.0), 0.1 * self.length
        push = (force + moment * (spin * spin) * sine) / 1.1
        turn = (self.gravity * sine - cosine * push) / (
            self.length * (4 / 3 - 0.1 * (cosine * cosine) / 1.1)
        )
        speed_gained = 0.02 * (push - moment * turn * cosine / 1.1)
        self.state = (
            x + 0.02 * speed,
            speed + speed_gained,
            angle + 0.02 * spin,
            spin + 0.02 * turn,
        )
        off = abs(self.state[0]) > self.rail
        reward = 0.0 if off else 0.5 + 0.5 * cos(self.state[2])
        return self._observation(), reward, off, False, {}

    def _observation(self) -> np.ndarray:
        x, speed, angle, spin = self.state
        return np.array([x, speed, cos(angle), sin(angle), spin], dtype=np.float32)
