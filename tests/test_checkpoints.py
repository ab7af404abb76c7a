"""save and load: everything is restored, and damaged files are refused."""

import functools
import json
import math
import pickle

import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.policies.feature_choice import restore_features
from fastpg.policies.features import RandomFourier
from fastpg.spaces.storage import restore_space
from fastpg.training import checkpoints

NAMES = list(ALGORITHMS)


@functools.cache
def trained(name):
    return fastpg.train(name, "CartPole-v1", total_timesteps=6000, seed=3, gamma=0.97, tuned=False)


@pytest.fixture(params=NAMES)
def saved(request, tmp_path):
    algo = trained(request.param)
    return algo, algo.save(tmp_path / "algo.npz")


def test_everything_comes_back(saved):
    algo, path = saved
    loaded = fastpg.load(path)
    assert type(loaded) is type(algo)
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)
    assert np.array_equal(loaded.baseline.weights, algo.baseline.weights)
    assert loaded.options == algo.options
    assert loaded.history == algo.history
    assert (loaded.seed, loaded.num_timesteps) == (algo.seed, algo.num_timesteps)
    obs = np.random.default_rng(0).normal(size=(50, 4))
    assert np.array_equal(algo.predict(obs)[0], loaded.predict(obs)[0])


def test_predict_works_without_an_environment_and_learn_says_what_is_missing(saved):
    loaded = fastpg.load(saved[1])
    loaded.predict(np.zeros(4))
    with pytest.raises(RuntimeError, match="env"):
        loaded.learn(1000)
    loaded.use_env("CartPole-v1")
    loaded.learn(3000)


def test_load_with_an_environment_goes_on(saved):
    loaded = fastpg.load(saved[1], env="CartPole-v1")
    before = loaded.policy.theta.copy()
    loaded.learn(5000, reset_num_timesteps=False)
    assert loaded.num_timesteps > saved[0].num_timesteps
    assert not np.array_equal(loaded.policy.theta, before)


def test_suffix_is_added(tmp_path):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    path = algo.save(tmp_path / "name")
    assert path.name == "name.npz"
    assert np.array_equal(fastpg.load(tmp_path / "name").policy.theta, algo.policy.theta)


def test_a_failed_save_keeps_the_old_file(saved, monkeypatch):
    algo, path = saved
    before = path.read_bytes()
    monkeypatch.setattr(algo, "history", [*algo.history, {"bad": float("nan")}])
    with pytest.raises(ValueError, match="JSON"):
        algo.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["algo.npz"]


@pytest.mark.parametrize("keep", [0, 10, 200, -1, -30])
def test_truncated(saved, keep):
    _, path = saved
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(fastpg.CheckpointError, match="expected a fastpg checkpoint"):
        fastpg.load(path)


def rewritten(path, change=None, drop=(), **replaced):
    stored, meta = checkpoints.read(path)
    format_ = meta.pop("format")
    stored = {k: v for k, v in (stored | replaced).items() if k not in drop}
    meta = {k: v for k, v in (meta | (change or {})).items() if k not in drop}
    text = json.dumps({"format": format_, **meta})
    with path.open("wb") as file:
        np.savez(file, meta=np.array(text), **stored)


@pytest.mark.parametrize("found", [999, True, 1.0, None])
def test_another_version(saved, found):
    _, path = saved
    rewritten(path, change={"format": found})
    with pytest.raises(fastpg.CheckpointError, match=f"expected checkpoint format 1, got {found}"):
        fastpg.load(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"drop": ("theta",)},
        {"drop": ("algorithm",)},
        {"drop": ("options",)},
        {"drop": ("seed",)},
        {"drop": ("baseline_mean",)},
        {"theta": np.full((5, 2), np.nan)},
        {"theta": np.zeros((4, 2))},
        {"theta": np.array(["a"])},
        {"change": {"algorithm": "sarsa"}},
        {"change": {"options": {"gama": 1.0}}},
        {"change": {"options": 3}},
        {"change": {"seed": -1}},
        {"change": {"history": 3}},
        {"change": {"num_timesteps": "many"}},
        {"change": {"policy": None}},
        {"change": {"env_id": [1]}},
        {"change": {"env_id": "module:CartPole-v1"}},
        {"change": {"first_step": -1}},
        {"change": {"predictions": 1.5}},
        {"change": {"num_timesteps": float("inf")}},
        {"change": {"recent_returns": [], "recent_lengths": [3]}},
        {"change": {"recent_returns": [3.0], "recent_lengths": []}},
        {"change": {"recent_returns": [float("nan")], "recent_lengths": [3]}},
        {"change": {"recent_returns": [3.0], "recent_lengths": [2**62 + 1]}},
        {"change": {"longest": 2**62 + 1}},
        {"change": {"first_step": 2**62 + 1}},
        {"change": {"first_step": True}},
        {"change": {"num_timesteps": 2**62 + 1}},
        {"change": {"predictions": 2**62 + 1}},
        {"change": {"seed": None}},
        {"change": {"history": {}}},
        {"change": {"history": [[["a", 1]]]}},
        {"change": {"history": [{"train/kl": float("nan")}]}},
        {"change": {"history": [{"train/kl": float("inf")}]}},
        {"change": {"history": [{"train/kl": [0.1]}]}},
        {"theta": np.zeros((5, 2), bool)},
    ],
    ids=str,
)
def test_incomplete_or_nonsense(saved, damage):
    _, path = saved
    rewritten(path, **damage)
    with pytest.raises(fastpg.CheckpointError, match=r"algo\.npz"):
        fastpg.load(path)


