"""Exported files: what they say, how they are named, what they and `export` refuse."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import strategies as st

import fastpg
from c_program import FLAGS, CProgram, compiler
from exported import (
    Bare,
    Inputs,
    equal_columns,
    every_format,
    found_for,
    model,
    onnx_session,
)
from fastpg.export import c_text, identifier, onnx_file
from processes import GUARD, python
from properties import tried_on

every_file = pytest.mark.parametrize("name", ["a.h", "a.py", "a.onnx"])
PAGE = Path(__file__).resolve().parent.parent / "docs" / "export.md"


def require_package(name):
    if name.endswith(".onnx"):
        pytest.importorskip("onnx", reason="onnx is not installed")


def test_every_number_in_c_is_read_as_it_was():
    special = [0.0, -0.0, 1.0, -3.0, 1e22, 5e-324, -2.5e-308, 1.7976931348623157e308]
    for value in special:
        text = c_text.number(value, np.dtype(np.float64))
        assert np.float64(text).tobytes() == np.float64(value).tobytes()
        assert "." in text or "e" in text
    for value in np.float32([0.0, 1.0, 1e-45, 1.17e-38, 3.4028235e38, 16777216.0, 0.1]):
        text = c_text.number(float(value), np.dtype(np.float32))
        assert re.fullmatch(r"[-\d]+(\.\d+)?(e[+-]\d+)?f", text)
        assert np.float32(text[:-1]) == value
    assert c_text.number(-np.inf, np.dtype(np.float32)) == "-INFINITY"


@tried_on(100, 10_000, 1_000_000)(st.integers(0, 2**64 - 1))
def test_random_numbers_in_c(bits):
    double = ctypes.c_double.from_buffer_copy(bits.to_bytes(8, "little")).value
    if np.isfinite(double):
        assert float(c_text.number(double, np.dtype(np.float64))) == double
    single = np.uint32(bits % 2**32).view(np.float32)
    if np.isfinite(single):
        text = c_text.number(float(single), np.dtype(np.float32))
        assert np.float32(text[:-1]) == single


@every_format
def test_keys_that_would_end_a_comment(tmp_path, to):
    box = spaces.Box(-1.0, 1.0, (1,))
    keys = (
        "*/ #error",
        '"""',
        "line\n#error",
        "end\\",
        "??/",
        "@real ~ {comments} {x}",
        "日本",
        "'",
    )
    algo = model(spaces.Dict(dict.fromkeys(keys, box)), spaces.Discrete(3))
    given = Inputs(algo, count=50)
    found = found_for(to, tmp_path, given)
    assert np.array_equal(found.action.ravel(), given.predicted())
    path = tmp_path / {"numpy": "policy.py", "onnx": "policy.onnx", "c": "policy.h"}[to]
    assert b"'@real ~ {comments} {x}'" in path.read_bytes()


@every_file
def test_files_say_what_they_take(tmp_path, name):
    space = spaces.Dict(
        {
            "at": spaces.Box(-1.0, 1.0, (2, 2)),
            "kind": spaces.Discrete(3, start=-1),
            "more": spaces.Tuple(
                [spaces.MultiDiscrete([2, 3], start=[1, 0]), spaces.MultiBinary(2)]
            ),
        }
    )
    algo = model(space, spaces.Discrete(4, start=2))
    lines = [
        "0 to 3: observation['at']: numbers of shape (2, 2), the last index fastest",
        "4 to 6: observation['kind']: one-hot code of an integer from -1 to 1",
        "7 to 11: observation['more'][0]: one-hot codes, one after the other, of integers with "
        "[2, 3] values, which count from [1, 0]",
        "12 to 13: observation['more'][1]: flags, 0 or 1, of shape (2,)",
        "Action: Discrete(4, start=2).",
    ]
    require_package(name)
    content = fastpg.export(algo, tmp_path / name).read_bytes()
    for line in lines:
        assert line.encode() in content


