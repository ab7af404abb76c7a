"""What a class of a native environment may say, and may leave out."""

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.envs import environment
from fastpg.envs.catalogue import NATIVE, NativeSpec
from fastpg.envs.classic_control import CartPole
from fastpg.envs.environment import Environment
from fastpg.envs.registration import register_native
from fastpg.envs.resetting import reset_bounds


class Bare(CartPole):
    """CartPole without what Gymnasium draws."""

    drawn_by = None


class Three(Environment):
    """An environment whose reset takes three numbers."""

    reset_options = ("low", "high", "length")

    def reset_defaults(self):
        return dict(zip(self.reset_options, (-1.0, 1.0, 0.5), strict=True))


@pytest.fixture
def bare(monkeypatch):
    """An id without an environment of Gymnasium's."""
    monkeypatch.setitem(NATIVE, "Bare-v0", NativeSpec("Bare-v0", Bare(), 500, None))
    register_native()
    yield "Bare-v0"
    del gymnasium.registry["fastpg/Bare-v0"]


def test_without_pictures_everything_else_works(bare):
    env = fastpg.make_vec(bare, 4, render_mode="rgb_array")
    same = fastpg.make_vec("CartPole-v1", 4)
    assert np.array_equal(env.reset(seed=1)[0], same.reset(seed=1)[0])
    env.step(np.zeros(4, dtype=np.int64))
    for one in (env, gymnasium.make(f"fastpg/{bare}", render_mode="rgb_array")):
        one.reset(seed=1)
        with pytest.raises(NotImplementedError, match="CartPole has no pictures"):
            one.render()
    algo = fastpg.train("npg", bare, total_timesteps=2_000, seed=0)
    assert fastpg.evaluate_policy(algo, bare, n_eval_episodes=3)[0] > 0.0


def test_a_reset_takes_as_many_numbers_as_have_names():
    assert reset_bounds(Three(), {}) is None
    assert reset_bounds(Three(), {"length": 2}) == (-1.0, 1.0, 2.0)
    assert reset_bounds(Three(), {"high": np.float32(3.0), "low": 0}) == (0.0, 3.0, 0.5)
    with pytest.raises(ValueError, match="expected low <= high"):
        reset_bounds(Three(), {"low": 2.0})
    with pytest.raises(ValueError, match="length: expected a number, got 'long'"):
        reset_bounds(Three(), {"length": "long"})
    with pytest.raises(ValueError, match="low, high, length: expected magnitudes of at most 1e"):
        reset_bounds(Three(), {"length": 1e39})


def test_names_of_a_reset_that_the_kernel_does_not_take(monkeypatch):
    monkeypatch.setattr(Bare, "reset_options", ("low", "high", "length"))
    with pytest.raises(TypeError, match="CartPole: expected 2 reset_options, got"):
        Bare().reset_defaults()
    with pytest.raises(ValueError, match="bounds: expected size 2, got 3"):
        fastpg.make_vec("CartPole-v1").native.reset(bounds=(0.0, 1.0, 2.0))


@pytest.mark.parametrize(
    "env_id", [spec.id for spec in NATIVE.values() if not spec.environment.from_user]
)
def test_help_lists_the_options(env_id):
    kind = NATIVE[env_id].environment
    for name in fastpg.make_vec(env_id).native.parameters():
        assert f"| `{name}` | " in kind.__doc__
    assert environment._OPTIONS not in kind.__doc__


def test_an_environment_whose_construction_fails_can_be_closed():
    """Some releases of Gymnasium close it when it is collected."""
    env = fastpg.NativeVectorEnv.__new__(fastpg.NativeVectorEnv)
    env.close()
    assert env.closed
