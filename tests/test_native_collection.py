"""Rollouts in C++ for every native environment: the environment is Gymnasium's, the policy ours."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import fastpg
from fastpg import _core
from fastpg.policies.base import Policy
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.collector import NativeCollector
from fastpg.rollouts.stepping import SteppingCollector
from lockstep import sync
from oracles import CONTINUOUS, CURRENT

FINAL = ("observations", "actions", "rewards", "terminated", "truncated", "valid", "step_index")


def policy_for(env, features="identity", seed=0):
    """A policy with random parameters."""
    size = env.single_observation_space.shape[0]
    maps = {
        "identity": None,
        "time": fastpg.Identity(size, time=True),
        "polynomial": fastpg.Polynomial(size, 2),
        "fourier": fastpg.RandomFourier(size, 20, seed=1),
    }
    continuous = isinstance(env.single_action_space, gymnasium.spaces.Box)
    kind = fastpg.LinearGaussian if continuous else fastpg.LinearSoftmax
    policy = kind.for_env(env, features=maps[features])
    policy.theta = np.random.default_rng(seed).normal(scale=0.5, size=policy.shape)
    return policy


@pytest.mark.parametrize("env_id", CURRENT)
def test_rollouts_replay_in_gymnasium_bit_for_bit(env_id):
    env = fastpg.make_vec(env_id, 4, max_episode_steps=150)
    policy = policy_for(env)
    rollout = fastpg.collect(env, policy, n_steps=400, seed=4)
    gym = sync(env_id, 4, AutoresetMode.SAME_STEP, max_episode_steps=150)
    observations, _ = gym.reset(seed=4)
    finals = []
    for t, actions in enumerate(rollout.actions):
        fresh = rollout.step_index[t] == 0
        assert np.array_equal(rollout.observations[t][~fresh], observations[~fresh])
        # Acrobot's first observations: one float32 ulp, as its page says.
        ulp = 1.2e-7 if env_id == "Acrobot-v1" else 0.0
        assert np.allclose(rollout.observations[t], observations, rtol=0, atol=ulp)
        if env_id in CONTINUOUS:
            space = env.single_action_space
            actions = np.clip(actions, space.low, space.high).astype(np.float32)
        observations, rewards, terminated, truncated, info = gym.step(actions)
        finals += [o for o in info.get("final_obs", ()) if o is not None]
        assert np.array_equal(rollout.rewards[t], rewards)
        assert np.array_equal(rollout.terminated[t], terminated)
        assert np.array_equal(rollout.truncated[t], truncated)
    gym.close()
    assert len(finals) > 0
    assert np.array_equal(rollout.final_observations, np.array(finals))
    assert rollout.valid.all()


@pytest.mark.parametrize("env_id", CURRENT)
@pytest.mark.parametrize("features", ["identity", "time", "polynomial", "fourier"])
def test_actions_are_the_policy_s(env_id, features):
    env = fastpg.make_vec(env_id, 3)
    policy = policy_for(env, features)
    rollout = fastpg.collect(env, policy, n_steps=50, seed=11)
    size = 1
    for t in range(50):
        u = _core.LaneStream(11, _core.RandomStream.action).uniforms(3, t, size)
        dist = policy.distribution(policy.features(rollout.observations[t], rollout.step_index[t]))
        expected = policy.sample(dist, u)
        if env_id in CONTINUOUS:
            assert rollout.actions[t].dtype == np.float64
            assert np.allclose(rollout.actions[t], expected, rtol=1e-12, atol=1e-12)
        else:
            assert np.array_equal(rollout.actions[t], expected)


@pytest.mark.parametrize("env_id", CURRENT)
def test_the_most_probable_actions(env_id):
    env = fastpg.make_vec(env_id, 3)
    policy = policy_for(env)
    rollout = fastpg.collect(env, policy, n_steps=30, seed=2, deterministic=True)
    flat = rollout.flat(rollout.observations)
    modes = policy.mode(policy.distribution(policy.features(flat)))
    assert np.allclose(rollout.flat(rollout.actions), modes, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("env_id", CURRENT)
def test_whole_episodes_are_those_of_steps(env_id):
    """Environment i plays the same episodes either way."""
    one, two = (fastpg.make_vec(env_id, 3, max_episode_steps=60) for _ in range(2))
    policy = policy_for(one)
    episodes = fastpg.collect(one, policy, n_episodes=6, seed=1)
    steps = fastpg.collect(two, policy, n_steps=130, seed=1)
    assert episodes.complete
    for k, column in enumerate(episodes.end_columns):
        lane = column % 3
        if column >= 3:
            continue
        length = episodes.episode_lengths[k]
        assert np.array_equal(
            episodes.observations[:length, column], steps.observations[:length, lane]
        )
        assert np.array_equal(episodes.rewards[:length, column], steps.rewards[:length, lane])
        assert np.array_equal(episodes.actions[:length, column], steps.actions[:length, lane])
        assert episodes.rewards[:, column].sum() == pytest.approx(episodes.episode_returns[k])


@pytest.mark.parametrize("env_id", CURRENT)
def test_cutting_a_rollout_changes_nothing(env_id):
    def collector():
        env = fastpg.make_vec(env_id, 3, max_episode_steps=20)
        env.reset(seed=2)
        return make_collector(env, policy_for(env, "fourier"), 2)

    whole, cutter = collector().steps(100), collector()
    parts = [cutter.steps(n) for n in (1, 2, 50, 47)]
    for name in FINAL:
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(whole, name), joined)


@pytest.mark.parametrize("env_id", CURRENT)
@pytest.mark.parametrize("values", [1, 3])
def test_parameters_reach_the_rollout(env_id, values):
    """Values of its own for each environment too, while some of them have retired."""
    env = fastpg.make_vec(env_id, 3, max_episode_steps=30)
    name = {"A": "LINK_MASS_1", "C": "gravity", "M": "max_speed", "P": "m"}[env_id[0]]
    base = env.get_attr(name)[0]
    env.set_attr(name, [base, base * 0.7, base * 0.5] if values == 3 else base * 0.5)
    policy = policy_for(env)
    rollout = fastpg.collect(env, policy, n_episodes=7, seed=1)
    for column in range(3):
        alone = fastpg.make_vec(env_id, 1, max_episode_steps=30)
        alone.set_attr(name, env.get_attr(name)[column])
        alone.reset(seed=1 + column)
        for t in range(int(rollout.valid[:, column].sum())):
            action = rollout.actions[t, column]
            if env_id in CONTINUOUS:
                space = env.single_action_space
                action = np.clip(action, space.low, space.high).astype(np.float32)
            assert alone.step(np.array([action]))[1][0] == rollout.rewards[t, column]


@pytest.mark.parametrize("env_id", CURRENT)
def test_the_collector_that_steps_takes_the_same_course(env_id):
    """NativeCollector and SteppingCollector are two ways to one rollout."""
    rollouts = []
    for kind in (NativeCollector, SteppingCollector):
        env = fastpg.make_vec(env_id, 2, autoreset_mode="SameStep", max_episode_steps=25)
        env.reset(seed=5)
        collector = kind(env, policy_for(env), 5)
        collector.reset(5)
        rollouts.append(collector.steps(60))
    native, stepped = rollouts
    for name in ("observations", "rewards", "final_observations", "episode_returns"):
        assert np.allclose(getattr(native, name), getattr(stepped, name), rtol=1e-4, atol=1e-5)
    for name in ("terminated", "truncated", "step_index", "end_rows", "episode_lengths"):
        assert np.array_equal(getattr(native, name), getattr(stepped, name))


def test_a_policy_of_other_actions_is_refused():
    env = fastpg.make_vec("Pendulum-v1")
    with pytest.raises(ValueError, match="expected a Discrete action space"):
        fastpg.collect(env, fastpg.LinearSoftmax(3, 2), n_steps=1)
    with pytest.raises(ValueError, match=r"action space|action_size"):
        fastpg.collect(fastpg.make_vec("CartPole-v1"), fastpg.LinearGaussian(4, 1), n_steps=1)
    with pytest.raises(ValueError, match=r"action space|action_size"):
        fastpg.collect(env, fastpg.LinearGaussian(3, 2), n_steps=1)


def test_gaussian_bounds_are_the_policy_s_and_the_space_s():
    env = fastpg.make_vec("MountainCarContinuous-v0")
    policy = fastpg.LinearGaussian(2, 1, low=[-0.25], high=[5.0], log_std_init=1.0)
    rollout = fastpg.collect(env, policy, n_steps=200, seed=0)
    clipped = np.clip(rollout.actions[..., 0], -0.25, 1.0).astype(np.float32)
    assert np.allclose(rollout.rewards, -0.1 * clipped.astype(np.float64) ** 2, atol=1e-15)
    assert (np.abs(rollout.actions) > 1.0).any()


class WithoutActor(fastpg.LinearGaussian):
    """A policy that C++ does not know."""

    actor = Policy.actor


def test_a_policy_without_an_actor_is_stepped_from_python():
    env = fastpg.make_vec("Pendulum-v1", 3)
    policies = WithoutActor.for_env(env), fastpg.LinearGaussian.for_env(env)
    assert type(make_collector(env, policies[0], 0)) is SteppingCollector
    for counts in ({"n_steps": 40}, {"n_episodes": 5}):
        one, other = (fastpg.collect(env, p, seed=2, **counts) for p in policies)
        assert np.array_equal(one.actions, other.actions)
        assert np.array_equal(one.rewards, other.rewards)
    with pytest.raises(TypeError, match=r"WithoutActor has no actor in C\+\+"):
        policies[0].actor(env.single_action_space, False)
