"""The history in files: values, types, order and size; and damaged columns."""

import json
import math

import numpy as np
import pytest

import fastpg
from fastpg.training import checkpoints
from fastpg.training.history_columns import packed, unpacked

HISTORY = [
    {"a": 1.5, "b": 1, "status": "accepted", "flag": True, "mixed": 1},
    {"b": -(2**62), "a": -0.0, "status": "refused", "flag": False, "mixed": 1.0},
    {"a": 1e308, "late": 5e-324, "status": "accepted", "huge": 2**70, "mixed": True},
    {"mixed": "1", "a": 0.1},
    {"mixed": None},
]


def roundtrip(history):
    arrays, described = packed(history)
    arrays["other"] = np.zeros(1)
    found = unpacked(arrays, json.loads(json.dumps(described)))
    assert list(arrays) == ["other"]
    return found


def exact(history):
    return [[(k, type(v), repr(v)) for k, v in record.items()] for record in history]


def test_values_types_and_order_stay():
    assert exact(roundtrip(HISTORY)) == exact(HISTORY)
    assert roundtrip([]) == []


def test_null_in_a_column_of_numbers():
    assert roundtrip([{"a": 2.0}, {"a": None}]) == [{"a": 2.0}, {"a": None}]
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="expected JSON values"):
            packed([{"a": None}, {"a": bad}])


def test_a_history_of_a_training(tmp_path):
    algo = fastpg.TRPO("linear", "CartPole-v1", n_envs=2, n_steps=16, seed=0).learn(3200)
    path = algo.save(tmp_path / "a")
    assert exact(fastpg.load(path).history) == exact(algo.history)
    numbers = sum(len(record) for record in algo.history)
    assert path.stat().st_size - algo.save(tmp_path / "b", history=False).stat().st_size < (
        9 * numbers + 20_000
    )


def test_without_the_history(tmp_path):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0).learn(4096)
    loaded = fastpg.load(algo.save(tmp_path / "a", history=False), "CartPole-v1")
    assert (loaded.history, loaded.num_timesteps) == ([], 4096)
    assert loaded.learn(2048).history[-1]["time/iterations"] == 1
    with pytest.raises(TypeError, match="history: expected"):
        algo.save(tmp_path / "a", history=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("history_records", np.array([0, 7], np.uint32)),
        ("history_records", np.array([0], np.uint32)),
        ("history_records", np.array([0.0, 0.0])),
        ("history_records", np.zeros((2, 1), np.uint32)),
        ("history_0", np.zeros(3)),
        ("history_0", np.zeros((2, 1))),
        ("history_0", np.array(["a", "b"])),
        ("history_1", np.array([0, 7], np.uint32)),
        ("kinds", [[0, 0, 1]]),
        ("kinds", [[0, 1, 2]]),
        ("kinds", [[]]),
        ("kinds", 3),
        ("keys", ["a"]),
        ("keys", [["a"], "b"]),
        ("keys", ["a", None]),
        ("keys", ["a", float("nan")]),
        ("keys", ["a", "a"]),
        ("keys", {"a": 0, "b": 1}),
        ("tables", {}),
        ("tables", {"1": [[]]}),
    ],
)
def test_damaged_columns(tmp_path, name, value):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    algo.history = [{"a": 1.0, "s": "x"}, {"a": 2.0, "s": "y"}]
    path = algo.save(tmp_path / "a")
    assert fastpg.load(path).history == algo.history
    with np.load(path) as archive:
        content = dict(archive)
    if name in content:
        content[name] = value
    else:
        meta = json.loads(content["meta"][()])
        meta["history"][name] = value
        content["meta"] = np.array(json.dumps(meta).encode())
    np.savez(path, **content)
    with pytest.raises(checkpoints.CheckpointError):
        fastpg.load(path)
