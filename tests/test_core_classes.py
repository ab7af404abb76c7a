"""Classes of the core: named results, pickling, optimizers."""

import copy
import pickle

import numpy as np
import pytest

from fastpg import _core

RESULTS = [
    kind for kind in vars(_core).values() if isinstance(kind, type) and issubclass(kind, tuple)
]


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_named_results(kind):
    names = kind.__match_args__
    made = kind(range(len(names)))
    assert [getattr(made, name) for name in names] == list(made) == list(range(len(names)))
    assert repr(made).startswith(f"fastpg._core.{kind.__name__}({names[0]}=0")
    assert pickle.loads(pickle.dumps(made)) == copy.copy(made) == made
    with pytest.raises(AttributeError, match="readonly"):
        setattr(made, names[0], 1)
    with pytest.raises(TypeError, match="sequence"):
        kind(range(len(names) + 1))


def test_results_come_with_their_names():
    found = _core.conjugate_gradient(np.eye(2), np.ones(2), 5, 0.0, 0.0)
    assert isinstance(found, _core.ConjugateGradient)
    assert (found.x.tolist(), found.status) == ([1.0, 1.0], "converged")
    batch = _core.PolicyBatch(
        _core.Categorical([2]), _core.Linear(2, 2), np.ones((3, 2)), np.zeros((3, 1), np.int32)
    )
    step = batch.natural_step(
        np.zeros(4), np.ones(3), None, False, 0.0, False, 3, True, 5, 0.0, 0.1
    )
    assert isinstance(step.natural, _core.NaturalGradient)
    fit = _core.RidgeRegression(9).fitted(
        np.zeros((3, 2), np.float32), np.zeros(3, np.int64), True, np.ones(3), 0.5, 0.1
    )
    assert isinstance(fit.regression, _core.RidgeRegression)


def stepped(optimizer):
    optimizer.ascend(np.zeros(3), np.array([1.0, -2.0, 0.5]), 0.1)
    return optimizer


@pytest.mark.parametrize("kind", [_core.Adam, _core.RMSprop, _core.Sgd])
def test_an_optimizer_is_copied_and_pickled_with_its_state(kind):
    optimizer = stepped(kind(3))
    for other in (
        copy.copy(optimizer), copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))
    ):  # fmt: skip
        assert (type(other), other.size, other.count) == (kind, 3, 1)
        theta = [o.ascend(np.ones(3), np.ones(3), 0.1) for o in (copy.copy(optimizer), other)]
        assert np.array_equal(*theta)
        assert (other.count, optimizer.count) == (2, 1)


def test_plain_ascent_by_hand():
    sgd = _core.Sgd(2)
    theta, gradient = np.array([1.0, 2.0]), np.array([4.0, -8.0])
    assert sgd.ascend(theta, gradient, 0.25).tolist() == [2.0, 0.0]
    assert sgd.count == 1
    for bad in (np.array([np.inf, 0.0]), np.array([1e308, 0.0])):
        with pytest.raises(ValueError, match="gradient"):
            sgd.ascend(theta, bad, 1e10)
    with pytest.raises(ValueError, match="count: expected at least 0, got -1"):
        sgd.restore(-1)
    assert sgd.count == 1
    sgd.restore(7)
    assert sgd.count == 7


@pytest.mark.parametrize(
    "made", [_core.Categorical([2, 3]), _core.DiagGaussian(2), _core.StateStdGaussian(2)]
)
def test_distributions_are_pickled(made):
    other = pickle.loads(pickle.dumps(made))
    sizes = ("outputs", "own_parameters", "size", "action_size")
    assert type(other) is type(made)
    assert [getattr(other, name) for name in sizes] == [getattr(made, name) for name in sizes]
    assert isinstance(other, _core.Distribution)


def test_what_gives_something_new_changes_nothing(rng):
    observations, steps = rng.normal(size=(20, 2)).astype(np.float32), np.zeros(20, np.int64)
    ridge, moments = _core.RidgeRegression(9), _core.RunningMoments(2)
    weights = ridge.fitted(observations, steps, True, rng.normal(size=20), 0.5, 0.1).weights
    assert ridge.weight == 0.0
    assert weights.shape == (9,)
    later = moments.updated(observations)
    assert (moments.count, later.count) == (0, 20)
    assert np.allclose(later.mean, observations.mean(0), atol=1e-7)
