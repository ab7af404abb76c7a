"""Arguments that Python code changes while the bindings read others."""

import numpy as np
import pytest

from fastpg import _core

N = 4


class Seed:
    """Words of a seed, from code that also does something else."""

    def __init__(self, act=lambda: None):
        self.act = act

    def __array__(self, dtype=None, copy=None):
        self.act()
        return np.array([7], dtype=np.uint32)


def make():
    return _core.VectorEnv("CartPole", N, None, True, True, 1)


def test_a_mask_made_smaller_while_seeds_are_read():
    mask = np.ones(N, np.bool_)
    env = make()
    env.reset([Seed()] * N)
    before = env.snapshot()
    seeds = [None] * (N - 1) + [Seed(lambda: mask.resize(1, refcheck=False))]
    with pytest.raises(ValueError, match="mask: expected one flag a lane"):
        env.reset(seeds, mask)
    after = env.snapshot()
    assert all(np.array_equal(before[key], after[key]) for key in before)


@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
def test_a_mask_given_another_shape_while_seeds_are_read():
    mask = np.ones(N, np.bool_)

    def flatten():
        mask.shape = (N, 1)

    with pytest.raises(ValueError, match="mask: expected 1 dimension"):
        make().reset([None] * (N - 1) + [Seed(flatten)], mask)


@pytest.mark.parametrize("change", ["clear", "reverse", "pop"])
def test_a_list_of_seeds_that_changes_is_read_as_it_was(change):
    seeds = []
    seeds += [Seed(lambda: getattr(seeds, change)()), *[Seed() for _ in range(N - 1)]]
    expected = make().reset([Seed()] * N)
    assert np.array_equal(make().reset(seeds), expected)


def test_an_environment_used_by_its_own_seed_is_refused():
    env = make()
    with pytest.raises(RuntimeError, match="in use"):
        env.reset([Seed(env.reset)] + [None] * (N - 1))
    assert env.reset([Seed()] * N).shape == (N, 4)


def test_a_seed_that_raises_changes_nothing():
    def fail():
        raise LookupError("mine")

    env = make()
    env.reset([Seed()] * N)
    before = env.snapshot()
    with pytest.raises(LookupError, match="mine"):
        env.reset([Seed(), Seed(fail), None, None])
    after = env.snapshot()
    assert all(np.array_equal(before[key], after[key]) for key in before)
