"""GAE and returns: worked by hand, against their definitions, and through identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpg
import reference


def random_window(rng, steps, lanes, end_rate=0.3):
    rewards, values, next_values = rng.normal(size=(3, steps, lanes))
    terminated = rng.random((steps, lanes)) < end_rate / 2
    ended = terminated | (rng.random((steps, lanes)) < end_rate / 2)
    return rewards, values, next_values, terminated, ended


def test_three_steps_by_hand():
    advantages, targets = fastpg.gae(
        [1.0, 2.0, 3.0], [4.0, 8.0, 16.0], [8.0, 16.0, 0.0],
        [False, False, True], [False, False, True], 0.5, 0.5,
    )  # fmt: skip
    # deltas 1, 2, -13; A_1 = 2 - 13 / 4; A_0 = 1 - 1.25 / 4
    assert advantages.tolist() == [0.6875, -1.25, -13.0]
    assert targets.tolist() == [4.6875, 6.75, 3.0]


def test_truncation_bootstraps_from_the_true_last_observation():
    final_value = 10.0
    advantages, _ = fastpg.gae(
        [1.0, 1.0, 1.0], [2.0, 3.0, 5.0], [3.0, 5.0, final_value],
        [False] * 3, [False, False, True], 0.9, 0.95,
    )  # fmt: skip
    assert advantages[2] == pytest.approx(1.0 + 0.9 * final_value - 5.0, abs=1e-15)


def test_nothing_leaks_from_the_next_episode():
    rewards = np.array([1.0, 1.0, 1e9, 1e9])
    flags = {"terminated": [False] * 4, "ended": [False, True, False, False]}
    values, next_values = np.array([1.0, 2.0, 7.0, 7.0]), np.array([2.0, 3.0, 7.0, 7.0])
    advantages, _ = fastpg.gae(rewards, values, next_values, **flags)
    rewards[2:] = 0.0
    unmoved, _ = fastpg.gae(rewards, values, next_values, **flags)
    assert np.array_equal(advantages[:2], unmoved[:2])


def test_termination_wins_over_truncation():
    both, _ = fastpg.gae([1.0], [0.0], [100.0], [True], [True])
    assert both.tolist() == [1.0]


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(("gamma", "lam"), [(0.99, 0.95), (1.0, 1.0), (0.9, 0.0), (0.0, 0.5)])
def test_against_the_definition(rng, lanes, gamma, lam):
    window = random_window(rng, 25, lanes)
    advantages, targets = fastpg.gae(*window, gamma, lam)
    expected = reference.gae_by_definition(*window, gamma, lam)
    assert np.allclose(advantages, expected, rtol=1e-12, atol=1e-12)
    assert np.array_equal(targets, advantages + window[1])


def test_returns_against_the_definition(rng):
    rewards, _, next_values, terminated, ended = random_window(rng, 25, 3)
    returns = fastpg.discounted_returns(
        rewards, ended, 0.9, terminated=terminated, next_values=next_values
    )
    expected = reference.returns_by_definition(rewards, next_values, terminated, ended, 0.9)
    assert np.allclose(returns, expected, rtol=1e-12, atol=1e-12)


@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 30),
    lanes=st.integers(1, 4),
    gamma=st.floats(0, 1),
)
@settings(max_examples=50, deadline=None)
def test_lambda_one_is_return_minus_value_and_lambda_zero_the_td_error(seed, steps, lanes, gamma):
    window = random_window(np.random.default_rng(seed), steps, lanes)
    rewards, values, next_values, terminated, ended = window
    # Inside an episode V(s_{t+1}) is the value of the next row, as in a real rollout.
    following = np.where(ended, next_values, np.vstack([values[1:], next_values[-1:]]))
    one, _ = fastpg.gae(rewards, values, following, terminated, ended, gamma, 1.0)
    returns = fastpg.discounted_returns(
        rewards, ended, gamma, terminated=terminated, next_values=following
    )
    assert np.allclose(one, returns - values, atol=1e-10)
    zero, _ = fastpg.gae(rewards, values, following, terminated, ended, gamma, 0.0)
    assert np.allclose(zero, rewards + gamma * following * ~terminated - values, atol=1e-12)


def test_whole_undiscounted_episodes_give_the_lecture_s_return_to_go(rng):
    rewards, baseline = rng.normal(size=(2, 12, 2))
    ended = np.zeros((12, 2), dtype=bool)
    ended[[4, 11, 6, 11], [0, 0, 1, 1]] = True
    next_values = rng.normal(size=(12, 2))
    following = np.where(ended, next_values, np.vstack([baseline[1:], next_values[-1:]]))
    advantages, _ = fastpg.gae(rewards, baseline, following, ended, ended, 1.0, 1.0)
    assert np.allclose(advantages, fastpg.discounted_returns(rewards, ended) - baseline)


def test_inputs_are_left_alone(rng):
    window = random_window(rng, 10, 2)
    before = [a.copy() for a in window]
    fastpg.gae(*window)
    assert all(np.array_equal(a, b) for a, b in zip(window, before, strict=True))
