"""evaluate_policy over every kind of environment gives the same answer."""

import typing

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import fastpg
from fastpg.rollouts.collect import EndlessEpisodeError


@pytest.fixture(scope="module")
def algo():
    return fastpg.train("npg", "CartPole-v1", total_timesteps=6000, seed=0)


def sync(num_envs, mode):
    return SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * num_envs, autoreset_mode=mode)


def test_native_and_gymnasium_agree_episode_by_episode(algo):
    native = fastpg.make_vec("CartPole-v1", 5)
    expected = fastpg.evaluate_policy(algo, native, 7, return_episode_rewards=True, seed=3)
    for mode in AutoresetMode:
        found = fastpg.evaluate_policy(algo, sync(5, mode), 7, return_episode_rewards=True, seed=3)
        assert np.array_equal(expected[0], found[0])
        assert np.array_equal(expected[1], found[1])


def test_a_single_environment(algo):
    mean, std = fastpg.evaluate_policy(algo, gymnasium.make("CartPole-v1"), 4, seed=3)
    returns, lengths = fastpg.evaluate_policy(
        algo, fastpg.make_vec("CartPole-v1", 1), 4, return_episode_rewards=True, seed=3
    )
    assert (mean, std) == (returns.mean(), returns.std())
    assert np.array_equal(returns, lengths)


def test_an_id_and_any_model(algo):
    class Left:
        def predict(self, observation, deterministic=False):
            return np.zeros(np.atleast_2d(observation).shape[0], dtype=int), None

    returns, lengths = fastpg.evaluate_policy(
        Left(), "CartPole-v1", 50, return_episode_rewards=True
    )
    assert returns.shape == lengths.shape == (50,)
    assert 8 <= returns.mean() <= 11
    mean, std = fastpg.evaluate_policy(algo, "CartPole-v1")
    assert mean > 20.0
    assert std >= 0.0


def test_seeds(algo):
    def returns(seed):
        return fastpg.evaluate_policy(
            algo, "CartPole-v1", 20, deterministic=False, return_episode_rewards=True, seed=seed
        )[0]

    assert np.array_equal(returns(1), returns(1))
    assert not np.array_equal(returns(1), returns(2))


def test_evaluation_does_not_disturb_learning():
    one = fastpg.NPG("linear", "CartPole-v1", seed=0).learn(12_000)
    two = fastpg.NPG("linear", "CartPole-v1", seed=0)
    two.learn(12_000, lambda _: fastpg.evaluate_policy(two, "CartPole-v1", 3) and None)
    assert np.array_equal(one.policy.theta, two.policy.theta)


@pytest.mark.parametrize("env", [None, 3, object()])
def test_not_an_environment(algo, env):
    with pytest.raises(TypeError, match="env: expected an id, an Env, a callable or a VectorEnv"):
        fastpg.evaluate_policy(algo, env)


@pytest.mark.parametrize("episodes", [0, -1])
def test_no_episodes(algo, episodes):
    with pytest.raises(ValueError, match="n_eval_episodes"):
        fastpg.evaluate_policy(algo, "CartPole-v1", episodes)


def test_a_model_that_overrides_predict_is_asked():
    class Contrary(fastpg.NPG):
        def predict(self, observation, deterministic=False, **kwargs):
            actions, state = super().predict(observation, deterministic, **kwargs)
            return 1 - actions, state

    contrary = Contrary("linear", "CartPole-v1", seed=0).learn(20_000)
    assert fastpg.evaluate_policy(contrary, "CartPole-v1", 10, seed=0)[0] < 20.0


def test_stochastic_evaluation_is_repeatable_on_any_environment(algo):
    def returns():
        return fastpg.evaluate_policy(
            algo, sync(3, AutoresetMode.SAME_STEP), 6, False, return_episode_rewards=True, seed=5
        )[0]

    assert np.array_equal(returns(), returns())


