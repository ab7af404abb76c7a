"""Every kind of kernel on a Python thread with a small stack."""

import numpy as np
import pytest

import fastpg
from fastpg import _core
from fastpg.functional import solvers
from fastpg.tabular.env import TabularVectorEnv
from fastpg.tabular.makers import garnet
from processes import python

STACK = 192 * 1024  # bytes


def collected(env_id):
    env = fastpg.make_vec(env_id, 1100, num_threads=2, max_episode_steps=15)
    kind = fastpg.LinearGaussian if "Pendulum" in env_id else fastpg.LinearSoftmax
    policy = kind.for_env(env)
    fastpg.collect(env, policy, n_episodes=1200, seed=1)
    env.reset(seed=1)
    for _ in range(16):
        env.step(np.zeros((1100, 1), np.float32) if "Pendulum" in env_id else np.zeros(1100, int))
    return fastpg.collect(env, policy, n_steps=40, seed=1).rewards.sum()


def tabular():
    mdp = garnet(120, 3, 5, seed=0, gamma=0.9)
    return mdp.evaluate(np.full((120, 3), 1 / 3)).J


def stepped_mdp():
    env = TabularVectorEnv(garnet(600, 2, 3, seed=0, horizon=9), 700)
    policy = fastpg.LinearSoftmax.for_env(env)
    return fastpg.collect(env, policy, n_steps=30, seed=0).rewards.sum()


def fitted(size):
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(5000, size)).astype(np.float32)
    steps, targets = np.zeros(5000, np.int64), rng.normal(size=5000)
    baseline = fastpg.LinearBaseline(size, num_threads=2)
    baseline.fit(observations, steps, targets)
    return baseline.predict(observations, steps).sum()


def estimated():
    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=(30, 9000)), rng.normal(size=(30, 9000))
    ended = rng.random((30, 9000)) < 0.1
    advantages, _ = _core.gae(rewards, values, values, ended, ended, 0.9, 0.9, 2)
    returns = fastpg.discounted_returns(rewards, ended, 0.9, num_threads=2)
    return advantages.sum() + returns.sum() + _core.standardize(advantages.ravel()).sum()


def stepped(head, threads=2):
    rng = np.random.default_rng(0)
    policy = (fastpg.LinearSoftmax if head == "softmax" else fastpg.LinearGaussian)(60, 5)
    phi = policy.features(rng.normal(size=(4000, 60)).astype(np.float32))
    dist = policy.distribution(phi)
    actions = policy.sample(dist, rng.uniform(0.01, 0.99, (4000, policy._distribution.action_size)))
    advantages = rng.normal(size=4000)
    gradient = policy.score_gradient(phi, dist, actions, advantages)
    for solver in ("cg", "cholesky"):
        fastpg.natural_gradient(
            policy, phi, dist, gradient, solver=solver, num_threads=threads, actions=actions
        )
    solvers.line_search(policy, phi, dist, actions, advantages, 1e-3 * gradient, target_kl=1.0)
    adam = solvers.Adam(policy.theta.size)
    solvers.ppo_epochs(policy, phi, actions, advantages, adam, seed=0, n_epochs=1)
    return (
        gradient.sum() + policy.fisher(phi, dist).sum() + policy.entropy_gradient(phi, dist).sum()
    )


def solved():
    matrix = np.diag(np.arange(1.0, 301.0)) + 0.1
    return fastpg.conjugate_gradient(matrix, np.ones(300)).x.sum()


WORK = {
    "cartpole": lambda: collected("CartPole-v1"),
    "acrobot": lambda: collected("Acrobot-v1"),
    "pendulum": lambda: collected("Pendulum-v1"),
    "an MDP as an environment": stepped_mdp,
    "exact values": tabular,
    "baseline of 30 numbers": lambda: fitted(30),
    "baseline of 100 numbers": lambda: fitted(100),
    "estimators": estimated,
    "softmax": lambda: stepped("softmax"),
    "gaussian": lambda: stepped("gaussian"),
    "conjugate gradient": solved,
    "training": lambda: fastpg.train(
        "trpo", "CartPole-v1", total_timesteps=4000, seed=0, tuned=False
    )
    .policy.theta.sum(),
}  # fmt: skip

SMALL = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from test_small_stacks import STACK, WORK
for name, work in WORK.items():
    print(name, flush=True)
    expected, found = work(), []
    threading.stack_size(STACK)
    worker = threading.Thread(target=lambda: found.append(work()))
    worker.start()
    worker.join()
    assert found == [expected]
print("all")
"""


@pytest.mark.slow
def test_a_small_stack_is_enough(request):
    """Run in a child process, which an overflow would end; its last line names the kernel."""
    done = python(SMALL, request.path.parent)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.splitlines() == [*WORK, "all"]
