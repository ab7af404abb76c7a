"""Rollouts against Gymnasium stepped one by one, and their segments."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import fastpg
from fastpg import _core
from fastpg.rollouts.collect import make_collector
from fastpg.values.base import Baseline

# Balances often, not always: rollouts with terminations and truncations.
THETA = np.array([[0.0, 0.9], [0.0, 1.5], [0.0, 9.0], [0.0, 6.0], [0.0, 0.3]])


def policy():
    return fastpg.LinearSoftmax(4, 2, THETA)


def test_steps_equal_gymnasium_bit_for_bit():
    env = fastpg.make_vec("CartPole-v1", 8)
    rollout = fastpg.collect(env, policy(), n_steps=1500, seed=4)
    assert rollout.terminated.any()
    assert rollout.truncated.any()
    gym = SyncVectorEnv(
        [lambda: gymnasium.make("CartPole-v1")] * 8, autoreset_mode=AutoresetMode.SAME_STEP
    )
    obs, _ = gym.reset(seed=4)
    finals = []
    for t, actions in enumerate(rollout.actions):
        assert np.array_equal(rollout.observations[t], obs)
        obs, rewards, terminated, truncated, info = gym.step(actions.astype(np.int64))
        finals += [o for o in info.get("final_obs", ()) if o is not None]
        assert np.array_equal(rollout.rewards[t], rewards)
        assert np.array_equal(rollout.terminated[t], terminated)
        assert np.array_equal(rollout.truncated[t], truncated)
    gym.close()
    assert np.array_equal(rollout.last_observations, obs)
    assert np.array_equal(rollout.final_observations, np.array(finals))
    assert rollout.valid.all()


def test_actions_are_drawn_from_the_documented_stream():
    env = fastpg.make_vec("CartPole-v1", 3)
    rollout = fastpg.collect(env, policy(), n_steps=40, seed=11)
    for t in range(40):
        u = _core.LaneStream(11, _core.RandomStream.action).uniforms(3, t)
        phi = policy().features(rollout.observations[t])
        assert np.array_equal(rollout.actions[t], policy().sample(policy().log_probs(phi), u))


def test_step_index_is_the_step_in_the_episode():
    env = fastpg.make_vec("CartPole-v1", 4)
    rollout = fastpg.collect(env, policy(), n_steps=700, seed=0)
    expected = np.zeros(4, dtype=int)
    for t in range(700):
        assert np.array_equal(rollout.step_index[t], expected)
        expected = np.where(rollout.ended[t], 0, expected + 1)
    assert np.array_equal(rollout.last_step_index, expected)


@pytest.mark.parametrize("elapsed", [2, 3, 7])
def test_a_state_beyond_the_time_limit_is_cut_in_its_next_step(elapsed):
    longer = fastpg.make_vec("CartPole-v1", 4)
    longer.reset(seed=0)
    for t in range(elapsed):
        longer.step(np.full(4, t % 2))
    stepped, collected = (fastpg.make_vec("CartPole-v1", 4, max_episode_steps=3) for _ in range(2))
    for env in (stepped, collected):
        env.set_state(longer.get_state())
    rollout = make_collector(collected, policy(), 0).steps(4)
    assert rollout.truncated.tolist() == [[True] * 4, [False] * 4, [False] * 4, [True] * 4]
    assert rollout.step_index[:, 0].tolist() == [elapsed, 0, 1, 2]
    assert stepped.step(rollout.actions[0])[3].all()


def test_cutting_a_rollout_changes_nothing():
    whole_env, cut_env = (fastpg.make_vec("CartPole-v1", 5) for _ in range(2))
    whole_env.reset(seed=2)
    cut_env.reset(seed=2)
    whole = make_collector(whole_env, policy(), 2).steps(300)
    cutter = make_collector(cut_env, policy(), 2)
    parts = [cutter.steps(n) for n in (1, 2, 100, 197)]
    for name in ("observations", "actions", "rewards", "terminated", "truncated", "step_index"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(whole, name), joined)
    assert np.array_equal(whole.last_observations, parts[-1].last_observations)
    lengths = np.concatenate([part.episode_lengths for part in parts])
    assert np.array_equal(whole.episode_lengths, lengths)


def test_lanes_do_not_depend_on_how_many_there_are():
    few = fastpg.collect(fastpg.make_vec("CartPole-v1", 3), policy(), n_steps=200, seed=8)
    many = fastpg.collect(fastpg.make_vec("CartPole-v1", 70), policy(), n_steps=200, seed=8)
    assert np.array_equal(few.observations, many.observations[:, :3])
    assert np.array_equal(few.actions, many.actions[:, :3])


@pytest.mark.parametrize("num_envs", [1, 3, 8, 20])
def test_whole_episodes(num_envs):
    env = fastpg.make_vec("CartPole-v1", num_envs)
    rollout = fastpg.collect(env, policy(), n_episodes=8, seed=1)
    assert rollout.complete
    assert sorted(rollout.end_columns.tolist()) == list(range(8))
    for column in range(8):
        k = rollout.end_columns.tolist().index(column)
        length = rollout.episode_lengths[k]
        assert rollout.valid[:, column].tolist() == [True] * length + [False] * (
            len(rollout.valid) - length
        )
        assert rollout.ended[:, column].tolist() == [False] * (length - 1) + [True] + [False] * (
            len(rollout.valid) - length
        )
        assert rollout.rewards[:, column].sum() == rollout.episode_returns[k] == length
        assert rollout.step_index[:length, column].tolist() == list(range(length))
        assert (rollout.observations[length:, column] == 0.0).all()
    assert rollout.sample_count == rollout.episode_lengths.sum() == rollout.valid.sum()


def test_episode_columns_are_gymnasium_episodes():
    """Environment i plays episodes i, i + N, …, continuing its own stream."""
    rollout = fastpg.collect(fastpg.make_vec("CartPole-v1", 2), policy(), n_episodes=6, seed=3)
    order = np.argsort(rollout.end_columns)
    for lane in range(2):
        gym = gymnasium.make("CartPole-v1")
        obs, _ = gym.reset(seed=3 + lane)
        for column in range(lane, 6, 2):
            for t in range(rollout.episode_lengths[order[column]]):
                assert np.array_equal(obs, rollout.observations[t, column])
                obs, *flags, _ = gym.step(int(rollout.actions[t, column]))
            assert flags[1:] == [rollout.terminated[t, column], rollout.truncated[t, column]]
            assert np.array_equal(obs, rollout.final_observations[order[column]])
            obs, _ = gym.reset()


def test_number_of_environments_does_not_bias_episode_lengths():
    """Long and short episodes count equally, for any number of environments."""
    means = []
    for num_envs in (1, 50, 400):
        env = fastpg.make_vec("CartPole-v1", num_envs)
        lengths = fastpg.collect(env, fastpg.LinearSoftmax(4, 2), n_episodes=400, seed=0)
        means.append((lengths.episode_lengths.mean(), lengths.episode_lengths.std() / 20))
    for mean, error in means:
        assert abs(mean - means[0][0]) < 4 * np.hypot(error, means[0][1])


def test_budget_cuts_and_says_so():
    env = fastpg.make_vec("CartPole-v1", 4)
    env.reset(seed=0)
    rollout = make_collector(env, policy(), 0).episodes(8, max_samples=100)
    assert not rollout.complete
    assert 96 < rollout.sample_count <= 100
    assert rollout.valid.sum() == rollout.sample_count


def test_deterministic_takes_the_mode():
    rollout = fastpg.collect(
        fastpg.make_vec("CartPole-v1", 3), policy(), n_steps=50, seed=0, deterministic=True
    )
    phi = policy().features(rollout.flat(rollout.observations))
    assert np.array_equal(rollout.flat(rollout.actions), policy().mode(policy().log_probs(phi)))


class Table(Baseline):
    """A baseline whose value is a distinct number for every observation and step."""

    def predict(self, observations, step_index):
        return observations.astype(np.float64) @ [1.0, 10.0, 100.0, 1000.0] + 1e4 * np.asarray(
            step_index
        )


def test_next_values_are_of_what_really_followed():
    env = fastpg.make_vec("CartPole-v1", 4, max_episode_steps=30)
    rollout = fastpg.collect(env, policy(), n_steps=100, seed=0)
    values, following = rollout.values(Table(4))
    table = Table(4)
    for n in range(4):
        ends = {int(r): k for k, r in enumerate(rollout.end_rows) if rollout.end_columns[k] == n}
        for t in range(100):
            if t in ends:
                k = ends[t]
                expected = table.predict(
                    rollout.final_observations[k : k + 1], rollout.episode_lengths[k : k + 1]
                )
            elif t == 99:
                expected = table.predict(
                    rollout.last_observations[n : n + 1], rollout.last_step_index[n : n + 1]
                )
            else:
                expected = values[t + 1, n : n + 1]
            assert following[t, n] == expected[0]


def test_same_step_and_next_step_training_data_agree():
    """The dead row of NEXT_STEP never reaches a rollout, whatever the environment's mode."""
    rollouts = [
        fastpg.collect(
            fastpg.make_vec("CartPole-v1", 4, autoreset_mode=mode), policy(), n_steps=300, seed=0
        )
        for mode in AutoresetMode
    ]
    for other in rollouts[1:]:
        assert np.array_equal(rollouts[0].observations, other.observations)
        assert np.array_equal(rollouts[0].rewards, other.rewards)
        assert rollouts[0].rewards.min() == 1.0
