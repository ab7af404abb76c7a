"""Exported policies at the limits: ties, masks, tiny and huge numbers."""

import itertools

import numpy as np
import pytest
from gymnasium import spaces

import fastpg
from exported import (
    Bare,
    Inputs,
    equal_columns,
    every_format,
    found_for,
    found_in,
    model,
)


def greedy(policy, flat):
    return policy.act(np.asarray(flat, np.float32), None, None, None, 0)


@every_format
def test_of_equal_actions_the_first_is_taken(tmp_path, to):
    """A product in NumPy gives equal columns different results: they are stored once."""
    givens, dtypes = {}, {}
    for count, dtype in itertools.product((2, 3, 7, 33), ("float", "double")):
        rng = np.random.default_rng(count)
        flat = rng.normal(size=(200, 16))
        for policy in equal_columns(count, 16, rng):
            assert not greedy(policy, flat).any()
            name = f"{policy.kind}_{count}_{dtype}"
            givens[name], dtypes[name] = Bare(policy, flat), dtype
    for name, found in found_in(to, tmp_path, givens, dtypes).items():
        assert not found.action.any(), name


@every_format
def test_of_two_equal_choices_each_takes_its_first(tmp_path, to):
    policy = fastpg.LinearSoftmax(2, [3, 3])
    policy.theta = np.tile(np.random.default_rng(0).normal(size=(3, 3)), 2)
    given = Bare(policy, np.random.default_rng(1).normal(size=(50, 2)))
    found = found_for(to, tmp_path, given).action
    assert np.array_equal(found, given.predicted())
    assert np.array_equal(found[:, 0], found[:, 1])
    assert len(set(found[:, 0])) > 1


@every_format
def test_logits_that_nearly_agree(tmp_path, to):
    """Those that differ by less than half an ulp of ln pi are equal, as in `predict`."""
    givens, flat = {}, np.ones((1, 1))
    for gap in (1e-310, 1e-17, 1e-15, 1e-9, 1e-3):
        linear, mlp = fastpg.LinearSoftmax(1, 3), fastpg.MlpSoftmax(1, 3, net_arch=[])
        linear.theta = [[0.0, 0.0, 0.0], [0.0, gap, -1.0]]
        mlp.theta = linear.theta.ravel()
        for policy in (linear, mlp):
            assert greedy(policy, flat).tolist() == [int(gap > 1e-16)]
            givens[f"{policy.kind}_{len(givens)}"] = Bare(policy, flat)
    for name, found in found_in(to, tmp_path, givens).items():
        assert found.action.ravel().tolist() == givens[name].predicted().tolist(), name


@every_format
def test_a_mask_that_leaves_one_action(tmp_path, to):
    policy = fastpg.LinearSoftmax(1, [4, 2, 1])
    policy.theta = np.random.default_rng(0).normal(size=policy.shape) * 1e3
    left = np.array([(a, b) for a in range(4) for b in range(2)])
    mask = np.zeros((8, 7), bool)
    mask[np.arange(8), left[:, 0]] = mask[np.arange(8), 4 + left[:, 1]] = mask[:, 6] = True
    found = found_for(to, tmp_path, Bare(policy, np.ones((8, 1)), mask), masked=True)
    assert np.array_equal(found.action, np.column_stack([left, np.zeros(8, int)]))


@every_format
def test_huge_observations_are_clipped(tmp_path, to):
    box, largest = spaces.Box(-np.inf, np.inf, (3,)), float(np.finfo(np.float32).max)
    rows = np.float32([[largest, -largest, 0.0], [1e20, 1e-45, -1e30]])
    givens, dtypes = {}, {}
    for policy, dtype in itertools.product(("linear", "mlp"), ("float", "double")):
        algo = model(box, spaces.Box(-9.0, 9.0, (2,)), policy, normalize_observations=True)
        assert (np.abs(algo.policy.normalizer(rows)).max(axis=1) == 10.0).all()
        name = f"{policy}_{dtype}"
        givens[name], dtypes[name] = Inputs(algo, observations=rows), dtype
    for name, found in found_in(to, tmp_path, givens, dtypes).items():
        assert np.allclose(found.action, givens[name].predicted(), rtol=1e-5), name


