"""Exported policies do what `predict` does: ONNX in onnxruntime, C compiled, Python with NumPy."""

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import strategies as st

import fastpg
from c_program import CProgram
from exported import (
    FORMATS,
    Bare,
    Inputs,
    model,
    random_mask,
)
from mlp_cases import random_case
from properties import tried_on

THREE = spaces.Box(-9.0, 9.0, (3,))
FOUR = spaces.Discrete(4)
REACH = spaces.Box(-0.5, 0.5, (2,))
MIXED = spaces.Dict(
    {
        "b": spaces.Box(-2.0, 2.0, (2, 2)),
        "a": spaces.Tuple([spaces.Discrete(3, start=-1), spaces.MultiBinary(2)]),
        "many": spaces.MultiDiscrete([2, 3]),
    }
)
UNEQUAL = spaces.MultiDiscrete([2, 5, 1, 3], start=[0, -4, 7, 10])
NORMAL = {"normalize_observations": True}

# What is exported: spaces, the policy and its arguments.
CASES = {
    "identity": (THREE, spaces.Discrete(4, start=-2), "linear", {}),
    "narrow": (spaces.Box(-1.0, 1.0, (1,)), spaces.Discrete(1), "linear", {}),
    "two": (spaces.Box(-1.0, 1.0, (1,)), spaces.Discrete(2), "linear", NORMAL),
    "mixed": (MIXED, spaces.Discrete(5), "linear", NORMAL),
    "polynomial": (
        THREE, UNEQUAL, "linear",
        {"features": "polynomial", "features_kwargs": {"degree": 4, "time": True}} | NORMAL,
    ),
    "quadratic": (
        spaces.Box(-1.0, 1.0, (1,)), spaces.Box(-3.0, 9.0, (1,)), "linear",
        {"features": "polynomial", "features_kwargs": {"degree": 2}},
    ),
    "fourier": (
        THREE, spaces.MultiDiscrete([[2, 3], [4, 2]]), "linear",
        {"features": "fourier", "features_kwargs": {"n_features": 40, "nu": 0.5, "time": True}},
    ),
    "fourier_box": (
        THREE, spaces.Box(-1.0, 2.0, (2, 3)), "linear", {"features": "fourier"} | NORMAL,
    ),
    "unbounded": (THREE, spaces.Box(-np.inf, np.inf, (2,)), "linear", {}),
    "half_bounded": (
        THREE, spaces.Box(np.float32([-np.inf, 0.25]), np.float32([0.1, np.inf])), "linear", NORMAL,
    ),
    "scalar": (THREE, spaces.Box(-2.0, 2.0, ()), "linear", {}),
    "double_box": (THREE, spaces.Box(-0.1, 0.1, (3,), np.float64), "linear", {}),
    "whole": (THREE, spaces.Box(-3, 5, (2,), np.int8), "linear", {}),
    "far_whole": (
        THREE, spaces.Box(-(2**24) - 1, 2**25 + 1, (2,), np.int64), "mlp", {"scale": 1e8},
    ),
    "mlp": (THREE, FOUR, "mlp", {}),
    "mlp_normal": (MIXED, spaces.Discrete(3, start=5), "mlp", NORMAL),
    "affine": (THREE, FOUR, "mlp", {"net_arch": []} | NORMAL),
    "affine_box": (spaces.Box(-1.0, 1.0, (1,)), REACH, "mlp", {"net_arch": []}),
    "thin": (spaces.Box(-1.0, 1.0, (1,)), spaces.Discrete(2), "mlp", {"net_arch": [1]}),
    "mlp_many": (THREE, UNEQUAL, "mlp", {"net_arch": [17, 5]} | NORMAL),
    "mlp_box": (THREE, REACH, "mlp", {"net_arch": [8, 3, 5]} | NORMAL),
    "relu": (THREE, FOUR, "mlp", {"activation_fn": "relu"}),
    "elu": (THREE, FOUR, "mlp", {"activation_fn": "elu", "net_arch": [64]} | NORMAL),
    "silu": (THREE, FOUR, "mlp", {"activation_fn": "silu"} | NORMAL),
    "state_std": (
        THREE, REACH, "mlp", {"net_arch": [9], "state_dependent_std": True} | NORMAL,
    ),
    "wide_state_std": (
        THREE, spaces.Box(-1.0, 2.0, (2, 3)), "mlp",
        {"net_arch": [], "state_dependent_std": True, "scale": 8.0},
    ),
    "relu_box": (THREE, REACH, "mlp", {"activation_fn": "relu"} | NORMAL),
    "elu_box": (THREE, REACH, "mlp", {"activation_fn": "elu"}),
    "silu_box": (THREE, REACH, "mlp", {"activation_fn": "silu"}),
}  # fmt: skip