def test_the_largest_counts_and_every_kind_of_record_come_back(saved):
    _, path = saved
    record = {"train/status": "ok", "a": True, "b": None, "c": 3, "rollout/ep_rew_mean": np.nan}
    rewritten(path, change={"first_step": 2**62, "predictions": 2**62, "history": [record]})
    loaded = fastpg.load(path)
    assert loaded._first_step == 2**62
    assert math.isnan(loaded.history[0].pop("rollout/ep_rew_mean"))
    assert loaded.history == [{"train/status": "ok", "a": True, "b": None, "c": 3}]
    loaded.predict(np.zeros(4))
    loaded.use_env("CartPole-v1")
    loaded.learn(3000)


def saved_ppo(tmp_path):
    env = fastpg.make_vec("Pendulum-v1", 2)
    policy = fastpg.LinearGaussian.for_env(
        env, features=RandomFourier(3, 4), normalize_observations=True
    )
    algo = fastpg.PPO(policy, env, seed=0, objective="kl_penalty", n_steps=32)
    return algo.learn(256), algo.save(tmp_path / "algo.npz")


@pytest.mark.parametrize("kl_coef", [-1, float("nan"), float("inf"), 1e101, True, None, "1"])
def test_a_kl_coef_that_no_option_could_be(tmp_path, kl_coef):
    _, path = saved_ppo(tmp_path)
    rewritten(path, change={"kl_coef": kl_coef})
    with pytest.raises(fastpg.CheckpointError, match="kl_coef"):
        fastpg.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("adam_mean", np.full(12, np.nan)),
        ("adam_square", -np.ones(6)),
        ("normalizer", -np.ones((2, 3))),
        ("normalizer", np.full((2, 3), np.inf)),
        ("baseline_weight", np.array(np.nan)),
        ("baseline_weight", np.array("3")),
        ("baseline_weight", np.array(True)),
        ("baseline_weight", np.array([3.0])),
        ("baseline_weight", np.array(-3.0)),
        ("theta", np.array([0.0] * 5 + [2.5])),
        ("low", np.array([np.nan])),
        ("low", np.array(["-2"])),
        ("high", np.array([True])),
    ],
)
def test_arrays_of_a_wrong_kind_or_range(tmp_path, name, value):
    algo, path = saved_ppo(tmp_path)
    assert algo.policy.shape == (6,)
    rewritten(path, **{name: value})
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_std_init", float("nan")),
        ("log_std_init", True),
        ("action_size", 1.0),
        ("observation_size", True),
        ("normalizer_count", -1),
        ("normalizer_count", 2**62 + 1),
        ("normalizer_count", True),
    ],
)
def test_numbers_of_a_policy(tmp_path, name, value):
    _, path = saved_ppo(tmp_path)
    rewritten(path, change={"policy": checkpoints.read(path)[1]["policy"] | {name: value}})
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": None},
        {"seed": True},
        {"nu": float("nan")},
        {"nu": -1.0},
        {"time": 0},
        {"time": None},
    ],
    ids=str,
)
def test_numbers_of_a_feature_map(tmp_path, change):
    _, path = saved_ppo(tmp_path)
    policy = checkpoints.read(path)[1]["policy"]
    rewritten(path, change={"policy": policy | {"features": policy["features"] | change}})
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path)


@pytest.mark.parametrize("name", ["n_features", "nu", "seed", "time"])
def test_an_argument_left_out_of_a_feature_map_is_no_default(name):
    state = RandomFourier(3, nu=1.0).state()
    del state[name]
    with pytest.raises(ValueError, match="features: expected the state of a map"):
        restore_features(state)


@pytest.mark.parametrize("asked", [6.0, -30.0])
def test_a_log_std_init_that_an_older_file_holds_is_the_bound_that_was_used(tmp_path, asked):
    _, path = saved_ppo(tmp_path)
    policy = checkpoints.read(path)[1]["policy"] | {"log_std_init": asked}
    rewritten(path, change={"policy": policy})
    assert fastpg.load(path).policy.log_std_init == max(-10.0, min(asked, 2.0))


