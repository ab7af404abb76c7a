"""Metrics of episodes, actions and rewards, compared with numbers computed by hand."""

import copy
import json
import math
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import NormalizeReward, TimeLimit, TransformReward
from gymnasium.wrappers import vector as vector_wrappers

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.training import checkpoints
from fastpg.training.metrics import OF_EPISODES, RAW_MEAN, RecentEpisodes

OF_ENDED = OF_EPISODES - {RAW_MEAN}


class Rising(gymnasium.Env):
    """Episode k = 0, 1, … has the reward k and 3 steps; every second one ends by truncation."""

    observation_space = spaces.Box(-1.0, 1.0, (1,))
    action_space = spaces.Discrete(2)

    def __init__(self):
        self.number = -1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.number += 1
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        ended, cut = self.t == 3, self.number % 2 == 1
        obs = np.zeros(1, np.float32)
        return obs, float(self.number), ended and not cut, ended and cut, {}


@pytest.mark.parametrize("name", list(ALGORITHMS))
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_every_algorithm_has_the_keys(name, env_id):
    algo = fastpg.train(name, env_id, total_timesteps=3200, seed=0, n_envs=4)
    common = {"train/kl", "train/entropy_loss", "train/explained_variance", *OF_ENDED}
    of_boxes = {"train/std", "rollout/clipped_actions"}
    for record in algo.history:
        assert common <= record.keys()
        assert len(of_boxes & record.keys()) == (2 if env_id == "Pendulum-v1" else 0)
        assert RAW_MEAN not in record
        assert type(record["rollout/terminated_share"]) is float


@pytest.mark.parametrize("native", [True, False])
def test_what_is_told_of_the_last_hundred(native):
    def make():
        return gymnasium.make("CartPole-v1", max_episode_steps=30)

    env = (
        fastpg.make_vec("CartPole-v1", 3, max_episode_steps=30)
        if native
        else SyncVectorEnv([make] * 3)
    )
    policy = fastpg.LinearSoftmax.for_env(env)
    seen = RecentEpisodes()
    returns, by_termination = [], []
    for seed in range(2):
        rollout = fastpg.collect(env, policy, n_episodes=70, seed=seed)
        seen.see(rollout)
        returns += rollout.episode_returns.tolist()
        ended = rollout.terminated.any(axis=0)[rollout.end_columns]
        by_termination += ended.tolist()
        record = seen.record
        assert record["rollout/ep_rew_mean"] == pytest.approx(np.mean(returns[-100:]))
        assert record["rollout/ep_rew_min"] == min(returns[-100:])
        assert record["rollout/ep_rew_max"] == max(returns[-100:])
        assert record["rollout/terminated_share"] == np.mean(by_termination[-100:])
    assert 0.0 < record["rollout/terminated_share"] < 1.0


def test_both_flags_at_once_are_a_termination():
    env = TimeLimit(Rising(), 3)  # truncates at the step that terminates too
    algo = fastpg.NPG("linear", env, seed=0, n_steps=12).learn(12)  # episodes 0 to 3
    assert algo.history[-1]["rollout/terminated_share"] == 0.5
    assert algo.history[-1]["rollout/ep_rew_min"] == 0.0
    assert algo.history[-1]["rollout/ep_rew_max"] == 9.0


def test_nothing_is_known_before_an_episode_ended(tmp_path):
    algo = fastpg.NPG("linear", "Pendulum-v1", seed=0).learn(512)
    assert all(math.isnan(algo.history[-1][key]) for key in OF_ENDED)
    path = algo.save(tmp_path / "x")
    stored = checkpoints.read(path)[1]["history"][-1]
    assert all(stored[key] is None for key in OF_ENDED)
    assert all(math.isnan(fastpg.load(path).history[-1][key]) for key in OF_ENDED)


