"""NativeVectorEnv as a Gymnasium vector environment."""

from enum import Enum

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import fastpg
from fastpg import _core


def test_spaces_and_attributes_are_gymnasium_s():
    env = fastpg.make_vec("CartPole-v1", 3)
    gym = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 3)
    assert isinstance(env, VectorEnv)
    assert env.num_envs == 3
    assert env.single_observation_space == gym.single_observation_space
    assert env.observation_space == gym.observation_space
    assert env.single_action_space == gym.single_action_space
    assert env.action_space == gym.action_space
    gym.close()


def test_two_modes_coexist():
    one = fastpg.make_vec("CartPole-v1", autoreset_mode="SameStep")
    two = fastpg.make_vec("CartPole-v1", autoreset_mode=AutoresetMode.DISABLED)
    assert one.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert two.metadata["autoreset_mode"] is AutoresetMode.DISABLED


def test_seeds_are_distinct_and_repeatable():
    env = fastpg.make_vec("CartPole-v1", 5)
    first = env.reset(seed=3)[0]
    assert len(np.unique(first, axis=0)) == 5
    going_on = env.reset()[0]
    assert not np.array_equal(first, going_on)
    assert np.array_equal(env.reset(seed=3)[0], first)
    assert np.array_equal(env.reset()[0], going_on)
    assert np.array_equal(env.reset(seed=[3, 4, 5, 6, 7])[0], first)


def test_a_seed_for_one_environment_leaves_the_others_streams():
    env, other = fastpg.make_vec("CartPole-v1", 2), fastpg.make_vec("CartPole-v1", 2)
    env.reset(seed=1)
    other.reset(seed=1)
    mixed, plain = env.reset(seed=[9, None])[0], other.reset()[0]
    assert np.array_equal(mixed[1], plain[1])
    assert not np.array_equal(mixed[0], plain[0])


def test_unseeded_environments_differ():
    resets = [fastpg.make_vec("CartPole-v1", 2).reset()[0] for _ in range(2)]
    assert not np.array_equal(*resets)


def test_reset_bounds():
    env = fastpg.make_vec("CartPole-v1", 100)
    wide = env.reset(seed=0, options={"low": -0.2, "high": 0.2})[0]
    assert 0.15 < np.abs(wide).max() <= 0.2


def test_masked_reset_touches_only_the_mask():
    env = fastpg.make_vec("CartPole-v1", 3, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    before = env.step(np.zeros(3, dtype=int))[0]
    after, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert np.array_equal(before[[0, 2]], after[[0, 2]])
    assert not np.array_equal(before[1], after[1])


def test_disabled_mode_refuses_to_step_past_an_end():
    env = fastpg.make_vec(
        "CartPole-v1", 2, autoreset_mode=AutoresetMode.DISABLED, max_episode_steps=1
    )
    env.reset(seed=0)
    truncated = env.step(np.zeros(2, dtype=int))[3]
    assert truncated.all()
    with pytest.raises(RuntimeError, match="reset_mask"):
        env.step(np.zeros(2, dtype=int))
    env.reset(options={"reset_mask": truncated})
    env.step(np.zeros(2, dtype=int))


@pytest.mark.parametrize("copy", [True, False])
def test_outputs_alias_the_buffer_only_without_copy(copy):
    env = fastpg.make_vec("CartPole-v1", 2, copy=copy)
    env.reset(seed=0)
    first = env.step(np.zeros(2, dtype=int))
    kept = [array.copy() for array in first[:4]]
    second = env.step(np.ones(2, dtype=int))
    assert (first[0] is second[0]) is (not copy)
    assert np.array_equal(first[0], kept[0]) is copy


def test_writing_into_outputs_does_not_change_the_environment():
    one, two = (fastpg.make_vec("CartPole-v1", 2, copy=False) for _ in range(2))
    one.reset(seed=0)
    two.reset(seed=0)
    one.step(np.zeros(2, dtype=int))[0][:] = 99.0
    two.step(np.zeros(2, dtype=int))
    assert np.array_equal(one.step(np.ones(2, dtype=int))[0], two.step(np.ones(2, dtype=int))[0])


def test_no_time_limit():
    env = fastpg.make_vec("CartPole-v1", 1, max_episode_steps=-1)
    obs, _ = env.reset(seed=0)
    for _ in range(1500):
        obs, _, terminated, truncated, _ = env.step(
            (obs @ [0.1, 0.3, 1.0, 1.0] > 0).astype(np.int64)
        )
        assert not truncated.any()
        assert not terminated.any()


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.int16, ">i8"])
def test_any_integer_dtype_of_actions(dtype):
    env = fastpg.make_vec("CartPole-v1", 2)
    env.reset(seed=0)
    env.step(np.array([0, 1], dtype=dtype))


