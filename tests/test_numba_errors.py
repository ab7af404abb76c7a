"""Environments in Python, compiled by Numba: mistakes in definitions and in functions."""

import sys

import numpy as np
import pytest
from gymnasium import spaces

pytest.importorskip("numba", reason="numba is not installed")

import fastpg
from fastpg import _core
from fastpg.envs import NATIVE
from fastpg.native_envs.c_env import _words, draws
from numba_envs import CartPole, Slide


class Plain:
    """Functions of a small environment."""

    def reset(state, params, options, rng):
        state.x = 1.0

    def step(state, action, params, rng):
        return 0.0, False

    def observe(state, params, out):
        out[0] = state.x


GIVEN = {"id": "Broken-v0", "state": ["x"], "observation": 1, "action": 2}
WRONG_ARGUMENTS = {
    "id": ({"id": "not an id!"}, ValueError, "expected an id such as"),
    "id number": ({"id": 3}, TypeError, "id: expected a string"),
    "taken": ({"id": "CartPole-v1"}, ValueError, "registered already"),
    "state text": ({"state": "x"}, TypeError, "expected a dict of fields or a list of names"),
    "state empty": ({"state": []}, ValueError, "state: expected 1 to 1024 numbers, got 0"),
    "state large": ({"state": {"x": (float, 1025)}}, ValueError, "1024"),
    "state twice": ({"state": ["x", "x"]}, ValueError, "expected each name once"),
    "state name": ({"state": ["x", "a b"]}, ValueError, "expected names such as"),
    "state private": ({"state": ["_x"]}, ValueError, "expected names such as"),
    "state dtype": ({"state": {"x": np.int32}}, ValueError, "float64, float32, int64"),
    "state object": ({"state": {"x": "real"}}, ValueError, "float64, float32, int64"),
    "state shape": ({"state": {"x": (float, 0)}}, ValueError, "expected .*1"),
    "observation": ({"observation": 0}, ValueError, "observation"),
    "observation large": ({"observation": 4097}, ValueError, "4096"),
    "observation box": (
        {"observation": spaces.Box(0, 1, (2, 2))}, ValueError, "expected one dimension"
    ),
    "observation kind": ({"observation": spaces.Discrete(2)}, TypeError, "observation"),
    "observation bounds": ({"observation": {"x": (1.0, 2.0, 3.0)}}, (TypeError, ValueError), "obs"),
    "action": ({"action": "left"}, TypeError, "expected a Discrete, MultiDiscrete or Box"),
    "action bool": ({"action": True}, TypeError, "expected a Discrete, MultiDiscrete or Box"),
    "action start": ({"action": spaces.Discrete(2, start=1)}, ValueError, "start at 0"),
    "action shape": ({"action": spaces.Box(0, 1, (2, 2))}, ValueError, "expected one dimension"),
    "params": ({"params": [1.0]}, TypeError, "params: expected a dict"),
    "params text": ({"params": {"a": "1"}}, TypeError, "params: a"),
    "params bool": ({"params": {"a": True}}, TypeError, "write 0 or 1"),
    "params nan": ({"params": {"a": float("nan")}}, ValueError, "params: a"),
    "params range": ({"params": {"a": (1.0, 2.0, 3.0)}}, ValueError, "a default from 2.0 to 3.0"),
    "params pair": ({"params": {"a": (1.0, 2.0)}}, TypeError, "number, low, high"),
    "params name": ({"params": {"if ": 1.0}}, ValueError, "expected names such as"),
    "options": ({"reset_options": {"a": None}}, TypeError, "reset_options: a"),
    "limit": ({"max_episode_steps": 0}, ValueError, "max_episode_steps"),
    "threshold": ({"reward_threshold": "high"}, TypeError, "reward_threshold"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_ARGUMENTS)
def test_wrong_arguments(name):
    wrong, kind, text = WRONG_ARGUMENTS[name]
    known = set(NATIVE)
    with pytest.raises(kind, match=text):
        fastpg.numba_env(**{**GIVEN, **wrong})(Plain)
    assert set(NATIVE) == known


def with_functions(**functions):
    return type("Changed", (Plain,), functions)


def too_few(state, action, params):
    return 0.0, False


def no_pair(state, action, params, rng):
    return 1.0


def text(state, action, params, rng):
    return "much", False


def swapped(state, action, params, rng):
    return state.x > 3.0, state.x


def importing(state, action, params, rng):
    import math

    return math.pi, False


def changing(state, action, params, rng):
    params.g = 2.0
    return 0.0, False


def unknown_field(state, action, params, rng):
    return state.y, False


def unknown_number(state, action, params, rng):
    return params.speed, False


def uncompilable(state, action, params, rng):
    return open("file"), False


def helper(state):
    return state.x


def calling(state, action, params, rng):
    return helper(state), False


def other_draw(state, action, params, rng):
    return rng.integers(3), False


def real_count(state, action, params, rng):
    return rng.integer(3.0), False


def returning(state, params, out):
    return 1.0


def mask(state, out):
    out[0] = False


WRONG_FUNCTIONS = {
    "none": (with_functions(step=None), {}, "step: expected a function step"),
    "no function": (with_functions(step=3), {}, "step: expected a function, got 3"),
    "few": (with_functions(step=too_few), {}, r"expected step\(state, action, params, rng\), got"),
    "no pair": (with_functions(step=no_pair), {}, r"return \(reward, terminated\), got float64"),
    "text": (with_functions(step=text), {}, r"return \(reward, terminated\), got"),
    "swapped": (with_functions(step=swapped), {}, r"got (Uni)?Tuple\(bool(ean)?, float64\); the"),
    "importing": (with_functions(step=importing), {}, "step: Numba cannot compile it: .*IMPORT"),
    "changing": (
        with_functions(step=changing),
        {"params": {"g": 1.0}},
        "g: parameters and options cannot",
    ),
    "field": (with_functions(step=unknown_field), {}, "state has no field 'y'; it has x"),
    "number": (with_functions(step=unknown_number), {}, "no number 'speed'; there are none"),
    "uncompilable": (with_functions(step=uncompilable), {}, "step: Numba cannot compile it"),
    "calling": (with_functions(step=calling), {}, "functions that yours call with @numba.njit"),
    "other draw": (with_functions(step=other_draw), {}, "rng has no 'integers'; it has uniform, n"),
    "real count": (with_functions(step=real_count), {}, r"an integer, got float64: write int\(n\)"),
    "returning": (with_functions(observe=returning), {}, "observe: expected a function that ret"),
    "no class": (Plain.step, {}, "expected a class to decorate"),
}


@pytest.mark.parametrize("name", WRONG_FUNCTIONS)
def test_wrong_functions(name):
    kind, arguments, text = WRONG_FUNCTIONS[name]
    with pytest.raises(TypeError, match=text):
        fastpg.numba_env(**GIVEN, **arguments)(kind)
    assert "Broken-v0" not in NATIVE


def test_masks_are_for_discrete_actions():
    with pytest.raises(ValueError, match="mask: expected none for continuous actions"):
        fastpg.numba_env(**{**GIVEN, "action": spaces.Box(-1, 1, (1,))})(with_functions(mask=mask))


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in [name for name in sys.modules if name.startswith("fastpg.native_envs.compiled")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"numba_env needs numba: pip install '\.\[numba\]'"):
        fastpg.numba_env(**GIVEN)(Plain)


def test_with_a_numba_that_does_not_compile(monkeypatch):
    import numba

    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(RuntimeError, match="unset NUMBA_DISABLE_JIT"):
        fastpg.numba_env(**GIVEN)(Plain)


class Odd(Exception):
    """An exception that needs two arguments."""

    def __init__(self, one, two):
        super().__init__(one + two)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (ValueError, ValueError("far"), "far"),
        (ValueError, ("far",), "far"),
        (ValueError, "far", "far"),
        (KeyError, ("far", 2), "('far', 2)"),
        (IndexError, None, ""),
        (Odd, ("a", "b"), "ab"),
        (Odd, ("a",), "('a',)"),
    ],
)
def test_words_of_an_exception(kind, value, text):
    assert _words(kind, value) == text