def test_episodes_come_back_from_a_state_and_from_older_ones():
    env = SyncVectorEnv([Rising] * 2)
    rollout = fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=12, seed=0)
    seen, again, older = RecentEpisodes(), RecentEpisodes(), RecentEpisodes()
    seen.see(rollout)
    state = json.loads(json.dumps(seen.state()))
    again.restore(state)
    assert again.record == seen.record
    assert again.record["rollout/terminated_share"] == 0.5
    older.restore({k: v for k, v in state.items() if "termin" not in k and "raw" not in k})
    assert math.isnan(older.record["rollout/terminated_share"])
    assert older.record["rollout/ep_rew_max"] == seen.record["rollout/ep_rew_max"]
    older.see(rollout)  # the share is over the known ends
    assert older.record["rollout/terminated_share"] == 0.5
    for name, value in (
        ("recent_terminated", [1] * 8),
        ("recent_terminated", [True] * 9),
        ("recent_raw_returns", [math.nan]),
        ("recent_raw_returns", [0.0] * 9),
        ("recent_lengths", [3] * 7),
    ):
        with pytest.raises((TypeError, ValueError), match=name):
            RecentEpisodes().restore(state | {name: value})


@pytest.mark.parametrize(
    ("low", "high", "share"),
    [
        ([-1.0, -1.0], [1.0, 1.0], 5 / 8),
        ([-2.0, -2.0], [1.0, 1.0], 3 / 8),
        ([-9.0, -2.0], [1.0, 2.5], 2 / 8),
        ([-np.inf, -np.inf], [np.inf, np.inf], 0.0),
        ([-np.inf, 0.0], [np.inf, np.inf], 2 / 8),
        (None, None, 0.0),
    ],
)
def test_share_of_actions_that_were_clipped(low, high, share):
    policy = fastpg.LinearGaussian(1, 2, low=low, high=high)
    actions = np.array([[-1.0, 1.0], [-2.0, 2.0], [3.0, -3.0], [0.5, -2.0]])
    clipped = policy.for_environment(actions)
    assert np.mean(clipped != actions) == share
    found = policy._log(None, actions)["rollout/clipped_actions"]
    assert (found, type(found)) == (share, float)


@pytest.mark.parametrize("name", ["npg", "reinforce"])
def test_actions_and_sigma_of_an_iteration(name):
    algo = ALGORITHMS[name]("linear", "Pendulum-v1", seed=0, n_envs=2)
    batches, update = [], algo.update
    algo.update = lambda batch: batches.append(batch) or update(batch)
    sigmas = []
    algo.learn(8000, lambda record: sigmas.append(np.exp(algo.policy.log_std).mean()))
    for record, batch, sigma in zip(algo.history, batches, sigmas, strict=True):
        assert record["rollout/clipped_actions"] == np.mean(np.abs(batch.actions) > 2.0)
        assert record["train/std"] == pytest.approx(sigma, rel=1e-15)
    assert max(record["rollout/clipped_actions"] for record in algo.history) > 0.0


def half(reward):
    return 0.5 * reward - 1.0


def wrapped():
    return TransformReward(Rising(), half)


def outside(mode):
    inner = SyncVectorEnv([Rising] * 2, autoreset_mode=mode)
    return vector_wrappers.TransformReward(inner, half)