@every_file
def test_the_same_policy_gives_the_same_bytes(tmp_path, name):
    require_package(name)
    policy = equal_columns(3, 4, np.random.default_rng(0))[1]
    first = fastpg.export(policy, tmp_path / name).read_bytes()
    assert fastpg.export(policy, tmp_path / name).read_bytes() == first
    policy.theta = policy.theta + 1.0
    assert fastpg.export(policy, tmp_path / name).read_bytes() != first


@pytest.fixture
def masked():
    policy = fastpg.LinearSoftmax(2, 3)
    policy.theta = np.random.default_rng(0).normal(size=policy.shape)
    return policy


def test_the_header_refuses(tmp_path, masked):
    """A status of 1, and the action as it was."""
    program = CProgram(tmp_path, {"policy": masked, "box": fastpg.LinearGaussian(2, 2)})
    rows = np.float32([[0.0, 0.0], [np.nan, 1.0], [0.0, 0.0]])
    mask = np.array([[1, 1, 1], [1, 1, 1], [0, 0, 0]], bool)
    found = program.run("policy", Bare(masked, rows, mask), masked=True)
    assert found.status.tolist() == found.sampled_status.tolist() == [0, 1, 1]
    assert (found.action[1:] == 77).all()
    found = program.run("box", Bare(program.models["box"], rows))
    assert found.status.tolist() == [0, 1, 0]
    assert found.action[:, 0].tolist() == [0.0, 77.0, 0.0]


def test_an_infinite_observation_is_refused_where_its_inputs_are_limited(tmp_path):
    box = spaces.Box(-1.0, 1.0, (3,))
    models = {
        "normal": model(box, spaces.Discrete(2), normalize_observations=True),
        "tanh": model(box, spaces.Box(-1, 1, (1,)), policy="mlp", activation_fn="tanh"),
    }
    program = CProgram(tmp_path, models)
    rows = np.float32([[0, 0, 0], [np.inf, 0, 0], [0, 0, -np.inf], [0, np.nan, 0]])
    for name, each in models.items():
        found = program.run(name, Bare(each.policy, rows))
        assert found.status.tolist() == [0, 1, 1, 1]
        assert (found.action[1:] == 77).all()