def case(name):
    observation, action, policy, kwargs = CASES[name]
    return model(observation, action, policy, seed=sorted(CASES).index(name), **kwargs)


def require_equal(given, found, dtype=None):
    """The numbers of the policy, and the actions of `predict`."""
    mask = given.mask if found.masked else None
    numbers = given.head.compared(found.numbers, mask)
    expected = given.outputs(found.masked)[:, : numbers.shape[1]]
    finite = np.isfinite(expected)
    assert np.array_equal(finite, np.isfinite(numbers))
    numbers, wanted = (np.where(finite, each, 0.0) for each in (numbers, expected))
    slack = given.slack(wanted, dtype)
    assert (np.abs(numbers - wanted) <= slack).all()
    given.head.require_actions(given, found, expected, slack, dtype)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("to", FORMATS)
def test_the_same_as_predict(tmp_path, to, name):
    given = Inputs(case(name))
    for masked in given.masked:
        found = FORMATS[to](given, tmp_path, masked=masked)
        require_equal(given, found)
        if to == "numpy":
            assert found.action.dtype == given.predicted().dtype


def other_dtype(name):
    return "double" if CASES[name][2] == "mlp" else "float"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("to", FORMATS)
def test_the_other_dtype(tmp_path, to, name):
    given, dtype = Inputs(case(name), count=300), other_dtype(name)
    found = FORMATS[to](given, tmp_path, dtype=dtype)
    require_equal(given, found, dtype)


@pytest.fixture(scope="module", params=["c", "c++"])
def program(request, tmp_path_factory):
    """All cases in one program, in C in both dtypes."""
    models, dtypes = {name: case(name) for name in CASES}, {}
    if request.param == "c":
        dtypes = {f"other_{name}": other_dtype(name) for name in CASES}
        models |= {f"other_{name}": case(name) for name in CASES}
    folder = tmp_path_factory.mktemp("program")
    return CProgram(folder, models, dtypes, language=request.param)


@pytest.mark.parametrize("name", CASES)
def test_c_does_the_same_as_predict(program, name):
    for header in (name, f"other_{name}"):
        if header not in program.models:
            continue
        given, dtype = Inputs(program.models[header]), program.dtypes.get(header)
        size = (given.count, given.policy._action_size)
        random = given.head.draws(np.random.default_rng(3), size)
        for masked in given.masked:
            found = program.run(header, given, masked=masked, random=random)
            assert not found.status.any()
            require_equal(given, found, dtype)
            assert not found.sampled_status.any()
            given.head.require_samples(given, found, random, given.dist(masked))


@tried_on(8, 200, 5000)(st.integers(0, 2**32 - 1))
def test_random_perceptrons(tmp_path_factory, seed):
    made = random_case(seed)
    if made is not None:
        require_every_format(tmp_path_factory, Bare(made.policy, made.phi, made.mask))


@tried_on(8, 200, 5000)(st.integers(0, 2**32 - 1))
def test_random_linear_policies(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 5))
    features, keywords = [
        ("identity", {}),
        ("polynomial", {"degree": int(rng.integers(1, 6))}),
        ("fourier", {"n_features": int(rng.integers(1, 50)), "nu": float(rng.uniform(0.1, 3.0))}),
    ][rng.integers(3)]
    chosen = {"features": features, "features_kwargs": keywords}
    flat = rng.normal(size=(50, d)) * 10.0 ** rng.uniform(-2.0, 1.0)
    if rng.integers(2):
        policy = fastpg.LinearGaussian(d, int(rng.integers(1, 4)), low=None, **chosen)
        policy.theta = np.clip(rng.normal(size=policy.shape), -2.0, 2.0)
        require_every_format(tmp_path_factory, Bare(policy, flat))
        return
    counts = rng.integers(1, 6, size=rng.integers(1, 4)).tolist()
    policy = fastpg.LinearSoftmax(d, counts, **chosen, normalize_observations=bool(rng.integers(2)))
    policy.theta = rng.normal(size=policy.shape)
    policy.observe(flat)
    require_every_format(tmp_path_factory, Bare(policy, flat, random_mask(counts, 50, rng)))


def require_every_format(folders, given):
    masked = given.mask is not None
    for to, run in FORMATS.items():
        found = run(given, folders.mktemp(to), masked=masked)
        require_equal(given, found)