@pytest.mark.parametrize("name", ["npg", "reinforce"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: wrapped(),
        lambda: NormalizeReward(Rising()),
        lambda: TimeLimit(wrapped(), 2),  # the environment itself does not get the end
        lambda: wrapped,
        *(
            lambda mode=mode: SyncVectorEnv([wrapped] * 2, autoreset_mode=mode)
            for mode in AutoresetMode
        ),
        *(lambda mode=mode: outside(mode) for mode in AutoresetMode),
        lambda: vector_wrappers.NormalizeReward(SyncVectorEnv([Rising] * 2)),
    ],
)
def test_raw_returns_under_reward_wrappers(name, make):
    env = make()
    algo = ALGORITHMS[name]("linear", env, seed=0, **{"n_envs": 2} if env is wrapped else {})
    raw, see = [], algo._episodes.see
    algo._episodes.see = lambda rollout: raw.extend(rollout.raw_returns) or see(rollout)
    algo.learn(300)
    length = algo.history[-1]["rollout/ep_len_mean"]
    first, n_envs = raw[0] / length, algo.options.n_envs
    # Every reset of an environment increases its rewards by one.
    expected = [length * (first + k) for k in range(len(raw) // n_envs) for _ in range(n_envs)]
    assert raw[: len(expected)] == expected
    assert algo.history[-1][RAW_MEAN] == pytest.approx(np.mean(raw[-100:]))


def test_raw_returns_of_a_disturbed_environment():
    env = TransformReward(Rising(), half)
    algo = fastpg.NPG("linear", env, seed=0, n_steps=4)

    def disturb(record):
        env.reset()
        env.step(0)

    algo.learn(4 * 20, disturb)  # one episode of three steps in every iteration, and one cut
    raw, returns = algo._episodes._raw, algo._episodes._returns
    assert len(raw) == len(returns) == 20
    assert np.array_equal(returns, [half(r / 3) * 3 for r in raw])


class StepsAtReset(gymnasium.Wrapper):
    """Takes a step at each reset, and resets again, as wrappers of Atari games do."""

    def reset(self, **given):
        self.env.reset(**given)
        self.env.step(0)
        first = self.env.reset(**given)
        self.env.step(0)
        return first


def test_raw_returns_leave_out_what_a_reset_does():
    env = StepsAtReset(wrapped())
    algo = fastpg.NPG("linear", env, seed=0, n_steps=20).learn(20)
    raw, lengths = algo._episodes._raw, algo._episodes._lengths
    assert lengths == [2] * 10
    assert raw == [2.0 * number for number in range(1, 21, 2)]


def doubled():
    return TransformReward(StepsAtReset(Rising()), lambda reward: 2 * reward)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_raw_returns_leave_out_what_a_reset_within_a_step_does(mode):
    """The outer wrapper makes no difference between the forms of an environment."""
    inner = SyncVectorEnv([doubled] * 2, autoreset_mode=mode)
    algo = fastpg.NPG("linear", vector_wrappers.RecordEpisodeStatistics(inner), seed=0, n_steps=20)
    algo.learn(200)
    assert len(algo._episodes._raw) > 20
    assert [2 * raw for raw in algo._episodes._raw] == algo._episodes._returns


class Lists(gymnasium.Env):
    """Returns two rewards at once."""

    observation_space = spaces.Box(-1.0, 1.0, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), [1.0, 2.0], True, False, {}


def test_raw_returns_are_absent_where_they_are_not_known():
    for env in (Rising(), SyncVectorEnv([Rising]), AsyncVectorEnv([wrapped] * 2)):
        algo = fastpg.NPG("linear", env, seed=0, n_steps=10).learn(40)
        assert all(RAW_MEAN not in record for record in algo.history)
        env.close()
    several = fastpg.NPG("linear", TransformReward(Lists(), sum), seed=0, n_steps=10).learn(10)
    assert several.history[-1]["rollout/ep_rew_mean"] == 3.0
    assert math.isnan(several.history[-1][RAW_MEAN])


def test_raw_returns_of_a_checkpoint_and_of_another_environment(tmp_path):
    algo = fastpg.NPG("linear", wrapped(), seed=0, n_steps=10).learn(40)
    loaded = fastpg.load(algo.save(tmp_path / "x"), wrapped())
    assert loaded._episodes.state() == algo._episodes.state()
    loaded.learn(20)
    assert loaded._episodes._raw[: len(algo._episodes._raw)] == algo._episodes._raw
    loaded.use_env(Rising())
    loaded.learn(20)
    assert RAW_MEAN not in loaded.history[-1]
    loaded.use_env(wrapped())
    loaded.learn(2)  # no episode ends, but the earlier raw returns remain
    assert loaded.history[-1][RAW_MEAN] == pytest.approx(np.mean(loaded._episodes._raw))


def test_raw_returns_of_a_copied_environment():
    env = TransformReward(Rising(), half)
    fastpg.NPG("linear", env, seed=0, n_steps=10).learn(40)
    for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        algo = fastpg.NPG("linear", other, seed=0, n_steps=10).learn(40)
        returns = algo._episodes._returns
        assert returns == [half(r / 3) * 3 for r in algo._episodes._raw]