@pytest.mark.parametrize("given", [1, np.ones(2, int), (1, None, None), None])
def test_a_predict_that_returns_no_pair(given):
    class Model:
        def predict(self, observation, deterministic=False):
            return given

    with pytest.raises(TypeError, match=r"model: expected predict\(\) to return"):
        fastpg.evaluate_policy(Model(), fastpg.make_vec("CartPole-v1", 2), 2, seed=0)


def test_a_model_without_predict(algo):
    with pytest.raises(TypeError, match="model: expected an object with predict"):
        fastpg.evaluate_policy(algo.policy, "CartPole-v1")


def numbers(algo, env, **arguments):
    return fastpg.evaluate_policy(algo, env, 7, return_episode_rewards=True, seed=3, **arguments)


class Asked:
    """A model that is stepped by `predict` alone."""

    def __init__(self, algo):
        self.predict = algo.predict


@pytest.mark.parametrize("wrap", [lambda algo: algo, Asked])
@pytest.mark.parametrize("env", ["CartPole-v1", lambda: gymnasium.make("CartPole-v1")])
def test_the_callback_gets_every_episode_once(algo, wrap, env):
    seen = []
    returns, lengths = numbers(wrap(algo), env, callback=seen.append)
    assert sorted(one["episode"] for one in seen) == list(range(7))
    for one in seen:
        k = one["episode"]
        assert (one["return"], one["length"]) == (returns[k], lengths[k])
    assert np.array_equal(returns, numbers(algo, env)[0])


def test_an_asked_model_gives_the_same_numbers_in_every_mode(algo):
    expected = numbers(algo, fastpg.make_vec("CartPole-v1", 3))
    for mode in AutoresetMode:
        found = numbers(Asked(algo), sync(3, mode))
        assert np.array_equal(expected, found)


@pytest.mark.parametrize("callback", [lambda inner, outer: None, lambda: None, 3])
def test_a_callback_of_other_arguments(algo, callback):
    with pytest.raises(TypeError, match="callback: expected a function of one dict"):
        fastpg.evaluate_policy(algo, "CartPole-v1", callback=callback)


def test_the_threshold(algo):
    mean, _ = fastpg.evaluate_policy(algo, "CartPole-v1", 5, seed=1)
    found = fastpg.evaluate_policy(algo, "CartPole-v1", 5, reward_threshold=mean, seed=1)
    assert found[0] == mean
    with pytest.raises(AssertionError, match=rf"reward_threshold: expected .* 600.0, got {mean}"):
        fastpg.evaluate_policy(algo, "CartPole-v1", 5, reward_threshold=600, seed=1)
    with pytest.raises(TypeError, match="reward_threshold"):
        fastpg.evaluate_policy(algo, "CartPole-v1", reward_threshold="high")


class Shown(gymnasium.Wrapper):
    """An environment that counts its pictures."""

    metadata = {"render_modes": ["human"]}  # noqa: RUF012
    render_mode = "human"
    pictures = 0

    def render(self):
        self.pictures += 1


@pytest.mark.parametrize("wrap", [lambda algo: algo, Asked])
def test_render_shows_each_step_and_changes_no_number(algo, wrap):
    env = Shown(gymnasium.make("CartPole-v1"))
    found = numbers(wrap(algo), env, render=True)
    assert env.pictures == found[1].sum()
    assert np.array_equal(found, numbers(algo, gymnasium.make("CartPole-v1")))


@pytest.mark.parametrize("env", ["CartPole-v1", lambda: gymnasium.make("CartPole-v1")])
def test_render_of_an_environment_that_shows_nothing(algo, env):
    with pytest.raises(ValueError, match=r"render_mode='human', such as .*, got render_mode None"):
        fastpg.evaluate_policy(algo, env, render=True)


