"""Tests of CartPole only; tests/test_classic_control.py has those of all environments."""

import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

import fastpg
from lockstep import assert_lock_step, assert_same_step, pair

SEEDS = [0, 2024, 2**40]


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_sync_vector_env_bit_for_bit(seed):
    assert assert_lock_step("CartPole-v1", 16, 200, seed) > 16


@pytest.mark.slow
def test_equals_sync_vector_env_for_20_000_steps():
    assert assert_lock_step("CartPole-v1", 16, 20_000, 2024) > 0


@pytest.mark.parametrize("sutton_barto_reward", [False, True])
def test_reward_variants(sutton_barto_reward):
    assert_lock_step("CartPole-v1", 4, 100, 3, sutton_barto_reward=sutton_barto_reward)


def test_time_limits():
    assert assert_lock_step("CartPole-v1", 8, 60, 1, max_episode_steps=7) > 8


def test_long_episodes_reach_the_limit_and_truncate():
    """A balancing controller: every episode ends at 500 by truncation, in both."""
    native, gym = pair("CartPole-v1", 4)
    obs, _ = native.reset(seed=5)
    gym.reset(seed=5)
    truncations = 0
    for _ in range(1100):
        actions = (obs @ [0.1, 0.3, 1.0, 1.0] > 0).astype(np.int64)
        mine, other = native.step(actions), gym.step(actions)
        assert_same_step(mine, other)
        obs = mine[0]
        truncations += int(mine[3].sum())
        assert not mine[2].any()
    assert truncations == 8
    gym.close()


def injected(states, **options):
    """A single-environment copy for each state, ours and Gymnasium's."""
    native = fastpg.make_vec("CartPole-v1", len(states), **options).native
    native.reset([None] * len(states))
    native.set_state(np.asarray(states))
    return native


@pytest.mark.parametrize("integrator", ["euler", "semi-implicit euler"])
def test_single_steps_from_injected_states(rng, integrator):
    states = rng.uniform(-1, 1, (300, 4)) * [2.6, 3.0, 0.25, 3.0]
    actions = rng.integers(0, 2, 300)
    native = injected(states, kinematics_integrator=integrator)
    out = native.step(actions, fastpg._core.Autoreset.disabled)
    gym = CartPoleEnv()
    gym.kinematics_integrator = integrator
    for i, (state, action) in enumerate(zip(states, actions, strict=True)):
        gym.reset()
        gym.state = tuple(state)
        _, reward, terminated, *_ = gym.step(int(action))
        # The double state too, not only the observation rounded to float32.
        assert np.array_equal(native.get_state()[i], np.array(gym.state))
        assert (reward, terminated) == (out[1][i], out[2][i])


@pytest.mark.parametrize(
    ("state", "action", "fallen"),
    [
        ((2.4, 0.0, 0.0, 0.0), 0, False),  # on the edge is inside
        ((2.4, 0.01, 0.0, 0.0), 0, True),
        ((0.0, 0.0, 12 * 2 * np.pi / 360, 0.0), 0, False),
        ((0.0, 0.0, 12 * 2 * np.pi / 360, 0.01), 0, True),
        ((-2.4, -0.01, 0.0, 0.0), 1, True),
    ],
)
def test_edges(state, action, fallen):
    native = injected([state])
    out = native.step(np.array([action]), fastpg._core.Autoreset.disabled)
    assert out[2].tolist() == [fallen]


def test_a_fall_on_the_last_step_sets_both_flags():
    native = injected([(0.0, 0.0, 0.3, 0.0)], max_episode_steps=1)
    _, _, terminated, truncated, *_ = native.step(np.array([0]), fastpg._core.Autoreset.next_step)
    assert terminated.tolist() == truncated.tolist() == [True]


def test_first_step_by_hand():
    native = injected([(0.0, 0.0, 0.0, 0.0)])
    native.step(np.array([1]), fastpg._core.Autoreset.next_step)
    temp = 10.0 / 1.1
    spin = -temp / (0.5 * (4.0 / 3.0 - 0.1 / 1.1))
    expected = [0.0, 0.02 * (temp - 0.05 * spin / 1.1), 0.0, 0.02 * spin]
    assert np.allclose(native.get_state()[0], expected, atol=1e-15, rtol=0)


def test_mirror_symmetry(rng):
    """x -> -x with the other action mirrors the dynamics exactly."""
    states = rng.uniform(-0.5, 0.5, (50, 4)) * [1, 1, 0.2, 1]
    actions = rng.integers(0, 2, 50)
    one, other = injected(states), injected(-states)
    mode = fastpg._core.Autoreset.disabled
    one.step(actions, mode)
    other.step(1 - actions, mode)
    assert np.array_equal(one.get_state(), -other.get_state())


def test_vector_trig_stays_close(rng):
    states = rng.uniform(-1, 1, (1000, 4)) * [2.0, 3.0, 1e5, 3.0]
    actions = rng.integers(0, 2, 1000)
    mode = fastpg._core.Autoreset.disabled
    exact, fast = injected(states), injected(states, exact=False)
    exact.step(actions, mode)
    fast.step(actions, mode)
    assert np.allclose(exact.get_state(), fast.get_state(), rtol=1e-15, atol=5e-15)
    assert not np.array_equal(exact.get_state(), fast.get_state())
