"""A small environment in Python, compiled by Numba, which other processes import."""

import fastpg


@fastpg.numba_env(
    "NumbaLine-v0",
    state=["x"],
    observation=1,
    action=3,
    params={"gain": 1.0},
    max_episode_steps=20,
)
class Line:
    """Go to 0."""

    def reset(state, params, options, rng):
        state.x = rng.normal()

    def step(state, action, params, rng):
        state.x += 0.2 * (action - 1)
        return -params.gain * abs(state.x), False

    def observe(state, params, out):
        out[0] = state.x