def test_a_reward_wrapper_gives_a_warning(algo):
    def scaled():
        return gymnasium.wrappers.TransformReward(gymnasium.make("CartPole-v1"), lambda r: 2 * r)

    with pytest.warns(UserWarning, match="env: TransformReward changes rewards") as found:
        returns, lengths = numbers(algo, scaled)
    assert found[0].filename == __file__
    assert np.array_equal(returns, 2 * lengths)
    assert np.array_equal(numbers(algo, scaled, warn=False)[1], lengths)


@pytest.mark.parametrize(("episodes", "steps"), [(2, 40), (3, 80), (4, 80)])
def test_an_evaluation_ends_with_its_last_episode(algo, episodes, steps):
    """Two environments with episodes of 40 steps take no step after the last one."""
    taken = []

    class Still(gymnasium.Env):
        observation_space = algo.observation_space
        action_space = algo.action_space

        def reset(self, *, seed=None, options=None):
            return np.zeros(4, dtype=np.float32), {}

        def step(self, action):
            taken.append(action)
            return np.zeros(4, dtype=np.float32), 1.0, False, False, {}

    def make():
        return gymnasium.wrappers.TimeLimit(Still(), max_episode_steps=40)

    env = SyncVectorEnv([make, make])
    assert fastpg.evaluate_policy(algo, env, episodes, seed=0) == (40.0, 0.0)
    assert len(taken) == 2 * steps


@pytest.mark.parametrize("limit", [None, 7, "often"])
def test_a_time_limit_that_nothing_keeps(algo, limit):
    """Another wrapper's attribute of that name decides nothing."""

    class Other(gymnasium.Wrapper):
        _max_episode_steps = limit

    expected = fastpg.evaluate_policy(
        algo, SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2), 2, seed=3
    )
    env = SyncVectorEnv([lambda: Other(gymnasium.make("CartPole-v1"))] * 2)
    assert fastpg.evaluate_policy(algo, env, 2, seed=3) == expected


