"""Observations of every space are flattened as in Gymnasium, and actions are converted back."""

import inspect

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten as flatten_one
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array

import fastpg
from fastpg.spaces.flat import flat_size, flatten, gather, is_single, to_action_space
from fastpg.spaces.storage import describe, restore_space

pytestmark = pytest.mark.usefixtures("short_pieces")

SPACES = {
    "box": spaces.Box(-1.0, 1.0, (3,), np.float32),
    "box_number": spaces.Box(-1.0, 1.0, (), np.float64),
    "box_matrix": spaces.Box(-np.inf, np.inf, (2, 3), np.float64),
    "box_bounds": spaces.Box(np.array([-1.5, 0.1]), np.array([np.inf, 0.7]), dtype=np.float64),
    "box_integers": spaces.Box(-5, 2**40, (4,), np.int64),
    "box_bytes": spaces.Box(0, 255, (5,), np.uint8),
    "discrete": spaces.Discrete(5),
    "discrete_start": spaces.Discrete(3, start=-4),
    "multi_discrete": spaces.MultiDiscrete([3, 1, 4]),
    "multi_discrete_matrix": spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[1, 0], [-2, 5]]),
    "multi_binary": spaces.MultiBinary(4),
    "multi_binary_matrix": spaces.MultiBinary([2, 3]),
    "tuple": spaces.Tuple((spaces.Discrete(3), spaces.Box(0, 1, (2,), np.float32))),
    "dict": spaces.Dict(
        {"z": spaces.Discrete(3, start=1), "a": spaces.Box(0, 1, (2, 2), np.float64)}
    ),
    "nested": spaces.Dict(
        {
            "a": spaces.Tuple((spaces.MultiBinary(3), spaces.Dict({"x": spaces.Discrete(2)}))),
            "b": spaces.MultiDiscrete([2, 2]),
            "c": spaces.Box(-1, 1, (3,), np.float32),
        }
    ),
}

# Gymnasium 1.2.3 and later.
HAS_DTYPE = "dtype" in inspect.signature(spaces.Discrete).parameters
if HAS_DTYPE:
    SPACES["discrete_small"] = spaces.Discrete(4, start=2, dtype=np.uint8)


class Told(gymnasium.Env):
    """Episodes of four steps that show samples of a space."""

    def __init__(self, space, action_space=None):
        self.observation_space = space
        self.action_space = spaces.Discrete(2) if action_space is None else action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        return self.observation_space.sample(), 1.0, self.steps == 4, False, {}


def batch(space, samples):
    return concatenate(space, samples, create_empty_array(space, len(samples)))


@pytest.mark.parametrize("name", SPACES)
def test_a_batch_equals_gymnasium_s_flatten_row_by_row(name):
    space = SPACES[name]
    space.seed(3)
    samples = [space.sample() for _ in range(20)]
    expected = np.stack([flatten_one(space, sample) for sample in samples]).astype(np.float32)
    flat = flatten(space, batch(space, samples))
    assert flat.dtype == np.float32
    assert flat.shape == (20, flat_size(space))
    assert np.array_equal(flat, expected)
    for sample, row in zip(samples, expected, strict=True):
        assert np.array_equal(flatten(space, sample, single=True), row[None])


@pytest.mark.parametrize("name", SPACES)
def test_one_or_several(name):
    space = SPACES[name]
    sample = space.sample()
    assert is_single(space, sample)
    for count in (1, 3):
        assert not is_single(space, batch(space, [sample] * count))


@pytest.mark.parametrize("name", SPACES)
def test_stored_spaces_are_equal(name):
    restored = restore_space(describe(SPACES[name]))
    assert restored == SPACES[name]
    assert restored.sample() is not None


ROLLOUTS = [(SyncVectorEnv, name) for name in SPACES]
ROLLOUTS += [(AsyncVectorEnv, name) for name in ("discrete_start", "nested")]


@pytest.mark.parametrize(("kind", "name"), ROLLOUTS)
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_rollouts_hold_flat_observations(kind, name, mode):
    def make():
        return Told(restore_space(describe(SPACES[name])))

    env = kind([make] * 2, autoreset_mode=mode)
    try:
        rollout = fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=10, seed=5)
    finally:
        env.close()
    seen, finals = zip(*(replay(make(), 5 + i) for i in range(2)), strict=True)
    assert np.array_equal(rollout.observations, np.stack(seen, axis=1))
    assert rollout.valid.all()
    assert rollout.episode_lengths.tolist() == [4] * 4
    for i in range(2):
        assert np.array_equal(rollout.final_observations[rollout.end_columns == i], finals[i])


def replay(env, seed):
    """Ten flat observations of one environment, and the last ones of its two episodes."""
    seen, finals = [env.reset(seed=seed)[0]], []
    while len(seen) < 10:
        observation, _, ended, _, _ = env.step(0)
        if ended:
            finals.append(observation)
            observation, _ = env.reset()
        seen.append(observation)
    space = env.observation_space
    return tuple(
        np.stack([flatten_one(space, o) for o in part]).astype(np.float32)
        for part in (seen, finals)
    )


