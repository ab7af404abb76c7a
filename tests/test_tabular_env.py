"""A finite MDP as a Gymnasium vector environment, and every algorithm training in it."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from scipy.special import chdtri

import fastpg
from fastpg import tabular
from fastpg.algorithms import ALGORITHMS
from fastpg.tabular import MDP, FeatureSoftmax

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
GARNET = tabular.garnet(5, 3, 2, seed=1, horizon=6)


def states(observations):
    return observations.argmax(axis=1)


def one_way(length):
    """A corridor without choices that pays its state's number; its end is terminal."""
    P = np.zeros((length, 1, length))
    P[np.arange(length), 0, np.minimum(np.arange(length) + 1, length - 1)] = 1.0
    r = np.arange(float(length))[:, None]
    return MDP(P, r, np.eye(length)[0], gamma=0.9, terminal=np.arange(length) == length - 1)


def follow(env, steps):
    """(states, rewards, terminated, truncated) of the first environment, and the infos."""
    rows = []
    for _ in range(steps):
        obs, rewards, terminated, truncated, info = env.step(np.zeros(env.num_envs, int))
        rows.append((states(obs)[0], rewards[0], bool(terminated[0]), bool(truncated[0]), info))
    return rows


def test_spaces_and_observations():
    env = tabular.make_vec(GARNET, 7)
    assert env.num_envs == 7
    assert env.single_action_space == spaces.Discrete(3)
    assert env.single_observation_space.shape == (5,)
    obs, info = env.reset(seed=0)
    assert obs.dtype == np.float32
    assert info == {}
    assert env.observation_space.contains(obs)
    assert np.array_equal(obs.sum(axis=1), np.ones(7))
    obs, rewards, terminated, truncated, _ = env.step(env.action_space.sample())
    assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float64, bool, bool)
    assert "TabularVectorEnv" in repr(env)


def test_features_are_what_a_state_looks_like(rng):
    table = rng.normal(size=(5, 2))
    env = tabular.make_vec(GARNET, 50, features=table)
    obs, _ = env.reset(seed=0)
    at = env.get_state().state[:, 0].astype(int)
    assert np.array_equal(obs, table[at].astype(np.float32))
    assert len(np.unique(at)) == 5
    assert env.single_observation_space.contains(table[0].astype(np.float32))


def test_rewards_and_moves_are_the_mdp_s():
    env = tabular.make_vec(GARNET, 100, autoreset_mode=DISABLED)
    obs, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for step in range(6):
        actions = rng.integers(0, 3, 100)
        before = states(obs)
        obs, rewards, terminated, truncated, _ = env.step(actions)
        assert np.array_equal(rewards, GARNET.r[before, actions])
        assert (GARNET.P[before, actions, states(obs)] > 0.0).all()
        assert (terminated == (step == 5)).all()  # the horizon terminates
        assert not truncated.any()


def test_next_step_resets():
    env = tabular.make_vec(one_way(3), 1, autoreset_mode=NEXT)
    env.reset(seed=0)
    rows = [row[:4] for row in follow(env, 4)]
    assert rows == [
        (1, 0.0, False, False),
        (2, 1.0, True, False),
        (0, 0.0, False, False),  # the reset
        (1, 0.0, False, False),
    ]


def test_same_step_resets():
    env = tabular.make_vec(one_way(3), 1, autoreset_mode=SAME)
    env.reset(seed=0)
    rows = follow(env, 3)
    assert [row[:4] for row in rows] == [
        (1, 0.0, False, False),
        (0, 1.0, True, False),
        (1, 0.0, False, False),
    ]
    assert np.array_equal(rows[1][4]["final_obs"][0], [0.0, 0.0, 1.0])


