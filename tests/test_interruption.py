"""Kernels that would not end in a lifetime stop from inside, and leave things as they were."""

import numpy as np
import pytest

import fastpg
from fastpg import _core
from fastpg.functional import solvers
from fastpg.rollouts.collector import NativeCollector


@pytest.fixture(autouse=True)
def _long_kernels_end_at_once():
    _core.end_kernels(0.0)
    yield
    _core.end_kernels(None)


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("lanes", [1, 40, 1100])
def test_a_collect_leaves_the_environment_as_it_was(lanes, threads):
    env = fastpg.make_vec("Pendulum-v1", lanes, max_episode_steps=-1, num_threads=threads)
    policy = fastpg.LinearGaussian.for_env(env, features=fastpg.RandomFourier(3, 2000))
    collector = NativeCollector(env, policy, 1)
    collector.reset(1)
    before = env.native.snapshot()
    for collect in (
        lambda: collector.episodes(2 * lanes),
        lambda: collector.steps(2_000_000 // lanes),
    ):
        with pytest.raises(KeyboardInterrupt):
            collect()
        assert same(before, env.native.snapshot())
        assert collector.step_count == 0


@pytest.mark.parametrize("batch_size", [1, 64, 5000])
def test_epochs(batch_size):
    policy, adam = fastpg.LinearSoftmax(3, 2), solvers.Adam(8)
    phi = np.random.default_rng(0).normal(size=(2000, 4))
    with pytest.raises(KeyboardInterrupt):
        solvers.ppo_epochs(
            policy, phi, np.ones(2000, np.int32), np.full(2000, 0.5), adam, seed=1,
            n_epochs=10**6, batch_size=batch_size,
        )  # fmt: skip
    assert not policy.theta.any()
    assert (adam.count, adam.mean.any(), adam.square.any()) == (0, False, False)


def test_conjugate_gradients():
    """Far from converging: the directions lose what they know of each other."""
    matrix = np.diag(np.geomspace(1e-12, 1.0, 2000)) + 1e-9
    with pytest.raises(KeyboardInterrupt):
        fastpg.conjugate_gradient(matrix, np.ones(2000), max_steps=10**6, tol=0.0)


N, HORIZON = 250, 20_000
ONES, EVEN, START = np.ones((N, 2)), np.full((N, 2), 0.5), np.full(N, 1 / N)


@pytest.mark.parametrize(
    "values",
    [
        lambda p: p.finite_values(ONES, EVEN, HORIZON, 1.0),
        lambda p: p.finite_optimum(ONES, HORIZON, 1.0),
        lambda p: p.finite_visits(START, EVEN, 50 * HORIZON),
    ],
    ids=["values", "optimum", "visits"],
)
def test_values_over_a_horizon(values):
    transitions = _core.Transitions(np.full((2 * N, N), 1 / N), 2)
    with pytest.raises(KeyboardInterrupt):
        values(transitions)


def test_values_without_a_horizon():
    n = 1400
    _core.end_kernels(None)
    transitions = _core.Transitions(np.full((n, n), 1 / n), 1)
    _core.end_kernels(0.0)
    one, start = np.ones((n, 1)), np.full(n, 1 / n)
    with pytest.raises(KeyboardInterrupt):
        transitions.discounted_values(one, one, start, 0.9)
    with pytest.raises(KeyboardInterrupt):
        transitions.average_values(one, one)
