"""Kernels of the core with wrong arguments: a typed error or a result, never a crash."""

from types import BuiltinFunctionType, MethodType

import numpy as np
import pytest

from fastpg import _core
from kernel_catalogue import kernel_arguments, tabular_arguments

KERNELS = list(kernel_arguments())
STRANGE = [
    np.zeros((0, 0)), np.zeros((0,)), np.zeros((3, 0)), np.zeros((0, 2)), np.zeros((7, 7)),
    np.zeros(9), np.zeros((2, 2, 2)), np.full((3, 2), np.nan), np.full(3, np.inf),
    np.full((3, 4), np.nan), np.full((3, 4), np.inf, np.float32), np.array(1.0),
    np.full(3, -1, np.int32), np.full(3, 99, np.int32), np.full(3, -(2**63), np.int64),
    np.full(3, 2**62, np.int64), np.ones((3, 2), np.float32), np.full((3, 2), np.nan, np.float32),
    np.zeros((0, 2), np.float32), np.full((3, 1), -1, np.int32),
    np.zeros((5, 2), dtype=object), None, "text", -1, 0, 2**70, -1.0, np.nan, np.inf, 1e308,
    [], {}, object(),
]  # fmt: skip


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_survive_any_argument(name, every):
    """Any value for any argument gives a typed error or a result, never a crash."""
    kernel, arguments = kernel_arguments()[name]
    for place in range(len(arguments)):
        for strange in STRANGE[place % every :: every]:
            given = [*arguments]
            given[place] = strange
            try:
                kernel(*given)
            except (TypeError, ValueError, RuntimeError, OverflowError, MemoryError):
                continue
            # Others, since those that led to a result may be changed.
            kernel, arguments = kernel_arguments()[name]


def test_a_tabular_environment_survives_any_state():
    restore, snapshot = tabular_arguments()["tabular_restore"]
    env = restore.__self__
    for strange in (np.nan, np.inf, -np.inf, 1e308, -1e308, 2.0**63, -0.5, 1e-310):
        for put in (
            lambda bad: env.set_state(bad.reshape(3, 1), np.ones(3, bool)),
            lambda bad: env.restore(bad.reshape(1, 3), *snapshot[1:]),
        ):
            try:
                put(np.full(3, strange))
            except ValueError:
                continue
            observations, *_ = env.step(np.zeros(3, np.int64), _core.Autoreset.next_step)
            assert np.array_equal(observations.sum(axis=1), np.ones(3))


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_run_on_good_arguments(name):
    kernel, arguments = kernel_arguments()[name]
    kernel(*arguments)


def test_kernels_refuse_silent_copies():
    columns = np.asfortranarray(np.ones((3, 2)))
    flags = np.zeros((3, 2), dtype=bool)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.gae(columns, columns, columns, flags, flags, 0.9, 0.9, 1)
    for phi in (columns, np.ones((3, 2), np.int64), np.ones((3, 2), np.float32)):
        with pytest.raises(TypeError, match="incompatible constructor arguments"):
            _core.PolicyBatch(_core.Categorical([2]), _core.Linear(2, 2), phi)


def names(function):
    """Of a function, or of a method with its class and the classes before it."""
    owners = type(function.__self__).__mro__ if isinstance(function, MethodType) else ()
    return {function.__name__, *(f"{owner.__name__}.{function.__name__}" for owner in owners)}


def test_every_function_of_the_core_is_in_the_catalogue():
    tested = set().union(*(names(function) for function, _ in kernel_arguments().values()))
    for name, value in vars(_core).items():
        if isinstance(value, BuiltinFunctionType) and name != "end_kernels":
            assert name in tested
        elif isinstance(value, type) and "__init__" in vars(value):
            for method, function in vars(value).items():
                if isinstance(function, staticmethod):
                    assert method in tested
                elif not method.startswith("_") and callable(function):
                    assert f"{name}.{method}" in tested
