"""Steps that are played keep the ends of episodes alone: those of the same steps collected."""

import functools
import tracemalloc

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

import fastpg
from fastpg import _core
from fastpg.rollouts.collect import make_collector
from test_collect import THETA, Foreign, assert_equal, policy, sync


def both_ways(make_env, steps, between=7, deterministic=False):
    """The ends of episodes in some steps, played, and those of the same steps collected."""
    found = []
    for name in ("play", "steps"):
        collector = make_collector(make_env(), fastpg.LinearSoftmax(4, 2, 0.3 * THETA), 5)
        collector.reset(5)
        run = getattr(collector, name)
        parts = [run(count, deterministic=deterministic) for count in (between, steps - between)]
        if name == "steps":
            parts = [
                (r.end_columns, r.episode_returns, r.episode_lengths, r.last_step_index)
                for r in parts
            ]
        found.append((parts, collector.steps(3)))
    return found


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize(
    "make_env",
    [
        lambda: fastpg.make_vec("CartPole-v1", 5, max_episode_steps=30),
        # of several parts, which threads share
        lambda: fastpg.make_vec("CartPole-v1", 2500, max_episode_steps=30, num_threads=3),
        *(
            functools.partial(sync, 3, mode, max_episode_steps=30)
            for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED)
        ),
        lambda: Foreign(3),
    ],
)
def test_played_steps_are_the_collected_ones(make_env, deterministic):
    (played, after), (collected, after_collected) = both_ways(make_env, 80, 7, deterministic)
    for one, two in zip(played, collected, strict=True):
        assert [a.dtype for a in one] == [a.dtype for a in two]
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert len(played[1].columns) >= 3
    assert_equal(after, after_collected)


def test_played_steps_need_no_memory_of_their_number():
    """Where their rollout would take 90 GB."""
    env = fastpg.make_vec("CartPole-v1", 2500, max_episode_steps=-1, num_threads=2)
    collector = make_collector(env, policy(), 0)
    collector.reset(0)
    before = env.get_state()
    _core.end_kernels(0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            collector.play(10**6)
    finally:
        _core.end_kernels(None)
    assert np.array_equal(env.get_state().states, before.states)


class WideSteps(gymnasium.vector.VectorEnv):
    """Observations of 4 MB, and episodes of one step."""

    num_envs = 50
    single_observation_space = spaces.Box(-1, 1, (20_000,), np.float32)
    single_action_space = spaces.Discrete(2)

    def __init__(self):
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}

    def reset(self, *, seed=None, options=None):
        return np.zeros((50, 20_000), np.float32), {}

    def step(self, actions):
        observations, last = (np.zeros((50, 20_000), np.float32) for _ in range(2))
        ended = np.arange(50) == 0
        final = np.full(50, None, dtype=object)
        final[0] = last[0]
        info = {"final_obs": final, "_final_obs": ended}
        return observations, np.ones(50), ended, np.zeros(50, bool), info


@pytest.mark.parametrize(("name", "most"), [("play", 60e6), ("samples", 400e6)])
def test_an_end_keeps_no_observations_of_other_environments(name, most):
    """Of 60 steps: with those of all, 240 MB more."""
    collector = make_collector(WideSteps(), fastpg.LinearSoftmax(20_000, 2), 0)
    collector.reset(0)
    tracemalloc.start()
    try:
        getattr(collector, name)(60 if name == "play" else 60 * 50)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most
