"""Learning: default options solve Gymnasium's CartPole-v1 with every seed."""

import gymnasium
import pytest
from gymnasium.vector import SyncVectorEnv

import fastpg
from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS

NAMES = list(ALGORITHMS)


def on_gymnasium_s_own(algo, episodes):
    env = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * min(episodes, 20))
    mean, _ = fastpg.evaluate_policy(algo, env, episodes, seed=0)
    env.close()
    return mean


@pytest.mark.parametrize("name", NAMES)
def test_one_seed(name):
    algo = fastpg.train(name, "CartPole-v1", seed=0, tuned=False)
    assert algo.num_timesteps <= DEFAULT_TIMESTEPS[name]
    assert fastpg.evaluate_policy(algo, "CartPole-v1", 100, seed=0)[0] >= 475.0
    assert on_gymnasium_s_own(algo, 4) >= 475.0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_hundred_episodes_on_gymnasium_s_own_environment(name):
    assert on_gymnasium_s_own(fastpg.train(name, "CartPole-v1", seed=0, tuned=False), 100) >= 475.0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(1, 20))
def test_twenty_seeds(name, seed):
    algo = fastpg.train(name, "CartPole-v1", seed=seed, tuned=False)
    assert fastpg.evaluate_policy(algo, "CartPole-v1", 100, seed=seed)[0] >= 475.0


@pytest.mark.parametrize("name", NAMES)
def test_learning_is_not_the_time_limit_of_a_constant_policy(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0)
    assert fastpg.evaluate_policy(algo, "CartPole-v1", 20, seed=0)[0] < 50.0