@pytest.mark.parametrize(
    "space",
    [
        {"kind": "discrete", "n": 2, "start": 0.5, "dtype": "<i8"},
        {"kind": "discrete", "n": 2, "start": "0", "dtype": "<i8"},
        {"kind": "discrete", "n": 2, "start": True, "dtype": "<i8"},
        {"kind": "discrete", "n": 2, "start": 2**63, "dtype": "<i8"},
        {"kind": "discrete", "n": 2, "start": 0, "dtype": None},
        {"kind": "multi_discrete", "nvec": [2, 2.5], "start": [0, 0], "dtype": "<i8"},
        {"kind": "multi_discrete", "nvec": [2, True], "start": [0, 0], "dtype": "<i8"},
        {"kind": "multi_discrete", "nvec": [2, 2], "start": [0, "0"], "dtype": "<i8"},
        {"kind": "multi_discrete", "nvec": [2, 300], "start": [0, 0], "dtype": "|i1"},
        {"kind": "multi_binary", "n": True},
        {"kind": "box", "shape": [2], "low": [0], "high": ["1"], "dtype": "<f4"},
        {"kind": "box", "shape": [2], "low": ["nan"], "high": ["1"], "dtype": "<f4"},
        {"kind": "box", "shape": [2], "low": ["0"], "high": [True], "dtype": "<i4"},
        {"kind": "box", "shape": [2.0], "low": ["0"], "high": ["1"], "dtype": "<f4"},
        {"kind": "dict", "parts": [[float("nan"), {"kind": "multi_binary", "n": 2}]]},
        {"kind": "dict", "parts": [[None, {"kind": "multi_binary", "n": 2}]]},
    ],
    ids=str,
)
def test_numbers_of_a_space(space):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        restore_space(space)


def test_foreign_files(tmp_path):
    path = tmp_path / "x.npz"
    for content in (b"hello", pickle.dumps({"theta": 1})):
        path.write_bytes(content)
        with pytest.raises(fastpg.CheckpointError):
            fastpg.load(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path)


def test_nothing_pickled_is_ever_run(tmp_path):
    path = tmp_path / "x.npz"

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    np.savez(path, meta=np.array([Bomb()], dtype=object))
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path)
    assert not (tmp_path / "ran").exists()


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        fastpg.load(tmp_path / "nothing.npz")


def test_spaces_that_do_not_match(tmp_path):
    path = fastpg.NPG("linear", "MountainCar-v0", seed=0).save(tmp_path / "x.npz")
    assert fastpg.load(path).policy.shape == (3, 3)
    with pytest.raises(ValueError, match=r"observation space .*shape \(4,\) for \(2,\)"):
        fastpg.load(path, env="CartPole-v1")


def test_resumed_learning_does_not_replay_the_start(tmp_path):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0).learn(4096)
    starts = [algo.env.native.get_state().copy()]
    for _ in range(2):
        resumed = fastpg.load(algo.save(tmp_path / "x"), env="CartPole-v1")
        resumed._ready_collector()
        starts.append(resumed.env.native.get_state().copy())
    fresh = fastpg.make_vec("CartPole-v1", 8)
    fresh.reset(seed=0)
    assert np.array_equal(starts[1], starts[2])
    assert not np.array_equal(starts[1], fresh.native.get_state())


def test_a_folder_of_the_same_name(tmp_path):
    (tmp_path / "run").mkdir()
    fastpg.NPG("linear", "CartPole-v1", seed=0).save(tmp_path / "run")
    assert fastpg.load(tmp_path / "run").name == "npg"


@pytest.mark.parametrize("position", range(0, 2000, 97))
def test_a_flipped_bit_is_an_error_or_no_change(saved, position):
    algo, path = saved
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1 << (position % 8)
    path.write_bytes(bytes(content))
    try:
        loaded = fastpg.load(path)
    except fastpg.CheckpointError:
        return
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)


def test_moments_that_no_data_can_have(saved):
    algo, path = saved
    size = len(algo.baseline.weights)
    rewritten(path, baseline_comoment=np.ones((size, size)) - 1e3 * (1 - np.eye(size)))
    with pytest.raises(fastpg.CheckpointError, match="positive semi-definite"):
        fastpg.load(path)


def nested(depth):
    space = {"kind": "discrete", "n": 2, "start": 0, "dtype": "<i8"}
    for _ in range(depth):
        space = {"kind": "tuple", "parts": [space]}
    return space


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("observation_space", nested(0)),
        ("action_space", nested(1)),
        ("action_space", nested(0) | {"n": 3}),
        ("action_space", nested(0) | {"n": -1}),
        ("observation_space", nested(400)),
        ("observation_space", None),
        ("observation_space", {}),
    ],
)
def test_spaces_in_the_file_that_are_not_the_policy_s(tmp_path, name, space):
    path = fastpg.NPG("linear", "CartPole-v1", seed=0).save(tmp_path / "x.npz")
    rewritten(path)
    assert fastpg.load(path).policy.shape == (5, 2)
    rewritten(path, change={name: space})
    with pytest.raises(fastpg.CheckpointError, match="expected a complete checkpoint"):
        fastpg.load(path)