@pytest.mark.parametrize("name", SPACES)
def test_predict_takes_the_environment_s_own_form(name, tmp_path):
    space = SPACES[name]
    env = SyncVectorEnv([lambda: Told(space)] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    algo = fastpg.NPG("linear", env, n_steps=8, seed=0).learn(48)
    observations, _ = env.reset(seed=1)
    actions, _ = algo.predict(observations, deterministic=True)
    assert actions.shape == (3,)
    loaded = fastpg.load(algo.save(tmp_path / "x.npz"))
    assert loaded.observation_space == space
    for several in (algo, loaded):
        assert np.array_equal(several.predict(observations, deterministic=True)[0], actions)
    rows = flatten(space, observations)
    expected = algo.policy.mode(algo.policy.distribution(algo.policy.features(rows)))
    assert np.array_equal(actions, expected)
    sample = space.sample()
    assert loaded.predict(sample)[0].shape == ()
    returns, lengths = fastpg.evaluate_policy(algo, env, 5, return_episode_rewards=True)
    assert lengths.tolist() == returns.tolist() == [4] * 5


def test_models_with_a_predict_of_their_own_get_the_environment_s_form():
    space = SPACES["nested"]

    class Model:
        def predict(self, observation, deterministic=False):
            assert observation["c"].shape == (2, 3)
            return np.zeros(2, dtype=np.int64), None

    env = SyncVectorEnv([lambda: Told(space)] * 2)
    assert fastpg.evaluate_policy(Model(), env, 4)[0] == 4.0


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Box(0, 255, (84, 84, 3), np.uint8), "shaped like an image.*TransformObservation"),
        (spaces.Box(0, 255, (7, 7), np.uint8), "shaped like an image"),
        (spaces.Box(0, 1, (3, 64, 64), np.float32), "shaped like an image"),
        (spaces.Dict({"camera": spaces.Box(0, 255, (8, 8, 3), np.uint8)}), "like an image"),
        (spaces.Tuple((spaces.Discrete(2), spaces.Box(0, 1, (16, 16)))), "like an image"),
        (spaces.Text(5), "expected Box, Discrete"),
        (spaces.Sequence(spaces.Discrete(2)), "expected Box, Discrete"),
        (spaces.Graph(spaces.Box(0, 1, (2,)), None), "expected Box, Discrete"),
        (spaces.OneOf((spaces.Discrete(2), spaces.Discrete(3))), "expected Box, Discrete"),
        (spaces.Dict({"a": spaces.Text(3)}), "expected Box, Discrete"),
        (spaces.Tuple(()), "at least one number"),
    ],
)
def test_spaces_that_are_refused(space, message):
    with pytest.raises(ValueError, match=message):
        flat_size(space)
    with pytest.raises(ValueError, match=message):
        fastpg.LinearSoftmax.for_env(Told(space))


def test_an_image_that_is_meant_is_flattened_by_a_wrapper():
    space = spaces.Box(0, 255, (6, 6, 3), np.uint8)
    algo = fastpg.NPG("linear", lambda: gymnasium.wrappers.FlattenObservation(Told(space)))
    assert algo.policy.observation_size == 108


@pytest.mark.parametrize(
    ("name", "observation", "error", "message"),
    [
        ("discrete", 5, ValueError, "observation: expected values of its space, got 5"),
        ("discrete_start", [-4, -1], ValueError, "expected values of its space, got -1"),
        ("discrete", 1.0, TypeError, "observation: expected integers, got dtype float64"),
        ("discrete", [[1]], ValueError, r"expected shape \(\) or \(n,\), got \(1, 1\)"),
        ("multi_discrete", [0, 1, 0], ValueError, "expected values of its space, got 1"),
        ("multi_binary", [0, 1, 2, 3], ValueError, "expected values of its space, got 2"),
        ("multi_binary", [0, 0.5, 1, 1], ValueError, "expected values of its space, got 0.5"),
        ("multi_binary_matrix", np.full((2, 2, 3), -1), ValueError, "of its space, got -1"),
        ("box", [0.0, 0.0], ValueError, r"expected shape \(3,\) or \(n, 3\), got \(2,\)"),
        ("box_matrix", np.zeros(6), ValueError, r"expected shape \(2, 3\) or \(n, 2, 3\)"),
        ("box_matrix", np.full((2, 3), 1e39), ValueError, "range of float32, got 1e\\+39"),
        ("box", [np.nan, 0.0, 0.0], ValueError, "expected finite values, got nan"),
        ("box", "left", TypeError, "expected real numbers"),
        ("dict", [0.0], TypeError, r"expected a dict with \['a', 'z'\]"),
        ("dict", {"z": 1}, TypeError, r"expected a dict with \['a', 'z'\]"),
        ("dict", {"z": 0, "a": np.zeros((2, 2))}, ValueError, r"observation\['z'\]: expected val"),
        ("tuple", (1,), TypeError, "expected a tuple of 2"),
        ("tuple", ([1, 2], np.zeros((3, 2))), ValueError, r"observations in each part, got \[2, 3"),
        (
            "dict",
            {"z": 1, "a": np.zeros((3, 2, 2))},
            ValueError,
            r"'z'\]: expected shape \(n,\), g",
        ),
        ("tuple", (1, np.zeros(3)), ValueError, r"observation\[1\]: expected shape \(2,\)"),
    ],
)
def test_observations_that_are_not_of_the_space(name, observation, error, message):
    algo = fastpg.NPG("linear", lambda: Told(SPACES[name]))
    with pytest.raises(error, match=message):
        algo.predict(observation)


