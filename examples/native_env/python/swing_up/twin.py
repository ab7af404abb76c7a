"""The same environment in Python, to test against: slow, and easy to read."""

from math import cos, pi, sin
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class SwingUpTwin(gymnasium.Env[np.ndarray, np.ndarray]):
    """Cart-pole swing-up with the order of operations of src/swing_up.hpp."""

    gravity, cart, pole, length, force, tau, track = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02, 2.4

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (5,), dtype=np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """The pole hangs, up to 0.1 rad; the cart is within 0.1 m of the middle."""
        super().reset(seed=seed)
        x = self._uniform(-0.1, 0.1)
        self.state = (x, 0.0, pi + self._uniform(-0.1, 0.1), 0.0)
        return self._observation(), {}

    def step(self, action: Any) -> Any:
        """One step of tau seconds, semi-implicit Euler."""
        x, v, angle, spin = self.state
        given = float(action[0])
        mass, moment = self.cart + self.pole, self.pole * self.length
        force = self.force * min(max(given, -1.0), 1.0)
        push = (force + moment * spin * spin * sin(angle)) / mass
        turn = (self.gravity * sin(angle) - cos(angle) * push) / (
            self.length * (4.0 / 3.0 - self.pole * cos(angle) * cos(angle) / mass)
        )
        v += self.tau * (push - moment * turn * cos(angle) / mass)
        spin += self.tau * turn
        x += self.tau * v
        angle += self.tau * spin
        self.state = (x, v, angle, spin)
        off = abs(x) > self.track
        reward = -100.0 if off else cos(angle) - 0.01 * given * given
        return self._observation(), reward, off, False, {}

    def _uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.np_random.random()

    def _observation(self) -> np.ndarray:
        x, v, angle, spin = self.state
        return np.array([x, v, sin(angle), cos(angle), spin], dtype=np.float32)
