"""Swing up the pole of a cart: an environment in Python, compiled by Numba, and its training.

python examples/native/swing_up.py [--total-timesteps N] [--figure FILE]

The pole hangs down at first. The episode ends when the cart leaves the rail.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from gymnasium import spaces

import fastpg


@fastpg.numba_env(
    "SwingUp-v0",
    state=["x", "speed", "angle", "spin"],  # of the cart (m, m/s), of the pole (rad, rad/s)
    observation=5,
    action=spaces.Box(np.float32([-1.0]), np.float32([1.0])),  # share of the largest force
    params={
        "gravity": (9.8, 0.0, 100.0, "m/s^2"),
        "force": (10.0, 0.1, 1000.0, "largest force (N)"),
        "length": (0.5, 0.1, 10.0, "of half the pole (m)"),
        "rail": (2.4, 0.1, 100.0, "largest distance of the cart (m)"),
    },
    reset_options={"spread": (0.05, 0.0, 3.2)},  # of the angle around hanging down
    max_episode_steps=500,
)
class SwingUp:
    """A pole on a cart that hangs down at first."""

    def reset(state, params, options, rng):
        state.angle = math.pi + rng.uniform(-options.spread, options.spread)

    def step(state, action, params, rng):
        force = params.force * min(max(action[0], -1.0), 1.0)
        sine, cosine = math.sin(state.angle), math.cos(state.angle)
        push = (force + 0.1 * params.length * state.spin**2 * sine) / 1.1
        turn = (params.gravity * sine - cosine * push) / (
            params.length * (4 / 3 - 0.1 * cosine**2 / 1.1)
        )
        state.x += 0.02 * state.speed
        state.angle += 0.02 * state.spin
        state.speed += 0.02 * (push - 0.1 * params.length * turn * cosine / 1.1)
        state.spin += 0.02 * turn
        off = abs(state.x) > params.rail
        return (0.0 if off else 0.5 + 0.5 * math.cos(state.angle)), off

    def observe(state, params, out):
        out[0], out[1] = state.x, state.speed
        out[2], out[3], out[4] = math.cos(state.angle), math.sin(state.angle), state.spin


def draw(algo: fastpg.TRPO, file: str) -> None:
    """An episode of the most probable actions: the angle of the pole and the place of the cart."""
    import matplotlib.pyplot as plt

    rollout = fastpg.collect(
        fastpg.make_vec("SwingUp-v0"), algo.policy, n_episodes=1, seed=1, deterministic=True
    )
    x, _, cosine, sine, _ = rollout.observations[:, 0].T
    seconds = 0.02 * np.arange(len(x))
    figure, (above, below) = plt.subplots(2, figsize=(6, 4), sharex=True, layout="constrained")
    above.plot(seconds, np.degrees(np.unwrap(np.arctan2(sine, cosine))))
    above.set(ylabel="angle (degrees)", yticks=[-360, -180, 0, 180, 360])
    above.grid(alpha=0.3)
    below.plot(seconds, x)
    below.set(xlabel="time (s)", ylabel="cart (m)")
    below.grid(alpha=0.3)
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--total-timesteps", type=int, default=200_000)
    parser.add_argument("--figure", default=None)
    given = parser.parse_args()
    fastpg.check_native_env(SwingUp)
    algo = fastpg.train(
        "trpo", SwingUp, policy="mlp", total_timesteps=given.total_timesteps, n_envs=32, seed=0
    )
    mean, deviation = fastpg.evaluate_policy(algo, "SwingUp-v0", n_eval_episodes=20, seed=1)
    print(f"mean return {mean:.0f} +- {deviation:.0f}; at most 500")
    if given.figure is not None:
        draw(algo, given.figure)


if __name__ == "__main__":
    main()
