"""Environments in Python, compiled by Numba; the import registers them."""

import math

import numpy as np
import pytest
from gymnasium import spaces

pytest.importorskip("numba", reason="numba is not installed")

import fastpg

TAU = 0.02


@fastpg.numba_env(
    "NumbaCartPole-v1",
    state=["x", "x_dot", "theta", "theta_dot"],
    observation=4,
    action=2,
    params={"gravity": 9.8, "masscart": 1.0, "masspole": 0.1, "length": 0.5, "force_mag": 10.0},
    reset_options={"low": -0.05, "high": 0.05},
    max_episode_steps=500,
    reward_threshold=475.0,
)
class CartPole:
    """A pole on a cart."""

    def reset(state, params, options, rng):
        state.x = rng.uniform(options.low, options.high)
        state.x_dot = rng.uniform(options.low, options.high)
        state.theta = rng.uniform(options.low, options.high)
        state.theta_dot = rng.uniform(options.low, options.high)

    def step(state, action, params, rng):
        force = params.force_mag if action == 1 else -params.force_mag
        c, s = math.cos(state.theta), math.sin(state.theta)
        total, pole = params.masspole + params.masscart, params.masspole * params.length
        temp = (force + pole * state.theta_dot**2 * s) / total
        alpha = (params.gravity * s - c * temp) / (
            params.length * (4.0 / 3.0 - params.masspole * c**2 / total)
        )
        acceleration = temp - pole * alpha * c / total
        state.x += TAU * state.x_dot
        state.x_dot += TAU * acceleration
        state.theta += TAU * state.theta_dot
        state.theta_dot += TAU * alpha
        return 1.0, abs(state.x) > 2.4 or abs(state.theta) > 12 * 2 * math.pi / 360

    def observe(state, params, out):
        out[0], out[1] = state.x, state.x_dot
        out[2], out[3] = state.theta, state.theta_dot


@fastpg.numba_env(
    "NumbaGrid-v0",
    state={
        "board": (np.int64, (2, 3)),
        "level": (float, 4),
        "heat": np.float32,
        "count": int,
        "noise": (np.float32, (2,)),
    },
    observation=spaces.Box(-50.0, 50.0, (15,)),
    action=spaces.MultiDiscrete([2, 3]),
    params={"start": (2, 0, 9), "gain": (1.5, 0.0, 10.0, "of the heat")},
    reset_options={"level": (0.5, -1.0, 1.0), "count": (1, 0, 5)},
    max_episode_steps=30,
)
class Grid:
    """All kinds of fields, masks of two choices, and draws in steps."""

    def reset(state, params, options, rng):
        state.board[rng.integer(2), rng.integer(3)] = params.start
        state.level[:] = options.level
        state.heat = 0.1
        state.count = options.count
        state.noise[1] = rng.normal(0.0, 0.5)

    def step(state, action, params, rng):
        i, j = action[0], action[1]
        state.board[i, j] += 1
        state.heat = 0.5 * state.heat + rng.exponential(0.1)
        state.level += state.heat
        state.noise[0] = rng.uniform(-1.0, 1.0)
        state.count += 1
        return params.gain * state.heat + state.board.sum(), state.board[i, j] >= 4

    def observe(state, params, out):
        for k, number in enumerate(state.board.ravel()):
            out[k] = number
        for k in range(4):
            out[6 + k] = state.level[k]
        out[10] = state.heat
        out[11] = min(state.count, 50)
        out[12], out[13] = state.noise

    def mask(state, out):
        out[0] = state.count % 2 == 0
        out[2 + state.count % 3] = False

    def render(state, params):
        picture = np.zeros((2, 3, 3), dtype=np.uint8)
        picture[..., 0] = state.board * params.start
        return picture


@fastpg.numba_env(
    "NumbaSlide-v0",
    state={"x": float, "v": float, "faults": int},
    observation={"x": (-20.0, 20.0), "v": (-20.0, 20.0)},
    action=spaces.Box(np.float32([-1.0, -2.0]), np.float32([1.0, 2.0])),
    params={"broken": (0, 0, 9)},
    reset_options={"fault": (0, 0, 9)},
    max_episode_steps=40,
)
class Slide:
    """Two continuous actions; `fault`, or `broken` if that is 0, decides what goes wrong."""

    def reset(state, params, options, rng):
        if options.fault == 1:
            raise ValueError("no start")
        state.faults = options.fault if options.fault > 0 else params.broken
        state.x = rng.normal(0.0, 0.1)

    def step(state, action, params, rng):
        fault = state.faults
        if fault == 2:
            raise KeyError("no step", state.x)
        if fault == 3:
            state.faults = 2**53 + 1
        if fault == 4:
            return 1 / (fault - 4), False
        if fault == 5:
            return action[fault], False
        state.v = 0.9 * state.v + 0.1 * action[0] + 0.01 * action[1]
        state.x += 0.1 * state.v
        return -(state.x**2) - 0.01 * action[0] ** 2, abs(state.x) > 10.0

    def observe(state, params, out):
        if state.faults == 6 and state.v != 0.0:
            raise RuntimeError("no view")
        out[0], out[1] = state.x, state.v
        if state.faults == 7 and state.v != 0.0:
            out[1] = math.nan
