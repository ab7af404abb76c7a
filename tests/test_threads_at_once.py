"""Several Python threads at once, on objects of their own and on shared ones.

`.ci/raced-python` runs this file with the thread sanitizer.
"""

import threading

import numpy as np
import pytest

import fastpg
from fastpg.functional import solvers
from processes import GUARD

THREADS = 4


def at_once(*functions):
    """Results of functions that start together, each in a thread of its own."""
    results, errors = [None] * len(functions), []
    start = threading.Barrier(len(functions))

    def work(k):
        try:
            start.wait(GUARD)
            results[k] = functions[k]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
    return results


SMALL = {"n_envs": 4, "seed": 0, "num_threads": 2}
TRAININGS = {
    "npg": lambda: fastpg.NPG("linear", "CartPole-v1", n_steps=64, **SMALL),
    "trpo": lambda: fastpg.TRPO(
        "mlp", "Pendulum-v1", n_steps=64, policy_kwargs={"net_arch": [8]}, **SMALL
    ),
    "ppo": lambda: fastpg.PPO("linear", "Acrobot-v1", n_steps=64, batch_size=32, **SMALL),
    "reinforce": lambda: fastpg.REINFORCE("linear", "CartPole-v1", n_episodes=4, **SMALL),
}


def test_every_algorithm_trains_as_if_it_were_alone():
    def trained(name):
        return TRAININGS[name]().learn(1500).policy.theta

    expected = [trained(name) for name in TRAININGS]
    found = at_once(*(lambda name=name: trained(name) for name in TRAININGS))
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one, other)


def test_one_policy_serves_all_threads():
    policy = fastpg.MlpGaussian(4, 2, net_arch=[16], normalize_observations=True)
    observations = np.random.default_rng(0).normal(size=(700, 4)).astype(np.float32)

    def quantities():
        out = []
        for num_threads in (1, 2, 1, 3):
            phi = policy.features(observations)
            dist = policy.distribution(phi)
            actions = policy.mode(dist)
            out.append(
                policy.score_gradient(phi, dist, actions, dist[:, 0], num_threads=num_threads)
            )
            out.append(policy.fisher_vector_product(phi, dist, policy.theta + 1.0))
        return out

    expected = quantities()
    for found in at_once(*[quantities] * THREADS):
        assert all(map(np.array_equal, expected, found))


def test_predictions_while_the_policy_learns_are_those_of_one_theta():
    algo = TRAININGS["npg"]()
    observation = np.full(4, 0.02, np.float32)
    before = algo.policy.theta.copy()
    thetas, seen = [before], []

    def learn():
        algo.learn(1500, lambda _: thetas.append(algo.policy.theta.copy()))

    def predict():
        for _ in range(200):
            phi = algo.policy.features(observation[None])
            seen.append(algo.policy.distribution(phi)[0])
            algo.predict(observation, deterministic=True)

    at_once(learn, predict, predict)
    phi = algo.policy.features(observation[None])
    possible = {algo.policy.distribution(phi, theta=theta)[0].tobytes() for theta in thetas}
    assert {dist.tobytes() for dist in seen} <= possible


def test_an_environment_serves_one_thread_at_a_time():
    env = fastpg.make_vec("CartPole-v1", 600, num_threads=2, max_episode_steps=-1)
    env.reset(seed=0)
    actions = np.zeros(600, int)
    taken, refused = [], []

    def step():
        for _ in range(40):
            try:
                env.native.step(actions, fastpg._core.Autoreset.same_step)
                taken.append(1)
            except RuntimeError as error:
                refused.append(str(error))

    at_once(*[step] * THREADS)
    assert len(taken) + len(refused) == 40 * THREADS
    assert all("in use by another thread" in text for text in refused)
    other = fastpg.make_vec("CartPole-v1", 600, max_episode_steps=-1)
    other.reset(seed=0)
    for _ in taken:
        other.native.step(actions, fastpg._core.Autoreset.same_step)
    mine, theirs = env.native.snapshot(), other.native.snapshot()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("lanes", [1, 700])
def test_objects_come_and_go_in_all_threads(lanes):
    def rewards(seed):
        out = []
        for k in range(5):
            env = fastpg.make_vec("Pendulum-v1", lanes, num_threads=2)
            policy = fastpg.LinearGaussian.for_env(env)
            out.append(fastpg.collect(env, policy, n_steps=20, seed=seed + k).rewards.sum())
        return out

    expected = [rewards(seed) for seed in range(THREADS)]
    assert at_once(*(lambda seed=seed: rewards(seed) for seed in range(THREADS))) == expected


def test_epochs_in_all_threads():
    def theta():
        policy = fastpg.LinearSoftmax(3, 2)
        adam = solvers.Adam(8)
        phi = np.random.default_rng(0).normal(size=(500, 4))
        solvers.ppo_epochs(
            policy, phi, np.ones(500, np.int32), np.full(500, 0.5), adam, seed=1, n_epochs=5,
            batch_size=32,
        )  # fmt: skip
        return policy.theta

    expected = theta()
    assert all(np.array_equal(expected, found) for found in at_once(*[theta] * THREADS))
