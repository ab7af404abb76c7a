"""GAE and returns: against hand computation, their definitions, and identities."""

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


# Every width of the kernels' panels, sizes between them, and more than one chunk of environments.
LANES = [1, 2, 3, 7, 8, 15, 16, 31, 33, 63, 64, 65, 127, 200, 4096 + 95]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_any_number_of_lanes_gives_the_bits_of_one(rng, lanes, steps):
    window = random_window(rng, steps, lanes)
    whole = fastpg.gae(*window)
    returns = fastpg.discounted_returns(
        window[0], window[4], 0.9, terminated=window[3], next_values=window[2]
    )
    for n in {0, lanes // 2, lanes - 1}:
        lane = [np.ascontiguousarray(a[:, n]) for a in window]
        for found, expected in zip(fastpg.gae(*lane), whole, strict=True):
            assert np.array_equal(found, expected[:, n])
        alone = fastpg.discounted_returns(
            lane[0], lane[4], 0.9, terminated=lane[3], next_values=lane[2]
        )
        assert np.array_equal(alone, returns[:, n])


@pytest.mark.parametrize("shape", [(300, 500), (20, 5000), (40000, 3)])
def test_any_number_of_threads_gives_the_same_bits(rng, shape):
    window = random_window(rng, *shape)
    rewards, _, next_values, terminated, ended = window
    flags = {"terminated": terminated, "next_values": next_values}
    one = [*fastpg.gae(*window), fastpg.discounted_returns(rewards, ended, 0.9, **flags)]
    for threads in (2, 3, 8):
        many = [
            *fastpg.gae(*window, num_threads=threads),
            fastpg.discounted_returns(rewards, ended, 0.9, **flags, num_threads=threads),
        ]
        assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


def test_the_number_of_threads_is_checked(rng, monkeypatch):
    window = random_window(rng, 3, 2)
    for call in (
        lambda threads: fastpg.gae(*window, num_threads=threads),
        lambda threads: fastpg.discounted_returns(window[0], window[4], num_threads=threads),
    ):
        with pytest.raises(ValueError, match="num_threads: expected an integer in"):
            call(0)
        with pytest.raises(TypeError, match="num_threads: expected an integer"):
            call(1.5)
        monkeypatch.setenv("FASTPG_NUM_THREADS", "none")
        with pytest.raises(ValueError, match="FASTPG_NUM_THREADS"):
            call(None)
        monkeypatch.delenv("FASTPG_NUM_THREADS")


@pytest.mark.parametrize("lanes", [1, 5, 16, 70])
def test_flags_of_any_byte_are_flags(rng, lanes):
    *numbers, terminated, ended = random_window(rng, 12, lanes)
    odd = [
        np.where(flags, rng.choice([1, 2, 127, 128, 255], flags.shape), 0).astype(np.uint8)
        for flags in (terminated, ended)
    ]
    strange = [flags.view(np.bool_) for flags in odd]
    for found, expected in zip(
        fastpg.gae(*numbers, *strange), fastpg.gae(*numbers, terminated, ended), strict=True
    ):
        assert np.array_equal(found, expected)
    assert np.array_equal(
        fastpg.discounted_returns(numbers[0], strange[1], terminated=strange[0]),
        fastpg.discounted_returns(numbers[0], ended, terminated=terminated),
    )


NAMES = ["rewards", "values", "next_values", "terminated", "ended"]


@pytest.mark.parametrize("lanes", [1, 8, 40, 100, 4100])
@pytest.mark.parametrize("name", NAMES[:4])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_says_where(rng, lanes, name, threads):
    steps = 17
    window = dict(zip(NAMES, random_window(rng, steps, lanes), strict=True))
    t, n = int(rng.integers(steps)), int(rng.integers(lanes))
    if name == "terminated":
        window["terminated"][t, n], window["ended"][t, n] = True, False
        text = rf"terminated: expected a subset of ended, .* at index \({t}, {n}\)$"
    else:
        window["terminated"][t, n] = window["ended"][t, n] = True  # where next_values is unused
        window[name][t, n] = -np.inf
        text = rf"^{name}: expected finite values, got -inf at index \({t}, {n}\)$"
    with pytest.raises(ValueError, match=text):
        fastpg.gae(**window, num_threads=threads)
    if name == "values":
        return
    del window["values"]
    with pytest.raises(ValueError, match=text):
        fastpg.discounted_returns(**window, gamma=0.9, num_threads=threads)


def test_an_overflow_says_where():
    none, zeros, cut = np.zeros(3, dtype=bool), np.zeros(3), np.array([True, False, False])
    huge, step = np.array([1.0, 1.7e308, 1.7e308]), np.array([0.0, 1.7e308, 0.0])
    with pytest.raises(ValueError, match=r"advantages: expected finite .* inf at index \(1,\)"):
        fastpg.gae(huge, zeros, zeros, none, cut, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"targets: expected finite .* inf at index \(1,\)"):
        fastpg.gae(huge, step, zeros, none, cut, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"returns: expected finite .* inf at index \(1,\)"):
        fastpg.discounted_returns(huge, cut)


def test_results_of_earlier_calls_stay(rng):
    """Large results use recycled memory, but never memory that is still in use."""
    window = random_window(rng, 300, 100)
    first = fastpg.gae(*window)
    kept = [a.copy() for a in first]
    for scale in (2.0, 3.0):
        fastpg.gae(scale * window[0], *window[1:])
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))
    assert all(a.flags.writeable and a.flags.c_contiguous for a in first)
