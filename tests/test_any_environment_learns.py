"""NPG on environments that are not native reaches their known levels.

Toy text environments publish their transition probabilities, so that both the optimum and the
value of a greedy policy are computed exactly, by recursion over the steps of an episode, instead of
being estimated. Elsewhere the level is the reward threshold that Gymnasium registers.
"""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv

import fastpg


def seeds(count):
    """The first in every run of the slow tests."""
    return [
        pytest.param(seed, marks=pytest.mark.exhaustive if seed else pytest.mark.slow)
        for seed in range(count)
    ]


def threshold(env_id):
    return gymnasium.spec(env_id).reward_threshold


def model(env):
    """T (S, A, S) of the transitions that go on, R (S, A), and the start distribution (S,)."""
    table = env.unwrapped.P
    T = np.zeros((len(table), len(table[0]), len(table)))
    R = np.zeros(T.shape[:2])
    for state, actions in table.items():
        for action, outcomes in actions.items():
            for probability, following, reward, terminated in outcomes:
                T[state, action, following] += 0.0 if terminated else probability
                R[state, action] += probability * reward
    return T, R, env.unwrapped.initial_state_distrib


def returns(env, choose):
    """Expected return of an episode with its time limit; choose: Q (S, A) -> V (S,)."""
    T, R, start = model(env)
    values = np.zeros(len(R))
    for _ in range(env.spec.max_episode_steps):
        values = choose(R + T @ values)
    return float(start @ values)


def greedy_return(algo, env, masks=None):
    states = np.arange(env.observation_space.n)
    actions, _ = algo.predict(states, deterministic=True, action_masks=masks)
    return returns(env, lambda q: q[states, actions])


def optimum(env):
    return returns(env, lambda q: q.max(axis=1))


@pytest.mark.parametrize("seed", seeds(3))
def test_frozen_lake_without_slipping(seed):
    env = gymnasium.make("FrozenLake-v1", is_slippery=False)
    algo = fastpg.NPG(
        "linear", lambda: gymnasium.make("FrozenLake-v1", is_slippery=False), seed=seed
    ).learn(20_000)
    assert greedy_return(algo, env) == optimum(env) == 1.0


@pytest.mark.parametrize("seed", seeds(3))
def test_frozen_lake(seed):
    """The optimum is 0.744 if the policy may depend on the time, otherwise 0.740."""
    algo = fastpg.NPG(
        "linear", "FrozenLake-v1", seed=seed,
        n_envs=8, n_steps=256, gamma=0.99, gae_lambda=0.8, value_target="lambda", ent_coef=0.01,
        ridge=0.1, baseline_memory=0.8, target_kl=0.01, max_step_size=0.3, cg_damping=0.1,
    ).learn(250_000)  # fmt: skip
    env = gymnasium.make("FrozenLake-v1")
    assert greedy_return(algo, env) >= threshold("FrozenLake-v1") == 0.7
    assert optimum(env) == pytest.approx(0.744, abs=5e-4)


@pytest.mark.parametrize("seed", seeds(2))
def test_taxi(seed):
    """The registered threshold, 8, is above the optimum: the level is 0.1 below the optimum."""
    algo = fastpg.NPG(
        "linear", "Taxi-v4", seed=seed,
        n_envs=8, n_steps=512, gamma=0.99, gae_lambda=0.95, value_target="lambda", ent_coef=0.01,
        ridge=0.1, baseline_memory=0.5, target_kl="lin_0.03", max_step_size=0.5, cg_damping=1.0,
        cg_max_steps=10,
    ).learn(300_000)  # fmt: skip
    env = gymnasium.make("Taxi-v4")
    masks = np.array([env.unwrapped.action_mask(state) for state in range(500)], dtype=bool)
    assert optimum(env) == pytest.approx(7.93, abs=5e-3)
    assert threshold("Taxi-v4") > optimum(env)
    assert greedy_return(algo, env, masks) >= optimum(env) - 0.1


@pytest.mark.parametrize("seed", seeds(3))
def test_cartpole_in_other_processes(seed):
    env = AsyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 8)
    try:
        algo = fastpg.NPG("linear", env, seed=seed).learn(60_000)
        mean, _ = fastpg.evaluate_policy(algo, env, 100, seed=seed)
    finally:
        env.close()
    assert mean >= threshold("CartPole-v1") == 475.0


@pytest.mark.parametrize("seed", seeds(3))
def test_inverted_pendulum(seed):
    pytest.importorskip("mujoco")
    algo = fastpg.NPG(
        "linear", "InvertedPendulum-v5", seed=seed, gamma=0.99, n_steps=256, max_step_size=None
    ).learn(100_000)
    mean, _ = fastpg.evaluate_policy(algo, "InvertedPendulum-v5", 100, seed=seed)
    assert mean >= threshold("InvertedPendulum-v5") == 950.0