FAULTS = {
    2: r"step failed in environment 1: KeyError: \('no step', .*numba_envs.py, line \d+\)",
    3: "step failed in environment 1: state.faults: expected whole numbers of at most 2.53",
    4: "step failed in environment 1: ZeroDivisionError",
    5: "step failed in environment 1: IndexError",
    6: "observe failed in environment 1: RuntimeError: no view",
    7: "environment 1: observe: number 1: expected a finite number, got nan",
}


def faulty(fault, **arguments):
    """Three environments, of which the second has a fault."""
    env = fastpg.make_vec(Slide.id, 3, **arguments)
    env.reset(seed=0)
    env.reset(options={"fault": fault, "reset_mask": np.array([False, True, False])})
    return env


@pytest.mark.parametrize("fault", FAULTS)
def test_an_exception_is_an_error_with_the_environment(fault):
    env = faulty(fault)
    before = env.get_state()
    for _ in range(2):
        with pytest.raises(_core.NativeEnvError, match=FAULTS[fault]) as caught:
            env.step(np.ones((3, 2)))
        assert caught.value.environment == 1
        for name in ("states", "streams", "elapsed_steps", "status"):
            assert np.array_equal(getattr(env.get_state(), name), getattr(before, name)), name


def test_an_exception_in_a_reset():
    env = fastpg.make_vec(Slide.id, 2)
    with pytest.raises(_core.NativeEnvError, match="reset failed in environment 0: ValueError: no"):
        env.reset(seed=0, options={"fault": 1})


