"""Rows of rollouts in growing arrays, against rows in lists."""

import numpy as np
import pytest

from fastpg.rollouts import recorder
from fastpg.rollouts.recorder import Recorder


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 17])
def test_rows_are_those_of_a_list(monkeypatch, rng, known, count):
    monkeypatch.setattr(recorder, "_FIRST", 2)
    rows, recorded = [], Recorder(count if known else None)
    for _ in range(count):
        row = {"a": rng.normal(size=(3, 2)), "b": rng.integers(0, 9, 3)}
        recorded.put("a", row["a"])
        recorded.put("b", row["b"], dtype=np.int32)
        recorded.next_row()
        rows.append(row)
    found = recorded.arrays()
    assert recorded.count == count
    assert np.array_equal(found["a"], np.stack([row["a"] for row in rows]))
    assert np.array_equal(found["b"], np.stack([row["b"] for row in rows]))
    assert found["b"].dtype == np.int32


@pytest.mark.parametrize("first", [0, 1, 4, 7])
def test_rows_without_an_array_hold_its_default(monkeypatch, first):
    monkeypatch.setattr(recorder, "_FIRST", 2)
    recorded = Recorder()
    for k in range(10):
        recorded.put("every", np.full(2, k))
        if k >= first and k % 2:
            recorded.put("some", np.zeros(2, np.bool_), others=True)
        recorded.next_row()
    some = recorded.arrays()["some"]
    assert some.shape == (10, 2)
    assert [bool(row[0]) for row in some] == [not (k >= first and k % 2) for k in range(10)]


def test_ends_of_episodes():
    recorded = Recorder()
    assert {name: len(array) for name, array in recorded.ends(3).items()} == dict.fromkeys(
        ["end_rows", "end_columns", "final_observations", "episode_returns", "episode_lengths",
         "raw_returns"], 0,
    )  # fmt: skip
    recorded.end(4, 1, np.ones(3, np.float32), 2.5, 7, float("nan"))
    recorded.end(5, 0, np.zeros(3, np.float32), -1.0, 2, 3.0)
    ends = recorded.ends(3)
    assert ends["end_rows"].tolist() == [4, 5]
    assert ends["end_columns"].tolist() == [1, 0]
    assert ends["final_observations"].tolist() == [[1.0] * 3, [0.0] * 3]
    assert ends["episode_returns"].tolist() == [2.5, -1.0]
    assert ends["episode_lengths"].tolist() == [7, 2]
    assert ends["raw_returns"][1] == 3.0
