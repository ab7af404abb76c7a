"""Philox against Random123, PCG64 and SeedSequence against NumPy."""

import numpy as np
import pytest

from fastpg import _core, arrays

ONES = 0xFFFFFFFF
PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0,) * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((ONES,) * 4, (ONES,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (*PI, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_known_answers(counter, key, expected):
    words = _core.philox4x32(list(counter), list(key))
    assert " ".join(f"{word:08x}" for word in words) == expected


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1, 2**32, 2**64 + 5, 10**40])
def test_pcg64_gives_the_doubles_of_numpy(seed):
    ours = _core.pcg64_uniform(arrays.seed_words(seed), 1000, -0.05, 0.05)
    assert np.array_equal(ours, np.random.default_rng(seed).uniform(-0.05, 0.05, 1000))


def test_lane_uniforms_are_uniform_and_repeatable():
    def uniforms(first_lane, lanes, step):
        return _core.LaneStream(9, _core.RandomStream.action).uniforms(lanes, step, 1, first_lane)[
            :, 0
        ]

    draw = [uniforms(0, 1000, step) for step in range(100)]
    u = np.concatenate(draw)
    assert len(np.unique(u)) > 0.9999 * len(u)
    assert abs(u.mean() - 0.5) < 4 / np.sqrt(12 * len(u))
    assert abs(u.var() - 1 / 12) < 1e-3
    assert np.array_equal(draw[7], uniforms(0, 1000, 7))
    assert np.array_equal(draw[7][100:], uniforms(100, 900, 7))


@pytest.mark.parametrize("purpose", list(_core.RandomStream))
def test_lane_uniforms_are_words_of_philox(purpose):
    """Midpoints of 2^32 intervals: none is 0 or 1. Four steps of a lane share one block."""
    seed, lane, dimension, step = 2**40 + 7, 5, 2, 2**35 + 3
    seed_key = [seed % 2**32, seed >> 32]
    key = _core.philox4x32([purpose.value, 0, 0, 0], seed_key)[:2]
    group = step >> 2
    block = _core.philox4x32([group % 2**32, group >> 32, lane, dimension], key)
    found = _core.LaneStream(seed, purpose).uniforms(1, step, dimension + 1, lane)[0, dimension]
    assert found == (block[step & 3] + 0.5) / 2**32


@pytest.mark.parametrize("purpose", list(_core.RandomStream))
def test_streams_of_seeds_and_purposes_differ(purpose):
    mine = _core.LaneStream(1, purpose).uniforms(100, 0)
    for other in _core.RandomStream:
        same_seed = _core.LaneStream(1, other).uniforms(100, 0)
        assert np.array_equal(mine, same_seed) == (other is purpose)
    assert not np.array_equal(mine, _core.LaneStream(2, purpose).uniforms(100, 0))


def test_dimensions_of_a_lane_are_distinct_and_the_first_is_the_plain_one():
    wide = _core.LaneStream(1, _core.RandomStream.action).uniforms(50, 3, 4)
    assert wide.shape == (50, 4)
    assert len(np.unique(wide)) == 200
    assert np.array_equal(
        wide[:, :1], _core.LaneStream(1, _core.RandomStream.action).uniforms(50, 3)
    )
