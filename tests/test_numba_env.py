"""Environments in Python, compiled by Numba: the numbers, the interface, pickles and training."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import fastpg
from fastpg.native_envs import Stream
from numba_envs import CartPole, Grid, Slide

ENVS = {"cartpole": CartPole, "grid": Grid, "slide": Slide}
every_env = pytest.mark.parametrize("env", ENVS.values(), ids=ENVS)


def random_actions(env, count, seed):
    space = gymnasium.vector.utils.batch_space(env.action_space({}), count)
    space.seed(seed)
    return space.sample()


def same_rollouts(one, two):
    for name in ("observations", "actions", "rewards", "terminated", "truncated"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_cartpole_is_the_built_in_one():
    policy = fastpg.LinearSoftmax(4, 2)
    policy.theta = np.random.default_rng(0).normal(size=policy.shape)
    numba, built_in = (
        fastpg.collect(fastpg.make_vec(env_id, 16, exact=True), policy, n_steps=600, seed=5)
        for env_id in ("NumbaCartPole-v1", "CartPole-v1")
    )
    assert numba.terminated.sum() > 100
    for name in ("actions", "rewards", "terminated", "truncated"):
        assert np.array_equal(getattr(numba, name), getattr(built_in, name)), name
    np.testing.assert_allclose(numba.observations, built_in.observations, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
@every_env
def test_it_is_the_reference_in_every_autoreset_mode(env, mode):
    numba = fastpg.make_vec(env.id, 3, autoreset_mode=mode)
    plain = SyncVectorEnv([env.reference] * 3, autoreset_mode=mode)
    ended = np.zeros(3, dtype=bool)
    given, expected = numba.reset(seed=7), plain.reset(seed=7)
    for k in range(120):
        np.testing.assert_allclose(given[0], expected[0], rtol=1e-5, atol=1e-6)
        if mode is AutoresetMode.DISABLED and ended.any():
            for one in (numba, plain):
                one.reset(options={"reset_mask": ended})
        actions = random_actions(env, 3, k)
        given, expected = numba.step(actions), plain.step(actions)
        np.testing.assert_allclose(given[1], expected[1], rtol=1e-9, atol=1e-12)
        assert np.array_equal(given[2], expected[2])
        assert np.array_equal(given[3], expected[3])
        ended = given[2] | given[3]
        if "action_mask" in given[4]:
            running = ~ended | (mode is AutoresetMode.SAME_STEP)
            masks = given[4]["action_mask"], expected[4]["action_mask"]
            assert np.array_equal(masks[0][running], np.stack(masks[1])[running])
        if "final_obs" in given[4]:
            for one, two in zip(given[4]["final_obs"], expected[4]["final_obs"], strict=True):
                assert (one is None) == (two is None)
                np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6) if one is not None else 0


@pytest.mark.parametrize("policy", ["linear", "mlp"])
@every_env
def test_any_number_of_threads_gives_the_same_bits(env, policy):
    def collected(threads):
        made = fastpg.make_vec(env.id, 1100, num_threads=threads)
        algo = fastpg.TRPO(policy, made, seed=0, num_threads=threads)
        return fastpg.collect(made, algo.policy, n_steps=12, seed=2)

    one = collected(1)
    for threads in (2, 3):
        same_rollouts(one, collected(threads))


def test_one_environment_of_gymnasium():
    env = gymnasium.make("NumbaGrid-v0", render_mode="rgb_array", start=3)
    plain = Grid.reference(start=3)
    for options in (None, {"level": -1.0, "count": 4}):
        given, expected = env.reset(seed=3, options=options), plain.reset(seed=3, options=options)
        assert np.array_equal(given[0], expected[0])
        assert np.array_equal(given[1]["action_mask"], expected[1]["action_mask"])
        for _ in range(40):
            action = [int(given[1]["action_mask"][1]), 0]
            given, expected = env.step(np.array(action)), plain.step(np.array(action))
            np.testing.assert_allclose(given[0], expected[0], rtol=1e-5, atol=1e-6)
            assert given[1:4] == pytest.approx(expected[1:4])
            if given[2] or given[3]:
                break
            given = given[0], given[4]
    picture = env.render()
    assert picture.shape == (2, 3, 3)
    assert picture[..., 0].sum() == 3 * env.unwrapped.state[:6].sum()


def test_the_time_limit_and_the_threshold_are_registered():
    spec = gymnasium.spec("NumbaCartPole-v1")
    assert (spec.max_episode_steps, spec.reward_threshold) == (500, 475.0)
    assert gymnasium.spec("NumbaSlide-v0").reward_threshold is None
    env = fastpg.make_vec("NumbaSlide-v0", 2, max_episode_steps=3)
    env.reset(seed=0)
    ends = [env.step(np.zeros((2, 2)))[3].all() for _ in range(3)]
    assert ends == [False, False, True]


def test_states_have_names_and_are_taken_and_set():
    assert Grid.state_names[:3] == ("board_0_0", "board_0_1", "board_0_2")
    assert Grid.state_names[-4:] == ("heat", "count", "noise_0", "noise_1")
    assert Slide.observation_names() == ("x", "v")
    env = fastpg.make_vec(Grid.id, 3)
    env.reset(seed=0)
    state = env.get_state()
    first = [env.step(random_actions(Grid, 3, k)) for k in range(5)]
    env.set_state(state)
    again = [env.step(random_actions(Grid, 3, k)) for k in range(5)]
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(one[1], two[1])


def test_float32_fields_are_rounded_when_they_are_set():
    env = fastpg.make_vec(Grid.id, 4)
    env.reset(seed=0)
    for k in range(5):
        env.step(random_actions(Grid, 4, k))
    heat = env.get_state().state[:, Grid.state_names.index("heat")]
    assert np.array_equal(heat, heat.astype(np.float32))
    assert len(set(heat)) == 4


def test_numbers_of_the_stream_are_those_of_numpy():
    env, generator = fastpg.make_vec(Grid.id), np.random.default_rng(11)
    for _ in range(50):
        env.np_random = [copy.deepcopy(generator)]
        env.reset()
        rng = Stream(generator)
        place = 3 * rng.integer(2) + rng.integer(3)
        noise = np.float32(rng.normal(0.0, 0.5))
        state = env.get_state().state[0]
        assert np.flatnonzero(state[:6]).tolist() == [place]
        assert state[-1] == noise
        assert env.np_random[0].bit_generator.state == generator.bit_generator.state


def test_the_stream_in_python():
    rng, generator = Stream(np.random.default_rng(4)), np.random.default_rng(4)
    assert rng.uniform() == generator.random()
    assert rng.uniform(2.0, 5.0) == 2.0 + 3.0 * generator.random()
    assert rng.exponential(2.0) == 2.0 * -np.log1p(-generator.random())
    normals = np.array([rng.normal(1.0, 2.0) for _ in range(20_000)])
    assert abs(normals.mean() - 1.0) < 0.05
    assert abs(normals.std() - 2.0) < 0.05
    numbers = [rng.integer(3) for _ in range(3_000)]
    assert np.abs(np.bincount(numbers, minlength=3) / 1_000 - 1).max() < 0.1
    with pytest.raises(ValueError, match="expected n of at least 1"):
        rng.integer(0)


@every_env
def test_pickles_name_the_module(env):
    assert env.module == "numba_envs"
    assert len(pickle.dumps(env)) < 200
    assert pickle.loads(pickle.dumps(env)) is env
    assert copy.deepcopy(env) is env


@every_env
def test_vector_environments_are_copied_and_go_on_alike(env):
    made = fastpg.make_vec(env.id, 4)
    made.reset(seed=1)
    copies = [pickle.loads(pickle.dumps(made)), copy.deepcopy(made)]
    for k in range(40):
        actions = random_actions(env, 4, k)
        given = made.step(actions)
        for one in copies:
            for mine, its in zip(given[:4], one.step(actions)[:4], strict=True):
                assert np.array_equal(mine, its)


@pytest.mark.parametrize("policy", ["linear", "mlp"])
@every_env
def test_every_environment_is_trained(env, policy):
    algo = fastpg.train("trpo", env, policy=policy, total_timesteps=4_000, seed=0)
    again = fastpg.train("trpo", env.id, policy=policy, total_timesteps=4_000, seed=0)
    assert np.array_equal(algo.policy.theta, again.policy.theta)
    assert np.isfinite(fastpg.evaluate_policy(algo, env.id, n_eval_episodes=3)[0])