def test_resets_by_hand():
    env = tabular.make_vec(one_way(3), 2, autoreset_mode=DISABLED)
    env.reset(seed=0)
    assert follow(env, 2)[-1][2]
    with pytest.raises(RuntimeError):
        env.step(np.zeros(2, int))
    obs, _ = env.reset(options={"reset_mask": np.array([True, True])})
    assert np.array_equal(states(obs), [0, 0])


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_a_time_limit_truncates_where_the_horizon_terminates(mode):
    endless = GARNET.with_criterion(gamma=0.9)
    limited = tabular.make_vec(endless, 1, autoreset_mode=mode, max_episode_steps=4)
    ending = tabular.make_vec(GARNET.with_criterion(horizon=4), 1, autoreset_mode=mode)
    free = tabular.make_vec(endless, 1, autoreset_mode=mode)
    for env in (limited, ending, free):
        env.reset(seed=0)
    rows = [follow(env, 4) for env in (limited, ending, free)]
    assert [row[2:4] for row in rows[0]] == [(False, False)] * 3 + [(False, True)]
    assert [row[2:4] for row in rows[1]] == [(False, False)] * 3 + [(True, False)]
    assert [row[2:4] for row in rows[2]] == [(False, False)] * 4


def test_a_rollout_keeps_the_two_ends_apart():
    policy = fastpg.LinearSoftmax(5, 3)
    endless = GARNET.with_criterion(gamma=0.9)
    for mdp, options, terminates in (
        (GARNET, {}, True),
        (endless, {"max_episode_steps": 6}, False),
    ):
        env = tabular.make_vec(mdp, 3, **options)
        rollout = fastpg.collect(env, policy, n_episodes=9, seed=0)
        assert (rollout.episode_lengths == 6).all()
        assert rollout.terminated.any() == terminates
        assert rollout.truncated.any() != terminates


def test_the_same_seed_gives_the_same_bits():
    runs = []
    for seed in (5, 5, 6):
        env = tabular.make_vec(GARNET, 8)
        first, _ = env.reset(seed=seed)
        actions = np.random.default_rng(0).integers(0, 3, (30, 8))
        runs.append(np.array([first, *(env.step(a)[0] for a in actions)]))
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    policy = fastpg.LinearSoftmax(5, 3)
    one, two = (
        fastpg.collect(tabular.make_vec(GARNET, 4), policy, n_steps=50, seed=1) for _ in "ab"
    )
    assert np.array_equal(one.observations, two.observations)


def test_more_copies_leave_the_first_as_they_are():
    few, many = tabular.make_vec(GARNET, 2), tabular.make_vec(GARNET, 9)
    for env in (few, many):
        env.reset(seed=5)
    for a in np.random.default_rng(0).integers(0, 3, (30, 9)):
        assert np.array_equal(few.step(a[:2])[0], many.step(a)[0][:2])


def test_states_are_put_back():
    env = tabular.make_vec(GARNET, 4)
    env.reset(seed=0)
    follow(env, 2)
    state, expected = env.get_state(), follow(env, 12)
    env.set_state(state)
    assert [row[:4] for row in follow(env, 12)] == [row[:4] for row in expected]


@pytest.mark.parametrize(
    ("given", "taken"), [(3.0, 3), (2.6, 3), (2.4, 2), (-7.0, 0), (1e38, 4), (-1e38, 0)]
)
def test_a_state_set_by_hand_is_the_nearest_index(given, taken):
    env = tabular.make_vec(GARNET, 1)
    env.reset(seed=0)
    env.set_state([[given]])
    _, rewards, *_ = env.step([1])
    assert rewards[0] == GARNET.r[taken, 1]


