"""Copies of policies, algorithms and feature maps share nothing that one of them may change."""

import copy
import pickle

import numpy as np
import pytest

import fastpg
from fastpg import tabular
from fastpg.policies.function_features import FunctionFeatures

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
}
NORMALISED = {"policy_kwargs": {"normalize_observations": True}}


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_an_algorithm_is_not_changed_by_what_its_copy_learns(kind, name):
    algo = fastpg.PPO(name, "CartPole-v1", seed=0, n_envs=2, n_steps=64, **NORMALISED).learn(300)
    before = pickle.dumps(algo.state())
    other = COPIES[kind](algo)
    other.use_env("CartPole-v1")
    other.learn(300)
    assert pickle.dumps(algo.state()) == before
    assert not np.array_equal(other.policy.theta, algo.policy.theta)


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("make", [fastpg.LinearSoftmax, fastpg.MlpSoftmax, fastpg.LinearGaussian])
def test_a_policy_is_not_changed_by_what_its_copy_sees(kind, make):
    policy, observations = make(3, 2, normalize_observations=True), np.ones((2, 3))
    policy.observe(np.eye(3))
    before = policy.features(observations)
    other = COPIES[kind](policy)
    assert np.array_equal(other.features(observations), before)
    other.observe(observations * 100.0)
    assert np.array_equal(policy.features(observations), before)
    assert not np.array_equal(other.features(observations), before)


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize(
    "features",
    [fastpg.Identity(3), fastpg.Polynomial(3), fastpg.RandomFourier(3, 8),
     FunctionFeatures(3, np.abs)],
)  # fmt: skip
def test_a_map_that_normalises_is_copied_as_it_is(kind, features, rng):
    if kind == "pickle" and isinstance(features, FunctionFeatures):
        pytest.skip("a function is pickled by its name")
    x = rng.normal(size=(50, 3)) * 5.0 + 1.0
    normalizer, plain = fastpg.RunningNormalizer(3), features.fresh()(x)
    normalizer.update(x)
    normalizer.use_in(features)
    assert not np.array_equal(features(x), plain)
    assert np.array_equal(COPIES[kind](features)(x), features(x))
    assert np.array_equal(features.fresh()(x), plain)


def test_only_the_policy_s_own_array_becomes_theta():
    policy, given = fastpg.LinearGaussian(2, 1), np.array([0.0, 0.0, 0.0, 1.0])
    policy.theta = given
    given += 1.0
    assert policy.theta.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert not hasattr(policy, "takes")


def test_a_tabular_policy_is_made_of_what_equals_it():
    observations = np.eye(3)
    several = fastpg.LinearSoftmax(3, [2, 2])
    for other in (several, fastpg.MlpSoftmax(3, 2), fastpg.LinearGaussian(3, 1), None):
        with pytest.raises(TypeError, match="policy: expected a LinearSoftmax for a Discrete"):
            tabular.FeatureSoftmax.of(other, observations)
    timed = fastpg.LinearSoftmax(3, 2, features=fastpg.Identity(3, time=True))
    with pytest.raises(ValueError, match="horizon: expected a number of steps"):
        tabular.FeatureSoftmax.of(timed, observations)
    assert tabular.FeatureSoftmax.of(timed, observations, horizon=4).probabilities().shape[0] == 4