@pytest.mark.parametrize("fault", [2, 6])
def test_an_exception_while_threads_collect(fault):
    broken = [0] * 1200
    broken[1100] = fault
    text = FAULTS[fault].replace("environment 1", "environment 1100")
    for threads in (1, 2, 3):
        env = fastpg.make_vec(Slide.id, 1200, num_threads=threads)
        algo = fastpg.TRPO("linear", env, seed=0, n_steps=4, num_threads=threads)
        env.set_attr("broken", broken)
        with pytest.raises(_core.NativeEnvError, match=text) as caught:
            fastpg.collect(env, algo.policy, n_steps=4, seed=0)
        assert caught.value.environment == 1100
        env.set_attr("broken", 0)
        rollout = fastpg.collect(env, algo.policy, n_steps=4, seed=0)
        assert rollout.rewards.shape == (4, 1200)


def test_options_are_checked():
    env = fastpg.make_vec(Slide.id)
    with pytest.raises(ValueError, match="fault: expected a number from 0 to 9, got 10"):
        env.reset(options={"fault": 10})
    with pytest.raises(ValueError, match="speed"):
        env.reset(options={"speed": 1})
    with pytest.raises(TypeError, match="speed"):
        CartPole.reference(speed=1.0)
    with pytest.raises(ValueError, match="whole number"):
        Slide.reference().reset(options={"fault": 0.5})


def silent(state, action, params, rng):
    return 0.0, False


def nested(state, action, params, rng):
    return sum(rng.uniform() for _ in range(2)), False


def test_whether_steps_draw_is_seen_in_their_code():
    assert not draws(silent)
    assert draws(nested)
    assert draws(lambda s, a, p, generator: (generator.normal(), False))
    assert not fastpg.make_vec("NumbaCartPole-v1").native.draws_in_steps
    assert fastpg.make_vec("NumbaGrid-v0").native.draws_in_steps
