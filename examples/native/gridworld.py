"""A gridworld with walls, whose masks forbid moves into them: compiled by Numba, and its training.

python examples/native/gridworld.py [--total-timesteps N] [--figure FILE]

gridworld.hpp beside this file is the same environment in C++.
"""

from __future__ import annotations

import argparse

import numpy as np
from gymnasium import spaces

import fastpg

SIDE = 8
MAP = "".join(  # # wall, G goal
    ["...#....", ".#.#.##.", ".#...#..", ".####.#.", "......#.", ".##.#...", "...#.##.", ".#.....G"]
)
OPEN = np.array([place != "#" for place in MAP]).reshape(SIDE, SIDE)
GOAL = MAP.index("G")


@fastpg.numba_env(
    "Gridworld-v0",
    state={"row": np.int64, "column": np.int64},
    observation=spaces.Box(0.0, 1.0, (SIDE * SIDE,)),  # one-hot
    action=spaces.Discrete(4),  # up, right, down, left
    params={"slip": (0.1, 0.0, 1.0, "probability of a random move")},
    max_episode_steps=100,
)
class Gridworld:
    """Walk to the goal; every step costs a little."""

    def reset(state, params, options, rng):
        while True:
            state.row, state.column = rng.integer(SIDE), rng.integer(SIDE)
            if OPEN[state.row, state.column] and state.row * SIDE + state.column != GOAL:
                break

    def mask(state, out):
        for action in range(4):
            row = state.row + (action == 2) - (action == 0)
            column = state.column + (action == 1) - (action == 3)
            inside = 0 <= row < SIDE and 0 <= column < SIDE
            out[action] = inside and OPEN[row, column]

    def step(state, action, params, rng):
        chosen = rng.integer(4) if rng.uniform() < params.slip else action
        row = state.row + (chosen == 2) - (chosen == 0)
        column = state.column + (chosen == 1) - (chosen == 3)
        if 0 <= row < SIDE and 0 <= column < SIDE and OPEN[row, column]:
            state.row, state.column = row, column
        goal = state.row * SIDE + state.column == GOAL
        return (1.0 if goal else -0.02), goal

    def observe(state, params, out):
        out[state.row * SIDE + state.column] = 1.0


def moves(algo: fastpg.TRPO) -> np.ndarray:
    """The most probable move at each place, (SIDE, SIDE)."""
    env = fastpg.make_vec("Gridworld-v0", SIDE * SIDE)
    env.set_state(np.array([[row, column] for row in range(SIDE) for column in range(SIDE)]))
    places = np.eye(SIDE * SIDE, dtype=np.float32)
    masks = env.native.masks()
    return np.asarray(algo.predict(places, deterministic=True, action_masks=masks)[0]).reshape(
        SIDE, SIDE
    )


def draw(algo: fastpg.TRPO, file: str) -> None:
    """The map with an arrow for each move."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4, 4), layout="constrained")
    axes.imshow(~OPEN, cmap="Greys", vmin=0, vmax=1.6)
    chosen = moves(algo)
    for row, column in np.argwhere(OPEN):
        goal = row * SIDE + column == GOAL
        text = "G" if goal else "↑→↓←"[chosen[row, column]]
        axes.text(column, row, text, ha="center", va="center", fontsize=14)
    axes.set(xticks=[], yticks=[])
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--total-timesteps", type=int, default=100_000)
    parser.add_argument("--figure", default=None)
    given = parser.parse_args()
    fastpg.check_native_env(Gridworld)
    algo = fastpg.train("trpo", Gridworld, total_timesteps=given.total_timesteps, seed=0)
    mean, deviation = fastpg.evaluate_policy(algo, "Gridworld-v0", n_eval_episodes=200, seed=1)
    print(f"mean return {mean:.3f} +- {deviation:.3f}")
    if given.figure is not None:
        draw(algo, given.figure)


if __name__ == "__main__":
    main()