@every_format
def test_a_mean_that_is_large_beside_the_deviation(tmp_path, to):
    """In float32, 1e6 + .04 and 1e6 + .02 are one number; their difference to the mean is not."""
    rng, givens = np.random.default_rng(0), {}
    for name in ("linear", "mlp"):
        algo = model(
            spaces.Box(-np.inf, np.inf, (4,)), spaces.Box(-99.0, 99.0, (2,)), name,
            normalize_observations=True,
        )  # fmt: skip
        policy = algo.policy
        policy.normalizer = type(policy.normalizer)(4)
        policy.feature_map = policy.feature_map.fresh()
        policy.observe(1e6 + 0.02 + rng.normal(size=(999, 4)))
        rows = (1e6 + rng.normal(size=(100, 4))).astype(np.float32)
        givens[name] = Inputs(algo, observations=rows)
    for name, found in found_in(to, tmp_path, givens, dict.fromkeys(givens, "float")).items():
        assert np.allclose(found.action, givens[name].predicted(), rtol=2e-5, atol=2e-5), name


@every_format
def test_tiny_weights_keep_their_digits(tmp_path, to):
    """exp(x) - 1 and the like would lose them."""
    rng, givens = np.random.default_rng(0), {}
    for activation, power in itertools.product(("tanh", "relu", "elu", "silu"), (6, 19)):
        policy = fastpg.MlpGaussian(3, 2, net_arch=[5], activation_fn=activation)
        theta = rng.normal(size=policy.shape)
        theta[:20] *= 10.0**-power
        theta[30:] = 0.0  # the last bias, and ln sigma
        policy.theta = theta
        givens[f"{activation}_{power}"] = Bare(policy, rng.normal(size=(50, 3)))
    for name, found in found_in(to, tmp_path, givens).items():
        expected = givens[name].dist()[:, :2]
        assert np.abs(expected).max() < 1e-4
        assert np.abs(found.numbers - expected).max() < 1e-5 * np.abs(expected).max(), name


@every_format
def test_silu_far_below_zero(tmp_path, to):
    """Sigmoid of onnxruntime is 0 below -18."""
    policy = fastpg.MlpGaussian(1, 1, net_arch=[1], activation_fn="silu")
    policy.theta = [1.0, 0.0, 1.0, 0.0, 0.0]
    given = Bare(policy, -np.linspace(5.0, 80.0, 100)[:, None])
    expected = given.dist()[:, :1]
    found = found_for(to, tmp_path, given).numbers
    assert np.allclose(found, expected, rtol=1e-5, atol=0.0)


@every_format
def test_weights_below_the_normal_numbers(tmp_path, to):
    rng = np.random.default_rng(0)
    flat = np.float32([[1.0, -2.0], [3.0, 0.5]])
    policies = {"mlp": fastpg.MlpGaussian(2, 2, net_arch=[]), "linear": fastpg.LinearGaussian(2, 2)}
    scales, least = {"mlp": 1e-40, "linear": 1e-310}, {"mlp": 1.4e-45, "linear": 5e-324}
    for name, policy in policies.items():
        policy.theta = np.append(rng.normal(size=6) * scales[name], [0.0, 0.0])
    givens = {name: Bare(policy, flat) for name, policy in policies.items()}
    for name, found in found_in(to, tmp_path, givens).items():
        expected = givens[name].dist()[:, :2]
        assert expected.all()
        assert np.abs(found.numbers - expected).max() <= 4 * least[name], name


@every_format
def test_large_weights(tmp_path, to):
    policy = fastpg.LinearSoftmax(2, 3)
    policy.theta = np.random.default_rng(0).normal(size=policy.shape) * 1e148
    given = Bare(policy, np.random.default_rng(1).normal(size=(50, 2)))
    found = found_for(to, tmp_path, given).action
    assert np.array_equal(found.ravel(), given.predicted())
    with pytest.raises(ValueError, match=r"finite in float32, got .*e.14\d: dtype='double' holds"):
        fastpg.export(policy, tmp_path / "x", "numpy", dtype="float")


@every_format
def test_integers_without_bounds(tmp_path, to):
    """The largest mean becomes the largest integer that a double holds too."""
    whole = spaces.Box(np.iinfo(np.int64).min, np.iinfo(np.int64).max, (2,), np.int64)
    algo = model(spaces.Box(-1.0, 1.0, (1,)), whole)
    algo.policy.theta = [0.0, 0.0, 1e30, -1e30, 0.0, 0.0]
    found = found_for(to, tmp_path, Inputs(algo, count=1))
    assert found.action.astype(float).tolist() == [[2.0**63 - 1024, -(2.0**63)]]
