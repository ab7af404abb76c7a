"""Tuples and Dicts, flattened and copied part by part: as Gymnasium does, and with its errors."""

import copy
import pickle

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten as flatten_one
from gymnasium.vector.utils import concatenate, create_empty_array

from fastpg.rollouts import contract
from fastpg.rollouts.row_writer import RowWriter
from fastpg.spaces.flat import flatten
from fastpg.spaces.flat_parts import Flattener

BOX = spaces.Box(-1.0, 1.0, (2,), np.float32)
SPACES = {
    "blackjack": spaces.Tuple((spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2))),
    "starts": spaces.Dict({"b": spaces.Discrete(3, start=-2), "a": spaces.Discrete(4, start=7)}),
    "numbers": spaces.Tuple((BOX, spaces.Box(-9.0, 9.0, (), np.float64))),
    "integers": spaces.Tuple((spaces.Box(0, 255, (3,), np.uint8), spaces.Discrete(2))),
    "large integers": spaces.Tuple((spaces.Box(0, 2**60, (3,), np.int64), spaces.Discrete(2))),
    "mixed": spaces.Dict({"x": BOX, "k": spaces.Discrete(5), "m": spaces.MultiDiscrete([2, 3])}),
    "nested": spaces.Dict(
        {
            "a": spaces.Tuple((spaces.Discrete(3), spaces.Dict({"x": spaces.Discrete(2)}))),
            "c": spaces.Box(-1, 1, (3, 2), np.float64),
        }
    ),
    "no parts": BOX,
    "discrete": spaces.Discrete(4, start=1),
    "a large discrete": spaces.Discrete(2000),
}


def batch_of(space, count):
    space.seed(5)
    samples = [space.sample() for _ in range(count)]
    return samples, concatenate(space, samples, create_empty_array(space, count))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("count", [1, 2, 17, 100])
def test_it_equals_gymnasium_s_flatten(name, count):
    space = SPACES[name]
    samples, batch = batch_of(space, count)
    flat = Flattener(space)(batch)
    expected = np.stack([flatten_one(space, one) for one in samples]).astype(np.float32)
    assert flat.dtype == np.float32
    assert np.array_equal(flat, expected)
    assert np.array_equal(flat, flatten(space, batch))


def test_worked_by_hand():
    space = spaces.Tuple((spaces.Discrete(2, start=5), BOX, spaces.Discrete(3)))
    given = (np.array([6, 5]), np.array([[0.5, -1.0], [0.0, 1.0]], np.float32), np.array([0, 2]))
    expected = [[0, 1, 0.5, -1.0, 1, 0, 0], [1, 0, 0.0, 1.0, 0, 0, 1]]
    assert Flattener(space)(given).tolist() == expected


WRONG = {
    "outside": (np.array([32, 0]), np.array([0, 0]), np.array([0, 0])),
    "negative": (np.array([0, -1]), np.array([0, 0]), np.array([0, 0])),
    "floats": (np.array([1.0, 0.0]), np.array([0, 0]), np.array([0, 0])),
    "a part less": (np.array([1, 0]), np.array([0, 0])),
    "a shape": (np.array([[1, 0]]), np.array([0, 0]), np.array([0, 0])),
    "no tuple": np.array([[1, 0, 0]]),
    "no arrays": (None, None, None),
    "none": (np.zeros(0, np.int64),) * 3,
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_those_of_flatten(name):
    space = SPACES["blackjack"]
    with pytest.raises((ValueError, TypeError)) as expected:
        flatten(space, WRONG[name])
    with pytest.raises(expected.type) as found:
        Flattener(space)(WRONG[name])
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("bad", [0, 5, -1, 2**62])
def test_a_number_outside_a_discrete(bad):
    space = SPACES["discrete"]
    given = np.array([4, bad, 1])
    with pytest.raises(ValueError, match=f"expected values of its space, got {bad}"):
        Flattener(space)(given)
    assert Flattener(space)(given[::2]).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]


def test_numbers_that_are_not_finite_or_out_of_range():
    space = SPACES["numbers"]
    for bad, text in ((np.nan, "finite"), (1e300, "range of float32")):
        given = (np.zeros((2, 2), np.float32), np.array([0.0, bad]))
        with pytest.raises(ValueError, match=text):
            Flattener(space)(given)


@pytest.mark.parametrize("name", SPACES)
def test_rows_are_written_as_by_the_slow_way(name):
    space = SPACES[name]
    samples, expected = batch_of(space, 9)
    room = create_empty_array(space, 9)
    writer = pickle.loads(pickle.dumps(copy.deepcopy(RowWriter(space))))
    flat_parts = isinstance(space, spaces.Tuple | spaces.Dict) and name != "nested"
    plain = [dict(s.items()) if isinstance(s, dict) else s for s in samples]
    for i, sample in enumerate(plain):
        written = writer(room, i, sample)
        if not written:
            contract.write_row(space, room, i, sample, "observation")
        assert written == flat_parts
    assert np.array_equal(flatten(space, room), flatten(space, expected))


@pytest.mark.parametrize(
    "observation",
    [(1, 2), [1, 2, 0], (1, 2, 0.0), (1, 2, True), (1, 2, None), {0: 1, 1: 2, 2: 0}, (1, 2, 0, 0)],
    ids=str,
)
def test_other_types_are_left_to_the_slow_way(observation):
    space = SPACES["blackjack"]
    assert not RowWriter(space)(create_empty_array(space, 2), 0, observation)


def test_a_missing_key_is_left_to_the_slow_way():
    space = SPACES["starts"]
    room = create_empty_array(space, 2)
    assert RowWriter(space)(room, 0, {"a": 8, "b": 0})
    assert not RowWriter(space)(room, 0, {"a": 8, "c": 0})
    array = {"x": np.zeros(2, np.float64), "k": 1, "m": np.array([0, 1])}
    mixed = SPACES["mixed"]
    assert not RowWriter(mixed)(create_empty_array(mixed, 2), 0, array)