def test_gymnasium_wrappers_apply():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        fastpg.make_vec("CartPole-v1", 4, max_episode_steps=10)
    )
    obs, _ = env.reset(seed=0)
    seen = []
    for _ in range(50):
        obs, _, terminated, truncated, info = env.step(
            (obs @ [0.1, 0.3, 1.0, 1.0] > 0).astype(np.int64)
        )
        ended = terminated | truncated
        if ended.any():
            seen += info["episode"]["l"][ended].tolist()
    assert seen
    assert set(seen) == {10}


def test_threads_cannot_share_an_environment():
    """The second thread gets an error, or its turn: never a torn state."""
    import threading

    env = fastpg.make_vec("CartPole-v1", 20_000)
    env.reset(seed=0)
    errors = []

    def work():
        for _ in range(30):
            try:
                env.step(np.zeros(20_000, dtype=np.int64))
            except RuntimeError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("in use by another thread" in text for text in errors)
    assert np.isfinite(env.step(np.zeros(20_000, dtype=np.int64))[0]).all()


def test_environments_without_a_seed_of_their_own_get_fresh_entropy():
    for seeds in ([None, None, None], [5, None, None]):
        one, two = (fastpg.make_vec("CartPole-v1", 3).reset(seed=seeds)[0] for _ in range(2))
        assert len(np.unique(one, axis=0)) == 3
        assert not np.array_equal(one[1:], two[1:])


def test_masked_seeded_resets_seed_the_streams():
    def continued():
        env = fastpg.make_vec("CartPole-v1", 2)
        for mask in ([True, False], [False, True]):
            env.reset(seed=5, options={"reset_mask": np.array(mask)})
        return env.reset()[0]

    assert np.array_equal(continued(), continued())


def test_arrays_that_are_reused_cannot_be_resized():
    env = fastpg.make_vec("CartPole-v1", 2, copy=False)
    env.reset(seed=0)
    obs = env.step(np.zeros(2, dtype=int))[0]
    with pytest.raises(ValueError, match="resize"):
        obs.resize((1,), refcheck=False)
    env.step(np.zeros(2, dtype=int))


CLASSES = [
    kind
    for kind in vars(_core).values()
    if isinstance(kind, type) and not issubclass(kind, Exception)
]


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if not issubclass(kind, Enum)])
def test_no_object_without_a_value(kind):
    with pytest.raises(TypeError):
        kind.__new__(kind)


def test_double_state_after_many_steps():
    """p * (w * w) * sin, as Gymnasium writes it: the double state is equal after 500 steps."""
    gym = gymnasium.make("CartPole-v1").unwrapped
    gym.reset(seed=0)
    env = fastpg.make_vec("CartPole-v1", 1)
    obs, _ = env.reset(seed=0)
    for _ in range(500):
        action = int(obs[0] @ [0.1, 0.3, 1.0, 1.0] > 0)
        gym.step(action)
        obs = env.step(np.array([action]))[0]
    assert np.array_equal(env.native.get_state()[0], np.array(gym.state))
