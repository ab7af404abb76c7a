"""The command `fastpg export`."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastpg
from exported import numpy_module
from fastpg import cli


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command in a folder with a checkpoint, policy-1.npz."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    algo.policy.theta = np.random.default_rng(0).normal(size=algo.policy.shape)
    algo.save("policy-1.npz")

    def command(*arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["export", *arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=stopped.value.code, stdout=out, stderr=err, algo=algo)

    return command


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (("--to", "c"), "policy_1.h"),
        (("--to", "numpy"), "policy_1.py"),
        (("--to", "onnx", "--action-mask"), "policy_1.onnx"),
        (("-o", "cart.hpp"), "cart.hpp"),
        (("--out", "cart", "--to", "numpy", "--dtype", "float"), "cart.py"),
    ],
)
def test_the_file_written(run, tmp_path, arguments, written):
    if "onnx" in arguments:
        pytest.importorskip("onnx", reason="onnx is not installed")
    done = run("policy-1.npz", *arguments)
    assert done.returncode == 0, done.stderr
    assert written in done.stdout
    assert "LinearSoftmax(observation_size=4, n_actions=2)" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"policy-1.npz", written}


def test_the_exported_policy(run, tmp_path):
    done = run("policy-1", "--to", "numpy")
    assert done.returncode == 0, done.stderr
    rows = np.random.default_rng(1).normal(size=(100, 4)).astype(np.float32)
    found = numpy_module(tmp_path / "policy_1.py").predict(rows)
    assert np.array_equal(found, done.algo.predict(rows, deterministic=True)[0])
    assert run("policy-1", "--to", "c", "--dtype", "float").returncode == 0
    assert "typedef float policy_1_real;" in (tmp_path / "policy_1.h").read_text()


def test_an_existing_file_is_kept(run, tmp_path):
    target = tmp_path / "policy_1.h"
    target.write_text("mine")
    done = run("policy-1.npz", "--to", "c")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "policy_1.h exists: --force replaces it, --out names another file" in done.stderr
    assert target.read_text() == "mine"
    assert run("policy-1.npz", "--to", "c", "--force").returncode == 0
    assert "policy_1_act" in target.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.npz", "--to", "c"), "no run folder or file none.npz"),
        (("text.npz", "--to", "c"), "expected a fastpg checkpoint, got a damaged or foreign file"),
        (("policy-1.npz",), "--to: expected onnx, c, numpy, or --out with a suffix"),
        (("policy-1.npz", "--to", "onxx"), "unknown --to 'onxx'; did you mean 'onnx'?"),
        (("policy-1.npz", "-o", "x.txt"), "or a path with .onnx, .h, .hpp, .py"),
        (("policy-1.npz", "-o", "none/x.h"), "--out: no folder none"),
        (("policy-1.npz", "--to", "c", "--dtype", "half"), "unknown dtype 'half'"),
        (("policy-1.npz", "--to", "c", "--action-mask"), "action_mask: allowed only with"),
        (("squares.npz", "--to", "c"), "the policy's features are a function"),
    ],
)
def test_errors_are_one_sentence(run, tmp_path, arguments, words):
    (tmp_path / "text.npz").write_text("no archive")
    policy = fastpg.LinearSoftmax(4, 2, features=np.square)
    fastpg.NPG(policy, "CartPole-v1").save(tmp_path / "squares.npz")
    before = sorted(tmp_path.iterdir())
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_package(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnx.helper", None)
    done = run("policy-1.npz", "--to", "onnx")
    assert done.returncode == 2
    assert done.stderr == "error: ONNX files need onnx: pip install '.[onnx]'\n"


def test_help(run):
    shown = run("--help").stdout
    for option in ("--to", "--out", "-o", "--dtype", "--action-mask", "--force"):
        assert option in shown
