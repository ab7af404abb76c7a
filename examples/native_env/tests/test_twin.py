"""The environment in C++ equals its twin in Python."""

import gymnasium
import numpy as np
import pytest
import swing_up
from gymnasium.vector import SyncVectorEnv
from swing_up.twin import SwingUpTwin

import fastpg


def test_rollouts_equal_those_of_the_twin():
    """Bit for bit, where both take sine and cosine of the same C library."""
    native = fastpg.make_vec(swing_up.ENV.id, 4, max_episode_steps=-1)
    twins = SyncVectorEnv([SwingUpTwin] * 4)
    np.testing.assert_array_equal(native.reset(seed=1)[0], twins.reset(seed=1)[0])
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(500):
        actions = rng.uniform(-1.2, 1.5, size=(4, 1)).astype(np.float32)
        mine, theirs = native.step(actions), twins.step(actions)
        for one, other in zip(mine[:4], theirs[:4], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
        ends += int(mine[2].sum())
    assert ends > 0


def test_it_is_an_environment_of_gymnasium():
    env = gymnasium.make("swing_up:SwingUp-v0")
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    fastpg.check_env("swing_up:SwingUp-v0")


def test_parameters_have_ranges():
    assert fastpg.make_vec("SwingUp-v0", 2, gravity=1.62).get_attr("gravity") == (1.62, 1.62)
    with pytest.raises(ValueError, match="length"):
        fastpg.make_vec("SwingUp-v0", 1, length=0.0)


def test_it_is_learned_in():
    algo = fastpg.train("trpo", "swing_up:SwingUp-v0", total_timesteps=20000, seed=0, n_envs=16)
    assert np.isfinite(algo.policy.theta).all()