class Fixed(gymnasium.Env):
    """Episodes of as many steps, with no time limit."""

    observation_space = gymnasium.spaces.Box(-1, 1, (4,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(4, dtype=np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(4, dtype=np.float32), 1.0, self.steps == self.length, False, {}


@pytest.mark.parametrize("wrap", [lambda algo: algo, Asked])
@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize(("length", "limit"), [(15, 1), (17, 10), (47, 20), (2, 1), (700, 699)])
def test_an_episode_longer_than_the_limit_is_endless(algo, wrap, n_envs, length, limit):
    """Wherever in a rollout it ends, and to the step."""
    env = SyncVectorEnv([lambda: Fixed(length)] * n_envs)
    with pytest.raises(EndlessEpisodeError, match=f"has not ended after {limit} steps"):
        fastpg.evaluate_policy(wrap(algo), env, 4, seed=0, max_episode_steps=limit)
    found = fastpg.evaluate_policy(wrap(algo), env, 4, seed=0, max_episode_steps=length)
    assert found == (length, 0.0)


@pytest.mark.parametrize("wrap", [lambda algo: algo, Asked])
def test_the_limit_of_native_episodes(algo, wrap):
    env = fastpg.make_vec("CartPole-v1", 4)
    _, lengths = fastpg.evaluate_policy(wrap(algo), env, 4, seed=0, return_episode_rewards=True)
    most = int(lengths.max())
    found = fastpg.evaluate_policy(
        wrap(algo), env, 4, seed=0, return_episode_rewards=True, max_episode_steps=most
    )
    assert np.array_equal(found[1], lengths)
    with pytest.raises(EndlessEpisodeError):
        fastpg.evaluate_policy(wrap(algo), env, 4, seed=0, max_episode_steps=most - 1)


@pytest.mark.parametrize("limit", [None, 0, True, "often"])
def test_an_attribute_that_is_no_time_limit(algo, limit):
    class Never(Fixed):
        _max_episode_steps = limit

    for env in (Never(None), SyncVectorEnv([lambda: Never(None)] * 2)):
        with pytest.raises(EndlessEpisodeError, match="has not ended after 10,000 steps"):
            fastpg.evaluate_policy(algo, env, 2, seed=0)


@pytest.mark.parametrize("wrap", [lambda algo: algo, Asked])
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("seeded", [True, False])
def test_a_failed_evaluation_leaves_native_environments(wrap, env_id, seeded):
    """Their seeds and pictures too."""
    algo = fastpg.NPG("linear", env_id, seed=0)
    env = fastpg.make_vec(env_id, 2, render_mode="rgb_array")
    if seeded:
        env.reset(seed=100)
        env.step(np.full((2, 1), 2.0, np.float32) if env_id == "Pendulum-v1" else np.ones(2, int))

    def seen():
        pictures = env.render() if seeded else ()
        return [*vars(env.get_state()).values(), *pictures, env.np_random_seed, env.moves]

    def fail(episode):
        raise ZeroDivisionError

    before = seen()
    with pytest.raises(ZeroDivisionError):
        fastpg.evaluate_policy(wrap(algo), env, 4, seed=3, callback=fail)
    assert all(np.array_equal(one, two) for one, two in zip(before, seen(), strict=True))
    rows = env.reset()[0]
    assert not np.array_equal(rows[0], rows[1])


class Counted(gymnasium.Env):
    """Counts the environments that are open; every episode has 3 steps."""

    observation_space = gymnasium.spaces.Box(-9, 9, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    opened = 0
    reward = 1.0

    def __init__(self):
        Counted.opened += 1

    def close(self):
        Counted.opened -= 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.zeros(1, np.float32), self.reward, self.t == 3, False, {}


class Right:
    """A model of another library."""

    def predict(self, observation, deterministic=False):
        return np.ones(len(observation), dtype=np.int64), None


def test_what_an_evaluation_makes_is_closed():
    Counted.opened = 0
    assert fastpg.evaluate_policy(Right(), Counted, 5, seed=0) == (3.0, 0.0)
    fastpg.evaluate_policy(Right(), [Counted, Counted], 5, seed=0)
    with pytest.raises(EndlessEpisodeError):
        fastpg.evaluate_policy(Right(), Counted, 5, seed=0, max_episode_steps=2)
    assert Counted.opened == 0
    fastpg.evaluate_policy(Right(), given := Counted(), 5, seed=0)
    assert Counted.opened == 1
    given.close()


@pytest.mark.parametrize("reward", [np.nan, np.inf])
def test_rewards_that_are_not_finite(monkeypatch, reward):
    monkeypatch.setattr(Counted, "reward", reward)
    ours = fastpg.PPO("linear", Counted(), seed=0)
    for model in (Right(), ours):
        with pytest.raises(ValueError, match=r"rewards: expected finite .* in step 1 of its"):
            fastpg.evaluate_policy(model, Counted, 3, seed=0, reward_threshold=100)


@pytest.mark.parametrize("given", ["False", 2, None])
def test_deterministic_is_a_bool(algo, given):
    for env in ("CartPole-v1", gymnasium.make("CartPole-v1")):
        for model in (algo, Right()):
            with pytest.raises(TypeError, match="deterministic: expected True or False"):
                fastpg.evaluate_policy(model, env, 3, given, seed=0)


def test_types_say_what_the_flag_returns():
    def annotations(function):
        found = dict(function.__annotations__)
        return found, (found.pop("return_episode_rewards"), found.pop("return"))

    arguments, general = annotations(fastpg.evaluate_policy)
    forms = [annotations(form) for form in typing.get_overloads(fastpg.evaluate_policy)]
    assert [list(others.items()) for others, _ in forms] == [list(arguments.items())] * 3
    assert [pair for _, pair in forms] == [
        ("Literal[False]", "tuple[float, float]"), ("Literal[True]", "EpisodeArrays"), general,
    ]  # fmt: skip
