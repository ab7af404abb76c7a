"""check_native_env compares what Numba has compiled with the undecorated functions."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed")

import fastpg
from numba_envs import CartPole, Grid, Slide
from test_check_native_env import found

SCALE = 1.0
GIVEN = {"state": {"x": float, "n": int}, "observation": 1, "action": 2, "max_episode_steps": 20}


class Base:
    """A random walk."""

    def reset(state, params, options, rng):
        state.x = rng.normal()

    def step(state, action, params, rng):
        state.x += action + SCALE * rng.normal()
        state.n += 1
        return state.x, False

    def observe(state, params, out):
        out[0] = state.x


@pytest.fixture(scope="module")
def walk():
    return fastpg.numba_env("NumbaWalk-v0", **GIVEN)(Base)


@pytest.mark.parametrize("env", [CartPole, Grid, Slide], ids=repr)
def test_what_is_right_passes(env):
    assert found(env) == {}


def test_a_compiled_function_keeps_a_global_that_has_changed(walk, monkeypatch):
    assert found(walk) == {}
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    findings = found(walk)
    assert list(findings) == ["reference"]
    assert findings["reference"].startswith("step: the state is [")


def test_an_exception_that_only_python_raises(walk, monkeypatch):
    monkeypatch.setitem(globals(), "SCALE", None)
    text = found(walk)["reference"]
    assert "undecorated, it raises TypeError: unsupported operand" in text
    assert text.endswith("compiled, it does not")


def test_a_failure_shows_the_exception_of_the_undecorated_function():
    class Failing(Base):
        def step(state, action, params, rng):
            if state.n == 7:
                raise ValueError("seven")
            state.n += 1
            return 0.0, False

    env = fastpg.numba_env("NumbaFailing-v0", **GIVEN)(Failing)
    text = found(env)["failure"]
    assert "step failed in environment 0: ValueError: seven" in text
    assert text.endswith("; undecorated, it raises ValueError: seven")


def test_rounding_is_no_finding_and_more_is():
    from fastpg.native_envs.twin import _close

    assert _close(1.0 + 1e-12, 1.0, 1e-9)
    assert not _close(1.0 + 1e-6, 1.0, 1e-9)
    assert _close(np.array([1e12 + 1.0]), np.array([1e12]), 1e-9)
    assert _close(np.nan, np.nan, 1e-9)
    assert not _close(np.nan, 1.0, 1e-9)
    assert not _close(np.inf, 1.0, 1e-9)
    assert not _close(True, False, 0.0)


def test_the_largest_sizes():
    class Large:
        def reset(state, params, options, rng):
            for k in range(state.numbers.size):
                state.numbers[k] = rng.uniform()

        def step(state, action, params, rng):
            state.counts[3] += 1
            state.numbers[7] += action
            state.small[0, 1] = state.numbers[7]
            return 0.0, state.counts[3] > 30

        def observe(state, params, out):
            for k in range(state.numbers.size):
                out[k + 3000] = state.numbers[k]
            out[0] = state.counts[3]

    env = fastpg.numba_env(
        "NumbaLarge-v0",
        state={"numbers": (float, 1000), "counts": (int, 20), "small": (np.float32, (2, 2))},
        observation=4096,
        action=2,
    )(Large)
    assert len(env.state_names) == 1024
    assert found(env, n_steps=40) == {}