@pytest.mark.parametrize("branching", [1, 2, 5])
def test_transitions_have_their_frequencies(branching):
    """Chi-squared of every row of P and of the start, seed fixed, at one in a million."""
    start = [0.1, 0.2, 0.3, 0.4, 0.0]
    garnet = tabular.garnet(5, 3, branching, seed=3, gamma=0.9)
    mdp = MDP(garnet.P, garnet.r, start, gamma=0.9)
    n = 30_000
    env = tabular.make_vec(mdp, n)
    counts = np.zeros((5, 3, 5))
    obs, _ = env.reset(seed=0)
    begun = np.bincount(states(obs), minlength=5)
    rng = np.random.default_rng(0)
    for _ in range(3):
        before, actions = states(obs), rng.integers(0, 3, n)
        obs = env.step(actions)[0]
        np.add.at(counts, (before, actions, states(obs)), 1)
    expected = counts.sum(axis=2, keepdims=True) * mdp.P
    pairs = [
        (begun, n * mdp.start),
        *zip(counts.reshape(15, 5), expected.reshape(15, 5), strict=True),
    ]
    for seen, wanted in pairs:
        possible = wanted > 0.0
        assert not seen[~possible].any()
        statistic = np.sum((seen - wanted)[possible] ** 2 / wanted[possible])
        assert statistic <= chdtri(max(possible.sum() - 1, 1), 1e-6)


def test_draws_invert_the_distribution():
    mdp = MDP(np.tile([0.25, 0.0, 0.5, 0.25], (4, 1))[:, None], np.zeros((4, 1)), gamma=0.9)
    env = tabular.make_vec(mdp, 1)
    seen = states(env.reset(seed=3)[0]).tolist() + [row[0] for row in follow(env, 50)]
    uniforms = np.random.default_rng(3).random(51)
    start = np.searchsorted(np.cumsum(mdp.start), uniforms[:1], side="right").tolist()
    assert seen == start + np.array([0, 2, 2, 3])[(4 * uniforms[1:]).astype(int)].tolist()


def test_a_short_sum_never_draws_beyond_its_row():
    """A stream about to give the largest double below 1, where the row sums to less."""
    mdp = MDP([[[0.5, 0.5 - 5e-10]], [[1.0, 0.0]]], np.zeros((2, 1)), gamma=0.9)
    env = tabular.make_vec(mdp, 1)
    env.reset(seed=0)
    env.set_state([[0.0]])
    multiplier, increment = 0x2360ED051FC65DA44385DF649FCCF645, 1  # of PCG64
    state = (2**64 - 1 - increment) * pow(multiplier, -1, 2**128) % 2**128
    env.native.streams = np.array([[state >> 64, state % 2**64, 0, increment]], np.uint64)
    assert states(env.step([0])[0]).tolist() == [1]


def test_episode_returns_have_the_exact_mean(rng):
    theta = rng.normal(size=(6, 3))
    policy = fastpg.LinearSoftmax(5, 3, theta)
    env = tabular.make_vec(GARNET, 100)
    exact = GARNET.evaluate(FeatureSoftmax.of(policy, env.features))
    returns = fastpg.collect(env, policy, n_episodes=20_000, seed=0).episode_returns
    error = returns.std() / np.sqrt(len(returns))
    assert abs(returns.mean() - exact.J) < 4.5 * error
    assert error < 0.02


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_every_algorithm_comes_near_the_optimum(name):
    mdp = tabular.chain(3, slip=0.1, horizon=8)
    best = mdp.start @ mdp.transitions.finite_optimum(mdp.r, 8, 1.0)[0][0]
    even = mdp.evaluate(np.full((3, 2), 0.5)).J
    env = tabular.make_vec(mdp, 16)
    options = {"max_step_size": 0.3} if name in ("npg", "trpo") else {}
    algo = ALGORITHMS[name]("linear", env, seed=0, ent_coef=0.0, **options).learn(60_000)
    found = mdp.evaluate(FeatureSoftmax.of(algo.policy, env.features)).J
    assert even < 0.5 * best
    assert found > 0.95 * best
    assert algo.history[-1]["rollout/ep_len_mean"] == 8.0
    mean, _ = fastpg.evaluate_policy(algo, tabular.make_vec(mdp, 16), 400, seed=0)
    assert mean == pytest.approx(found, abs=0.5)
