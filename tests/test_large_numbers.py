"""Finite numbers that are too large are refused, not turned into infinities."""

import numpy as np
import pytest

import fastpg
from fastpg import _core
from native_ids import NEWEST


def reset(env_id):
    env = fastpg.make_vec(env_id, 3)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("value", [1e200, -1e200, 1.1e38, np.inf, np.nan])
@pytest.mark.parametrize("env_id", NEWEST)
def test_states_that_no_observation_can_hold(env_id, value):
    env = reset(env_id)
    before = env.get_state()
    states = before.state.copy()
    states[1, -1] = value
    with pytest.raises(ValueError, match=r"1e38|finite"):
        env.set_state(states)
    with pytest.raises(ValueError, match=r"state: expected numbers of magnitude at most 1e38"):
        env.native.set_state(states)
    snapshot = env.native.snapshot()
    with pytest.raises(ValueError, match=r"states: expected numbers of magnitude at most 1e38"):
        env.native.restore(**snapshot | {"states": np.ascontiguousarray(states.T)})
    state = fastpg.EnvState(**snapshot | {"states": np.ascontiguousarray(states.T)})
    with pytest.raises(ValueError, match=r"1e38|finite"):
        env.set_state(state)
    assert np.array_equal(env.get_state().states, before.states)


@pytest.mark.parametrize("env_id", NEWEST)
def test_the_largest_states_are_observed(env_id):
    env = reset(env_id)
    states = np.full_like(env.get_state().state, 1e38)
    env.set_state(states)
    rows = env.native.reset(mask=np.zeros(3, np.bool_))  # resets none, observes all
    assert np.isfinite(rows).all()
    assert np.array_equal(env.get_state().state, states)


def test_returns_that_are_not_finite_are_refused():
    native = reset("CartPole-v1").native
    returns = np.array([0.0, np.nan, 0.0])
    with pytest.raises(ValueError, match="episode_returns"):
        native.restore(**native.snapshot() | {"episode_returns": returns})


@pytest.fixture
def samples(rng):
    policy = fastpg.LinearSoftmax(2, 3)
    phi = policy.features(rng.normal(size=(20, 2)).astype(np.float32))
    return policy, phi, policy.distribution(phi), np.zeros(20, np.int32)


def test_sums_that_overflow_are_errors(samples):
    policy, phi, dist, actions = samples
    huge = np.full(20, 1e308)
    ones = np.arange(9.0).reshape(policy.shape)
    with pytest.raises(OverflowError, match="phi, weights"):
        policy.score_gradient(1e10 * phi, dist, actions, huge)
    with pytest.raises(OverflowError, match="phi, vector"):
        policy.fisher_vector_product(1e200 * phi, dist, ones)
    with pytest.raises(OverflowError, match="phi, vector"):
        policy.fisher_vector_product(1e200 * phi, dist, ones, actions)
    with pytest.raises(OverflowError, match="phi"):
        policy.fisher(1e200 * phi, dist)
    for solver in ("cg", "cholesky"):
        with pytest.raises(OverflowError, match="phi, gradient"):
            fastpg.natural_gradient(policy, 1e200 * phi, dist, ones, solver=solver)


def test_what_is_not_finite_is_still_named(samples):
    policy, phi, dist, actions = samples
    phi[3, 1] = np.nan
    batch = _core.PolicyBatch(policy._distribution, policy._network, phi, actions[:, None])
    with pytest.raises(ValueError, match=r"phi: .*nan at index \(3, 1\)"):
        batch.score_gradient(policy.theta, dist, np.ones(20))
    with pytest.raises(ValueError, match=r"phi: .*nan at index \(3, 1\)"):
        batch.fisher(policy.theta, dist)


def test_large_numbers_with_finite_sums_pass(samples):
    policy, phi, dist, actions = samples
    gradient = policy.score_gradient(phi, dist, actions, np.full(20, 1e300))
    assert np.isfinite(gradient).all()
    small = policy.score_gradient(phi, dist, actions, np.ones(20))
    assert np.allclose(gradient / 1e300, small, rtol=1e-12)


def test_an_overflowing_gradient_is_a_status():
    algo = fastpg.REINFORCE(
        "linear", "CartPole-v1", seed=0, ent_coef=lambda _: 1e308, learning_rate=1.0, n_envs=2
    )
    algo.policy.theta = np.random.default_rng(0).normal(size=algo.policy.shape)
    theta = algo.policy.theta
    algo.learn(3000)
    assert {record["train/status"] for record in algo.history} == {"not_finite"}
    assert np.array_equal(algo.policy.theta, theta)


def test_the_bound_is_that_of_resets():
    env = fastpg.make_vec("CartPole-v1", 1)
    with pytest.raises(ValueError, match=r"1e\+?38"):
        env.reset(options={"low": -1e200, "high": 1e200})
    with pytest.raises(ValueError, match="1e38"):
        _core.VectorEnv("CartPole", 1, None, True, True, 1).reset(bounds=(-1e200, 0.0))
