"""Copies of MDPs, policies and environments are equal and independent; arrays are read-only."""

import copy
import pickle

import numpy as np
import pytest

import fastpg
from fastpg import tabular
from fastpg.tabular import FeatureSoftmax, OneLogit, TabularSoftmax

MDPS = {
    "finite": tabular.chain(4, horizon=5),
    "terminal": tabular.cliff(3, 4, gamma=0.9),
    "average": tabular.kakade(),
}
POLICIES = [
    TabularSoftmax(3, 2, np.arange(6).reshape(3, 2)),
    TabularSoftmax(3, 2, horizon=4),
    OneLogit(3, [0.1, 0.2, 0.3]),
    FeatureSoftmax(np.arange(6).reshape(3, 2), 2, np.eye(2)),
]
COPIES = [
    copy.copy,
    copy.deepcopy,
    lambda original: pickle.loads(pickle.dumps(original)),
]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("name", MDPS)
def test_a_copied_mdp_is_the_same(name, copied):
    mdp = MDPS[name]
    other = copied(mdp)
    pi = TabularSoftmax(mdp.n_states, mdp.n_actions)
    one, two = mdp.evaluate(pi), other.evaluate(pi)
    assert one.J == two.J
    assert np.array_equal(one.Q, two.Q)
    assert repr(other) == repr(mdp)
    assert (other.criterion, other.horizon, other.gamma) == (mdp.criterion, mdp.horizon, mdp.gamma)


@pytest.mark.parametrize("copied", [lambda original: original, *COPIES])
@pytest.mark.parametrize("name", MDPS)
def test_an_mdp_cannot_be_written_to(name, copied):
    mdp = copied(MDPS[name])
    for array in (mdp.P, mdp.r, mdp.start, mdp.terminal):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("copied", [lambda original: original, *COPIES])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_a_policy_cannot_be_written_to(policy, copied):
    other = copied(policy)
    assert np.array_equal(other.probabilities(), policy.probabilities())
    with pytest.raises(ValueError, match="read-only"):
        other.theta[...] = 0.0
    if isinstance(other, FeatureSoftmax):
        with pytest.raises(ValueError, match="read-only"):
            other.features[...] = 0.0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_another_theta_leaves_the_first(policy):
    before = policy.theta.copy()
    theta = np.ones(policy.theta.size)
    other = policy.with_theta(theta)
    theta[:] = 5.0
    assert type(other) is type(policy)
    assert np.array_equal(other.theta, np.ones(policy.shape))
    assert np.array_equal(policy.theta, before)
    assert np.array_equal(policy.with_theta(np.ones(policy.shape)).theta, other.theta)


@pytest.mark.parametrize("copied", COPIES)
def test_a_copied_environment_goes_on_with_the_same_numbers(copied):
    env = tabular.make_vec(tabular.garnet(5, 3, 4, horizon=7), 4)
    env.reset(seed=3)
    actions = np.random.default_rng(0).integers(0, 3, (40, 4))
    for a in actions[:10]:
        env.step(a)
    other = copied(env)
    before = copied(env).get_state()
    for a in actions[10:]:
        for one, two in zip(env.step(a)[:4], other.step(a)[:4], strict=True):
            assert np.array_equal(one, two)
    assert not np.array_equal(before.streams, env.get_state().streams)


@pytest.mark.parametrize("copied", COPIES)
def test_returns_beyond_doubles_are_copied(copied):
    mdp = tabular.MDP(np.ones((1, 1, 1)), np.full((1, 1), 1e307), np.ones(1), gamma=0.5)
    env = tabular.make_vec(mdp, 2)
    env.reset(seed=0)
    for _ in range(30):
        env.step(np.zeros(2, int))
    assert (copied(env).get_state().episode_returns == np.inf).all()


def test_a_checkpoint_of_an_algorithm_in_a_tabular_environment(tmp_path):
    env = tabular.make_vec(tabular.chain(4, horizon=6), 4)
    algo = fastpg.NPG("linear", env, seed=0).learn(2000)
    again = fastpg.load(algo.save(tmp_path / "chain.npz"), env=env)
    assert np.array_equal(again.policy.theta, algo.policy.theta)
    again.learn(500, reset_num_timesteps=False)
    assert again.num_timesteps > algo.num_timesteps