def test_the_onnx_file_is_well_formed(tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    algo = model(
        spaces.Box(-1.0, 1.0, (3,)), spaces.MultiDiscrete([2, 3]),
        features="polynomial", features_kwargs={"time": True}, normalize_observations=True,
    )  # fmt: skip
    path = fastpg.export(algo, tmp_path / "policy.onnx", action_mask=True)
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    assert (proto.ir_version, proto.opset_import[0].version) == (7, 13)
    assert (proto.producer_name, proto.graph.name) == ("fastpg", "policy")
    session = onnx_session(path)
    described = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    assert described == {
        "observation": ("tensor(float)", ["batch", 3]),
        "step_index": ("tensor(int64)", ["batch"]),
        "action_mask": ("tensor(bool)", ["batch", 5]),
    }
    described = {each.name: (each.type, each.shape) for each in session.get_outputs()}
    assert described == {
        "action": ("tensor(int64)", ["batch", 2]),
        "logits": ("tensor(double)", ["batch", 5]),
    }


def test_outputs_of_a_box_in_onnx(tmp_path):
    policy = fastpg.MlpGaussian(2, 3, net_arch=[4], log_std_init=-1.0)
    pytest.importorskip("onnx", reason="onnx is not installed")
    session = onnx_session(fastpg.export(policy, tmp_path / "policy.onnx"))
    described = {each.name: (each.type, each.shape) for each in session.get_outputs()}
    assert described == {
        "action": ("tensor(float)", ["batch", 3]),
        "mean": ("tensor(float)", ["batch", 3]),
        "log_std": ("tensor(float)", [3]),
    }
    (log_std,) = session.run(["log_std"], {"observation": np.zeros((1, 2), np.float32)})
    assert log_std.tolist() == [-1.0] * 3


def function_policy():
    return fastpg.LinearSoftmax(2, 3, features=np.sin)


@pytest.mark.parametrize(
    ("made", "arguments", "kind", "words"),
    [
        (function_policy, {"to": "c"}, TypeError, "a function cannot be exported"),
        (lambda: 3, {"to": "c"}, TypeError, "expected an algorithm or a policy of fastpg, got 3"),
        (None, {}, ValueError, "to: expected onnx, c, numpy, or a path with .onnx, .h, .hpp, .py"),
        (None, {"to": "onx"}, ValueError, "did you mean 'onnx'"),
        (None, {"to": "c", "dtype": "half"}, ValueError, "known: float, double"),
        (None, {"to": "c", "name": "a-b"}, ValueError, "letters, digits and underscores"),
        (None, {"to": "c", "name": 3}, TypeError, "name: expected a text, got 3"),
        (None, {"to": "c", "action_mask": True}, ValueError, "to='onnx', got a LinearSoftmax"),
        (None, {"to": "onnx", "action_mask": 1}, TypeError, "True or False"),
        (
            lambda: fastpg.LinearGaussian(2, 3),
            {"to": "onnx", "action_mask": True},
            ValueError,
            "action_mask: allowed only with discrete actions",
        ),
    ],
)
def test_refused(tmp_path, masked, made, arguments, kind, words):
    with pytest.raises(kind, match=words):
        fastpg.export(masked if made is None else made(), tmp_path / "policy", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_wrong_paths(tmp_path, masked):
    with pytest.raises(TypeError, match="path: expected the name of a file, got 3"):
        fastpg.export(masked, 3, "c")
    with pytest.raises(ValueError, match="path: expected the name of a file"):
        fastpg.export(masked, "", "c")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        fastpg.export(masked, tmp_path / "file" / "policy.h")


@pytest.mark.parametrize(
    ("path", "to", "written"),
    [
        ("a.h", None, "a.h"),
        ("a.hpp", None, "a.hpp"),
        ("a", "c", "a.h"),
        ("a.v2", "numpy", "a.v2.py"),
        ("a.py", "onnx", "a.py.onnx"),
    ],
)
def test_the_suffix(tmp_path, masked, path, to, written):
    require_package(written)
    assert fastpg.export(masked, str(tmp_path / path), to) == tmp_path / written
    assert [each.name for each in tmp_path.iterdir()] == [written]


def test_fastpg_loads_nothing_of_it():
    run = python("import sys, fastpg; print([n for n in sys.modules if 'fastpg.export.' in n])")
    assert run.stdout == "[]\n", run.stderr


def test_names():
    texts = ("npg-CartPole-v1-0", "int", "9 lives", "_x", "été", "")
    names = ["npg_CartPole_v1_0", "int", "policy_9_lives", "policy__x", "policy__t", "policy"]
    assert [identifier(text) for text in texts] == names


def test_onnx_is_missing(tmp_path, masked, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnx.helper", None)
    with pytest.raises(ImportError, match=r"ONNX files need onnx: pip install '.\[onnx\]'"):
        fastpg.export(masked, tmp_path / "policy.onnx")


def test_too_large_for_onnx(tmp_path, masked, monkeypatch):
    pytest.importorskip("onnx", reason="onnx is not installed")
    monkeypatch.setattr(onnx_file, "_MOST_BYTES", 71)
    with pytest.raises(ValueError, match="at most 71 bytes of weights, got 72"):
        fastpg.export(masked, tmp_path / "policy.onnx")


def test_the_page_is_true(tmp_path, monkeypatch):
    """Its examples run, and its header has the names that they use."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    blocks = re.findall(r"```(python|c)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [language for language, _ in blocks] == ["python", "python", "c"]
    namespace = {}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, "export.md", "exec"), namespace)
    sys.modules.pop("cartpole")
    assert namespace["logits"].shape == (8, 2)
    (tmp_path / "main.c").write_text(blocks[-1][1])
    command = [compiler("c"), *FLAGS["c"], "-Wall", "-Wextra", "-Werror", "main.c", "-lm"]
    subprocess.run([*command, "-o", "main.exe"], check=True, timeout=GUARD)
    subprocess.run([str(tmp_path / "main.exe")], check=True, timeout=GUARD)