ACTIONS = {
    "discrete": spaces.Discrete(3, start=5),
    "multi_discrete": spaces.MultiDiscrete([2, 3], start=[1, -1]),
    "multi_discrete_matrix": spaces.MultiDiscrete([[2, 3], [4, 2]]),
    "box": spaces.Box(-0.1, 0.2, (2, 2), np.float64),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_are_those_of_the_space(name, tmp_path):
    space = ACTIONS[name]
    algo = fastpg.NPG("linear", lambda: Told(SPACES["box"], space), n_envs=2, n_steps=20, seed=0)
    algo.learn(120)
    assert algo.num_timesteps == 120
    assert fastpg.evaluate_policy(algo, Told(SPACES["box"], space), 3)[0] == 4.0
    loaded = fastpg.load(algo.save(tmp_path / "x.npz"))
    assert loaded.action_space == space
    for model in (algo, loaded):
        assert space.contains(model.predict(np.zeros(3))[0])
        actions, _ = model.predict(np.zeros((7, 3)))
        assert actions.shape == (7, *space.shape)
        assert all(space.contains(action) for action in actions)


def test_actions_begin_at_the_start_and_keep_their_order():
    assert to_action_space(ACTIONS["discrete"], np.array([0, 2])).tolist() == [5, 7]
    two = to_action_space(ACTIONS["multi_discrete"], np.array([[0, 0], [1, 2]]))
    assert two.tolist() == [[1, -1], [2, 1]]
    box = to_action_space(ACTIONS["box"], np.array([[0.0, 0.1, -9.0, 9.0]]))
    assert box.tolist() == [[[0.0, 0.1], [-0.1, 0.2]]]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
def test_actions_for_a_box_of_all_integers_of_a_dtype(dtype):
    """The largest of 64 bits is no float64: the one below it, instead of an overflow."""
    limits = np.iinfo(dtype)
    box = spaces.Box(limits.min, limits.max, (2,), dtype)
    for clipped in (False, True):
        numbers = np.array([[1e30, -1e30]])
        if clipped:
            numbers = np.minimum(np.maximum(numbers, box.low), box.high)
        low, high = sorted(map(int, to_action_space(box, numbers, clipped=clipped)[0]))
        assert low == limits.min
        assert limits.max - limits.max // 2**52 <= high <= limits.max


def test_actions_for_a_box_of_integers_are_rounded():
    space = spaces.Box(-2, 2, (3,), np.int32)
    actions = to_action_space(space, np.array([[0.9, -0.9, 0.4], [1.6, -7.0, 9.0]]))
    assert actions.tolist() == [[1, -1, 0], [2, -2, 2]]
    assert all(space.contains(action) for action in actions)


@pytest.mark.parametrize(
    "description",
    [
        {"kind": "box", "shape": [2**30], "low": ["0"], "high": ["1"], "dtype": "<f4"},
        {"kind": "box", "shape": [2**19, 2**19], "low": ["0"], "high": ["1"], "dtype": "<f4"},
        {"kind": "box", "shape": [2], "low": ["0"] * 3, "high": ["1"], "dtype": "<f4"},
        {"kind": "box", "shape": [2], "low": ["0"], "high": ["1"], "dtype": "O"},
        {"kind": "discrete", "n": 2**40, "start": 0, "dtype": "<i8"},
        {"kind": "discrete", "n": 3, "start": 0, "dtype": "O"},
        {"kind": "multi_binary", "n": 2**40},
        {"kind": "graph"},
        {"kind": "discrete"},
        {},
    ],
)
def test_damaged_descriptions(description):
    with pytest.raises((ValueError, TypeError, KeyError)):
        restore_space(description)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("batched", [True, False])
def test_some_of_many(name, batched):
    space = SPACES[name]
    samples = [space.sample() for _ in range(5)]
    many = np.full(5, None, dtype=object)
    for i, sample in enumerate(samples):
        many[i] = sample
    if batched:
        many = batch(space, samples)
    some = gather(space, many, np.array([3, 1]))
    expected = batch(space, [samples[3], samples[1]])
    assert np.array_equal(flatten(space, some), flatten(space, expected))


def test_a_small_discrete_of_another_version(monkeypatch):
    """Without dtypes of Discrete spaces, int64 stands for all: values and flat sizes are equal."""
    stored = {"kind": "discrete", "n": 4, "start": 2, "dtype": "|u1"}
    monkeypatch.setattr("fastpg.spaces.storage._DISCRETE_TAKES_DTYPE", False)
    space = restore_space(stored)
    assert (space.n, space.start, space.dtype) == (4, 2, np.int64)
    with pytest.raises(ValueError, match="expected integers"):
        restore_space({**stored, "dtype": "<f4"})
