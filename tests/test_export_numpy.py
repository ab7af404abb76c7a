"""The exported Python file, which needs NumPy alone."""

import sys

import numpy as np
import pytest

import fastpg
from exported import numpy_module
from processes import python


@pytest.fixture
def masked():
    policy = fastpg.LinearSoftmax(2, 3)
    policy.theta = np.random.default_rng(0).normal(size=policy.shape)
    return policy


def test_the_numpy_file_runs_without_fastpg(tmp_path, masked):
    path = fastpg.export(masked, tmp_path / "policy.py")
    run = python(
        "import sys; sys.path.insert(0, sys.argv[1]); sys.modules['fastpg'] = None\n"
        "import numpy; before = set(sys.modules); import policy\n"
        "print(policy.predict([0.5, -0.5]), policy.__doc__.splitlines()[0])\n"
        "print(*{n.split('.')[0] for n in set(sys.modules) - before})",
        path.parent,
    )
    assert run.returncode == 0, run.stderr
    said, loaded = run.stdout.splitlines()
    action = masked.act(np.float32([[0.5, -0.5]]), None, None, None, 0)[0]
    assert said == f"{action} policy: LinearSoftmax, exported by fastpg {fastpg.__version__}."
    assert set(loaded.split()) - set(sys.stdlib_module_names) - {"numpy"} == {"policy"}


def test_one_observation_and_several_in_numpy(tmp_path, masked):
    module = numpy_module(fastpg.export(masked, tmp_path / "policy.py"))
    rows = np.random.default_rng(1).normal(size=(5, 2))
    several = module.predict(rows)
    assert several.shape == (5,)
    assert [module.predict(row) for row in rows] == several.tolist()
    assert module.predict(rows[0], action_mask=[0, 0, 1]) == 2
    assert module.log_probs(rows).shape == (5, 3)
    box = fastpg.LinearGaussian(2, 3, low=[-1.0] * 3, high=[1.0] * 3)
    module = numpy_module(fastpg.export(box, tmp_path / "box.py"))
    assert module.predict(rows[0]).shape == (3,)
    assert module.outputs(rows).shape == (5, 3)
    assert module.LOG_STD.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0],), r"observation: expected \(2,\) or \(n, 2\), got \(1, 1\)"),
        (([[[1.0, 2.0]]],), r"got \(1, 1, 2\)"),
        (([1.0, np.nan],), "finite"),
        (([1.0, 1e300],), "finite"),
        (([1.0, 2.0], [1, 1]), r"action_mask: expected flags of shape \(1, 3\)"),
        (([1.0, 2.0], [1, 2, 0]), "action_mask: expected flags"),
        (([1.0, 2.0], [0, 0, 0]), "an allowed action in each choice"),
    ],
)
def test_the_numpy_file_refuses(tmp_path, masked, arguments, words):
    module = numpy_module(fastpg.export(masked, tmp_path / "policy.py"))
    with pytest.raises(ValueError, match=words):
        module.predict(*arguments)


def test_samples_of_the_numpy_file(tmp_path, masked):
    module = numpy_module(fastpg.export(masked, tmp_path / "policy.py"))
    rng, count = np.random.default_rng(0), 20_000
    rows = np.tile([0.3, -0.2], (count, 1))
    drawn = module.sample(rows, rng, action_mask=np.tile([1, 0, 1], (count, 1)))
    pi = np.exp(module.log_probs([0.3, -0.2], [1, 0, 1]))[0]
    shares = np.bincount(drawn, minlength=3) / count
    assert (np.abs(shares - pi) <= 5.0 * np.sqrt(pi * (1.0 - pi) / count)).all()
    box = fastpg.LinearGaussian(2, 2, low=[-1.0, -9.0], high=[9.0, 9.0], log_std_init=0.5)
    box.theta = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5, -1.0]
    module = numpy_module(fastpg.export(box, tmp_path / "box.py"))
    drawn = module.sample(rows, rng)
    assert drawn[:, 0].min() == -1.0
    assert np.abs(drawn[:, 1].mean() - 1.0) < 5.0 * np.exp(-1.0) / np.sqrt(count)
    assert np.abs(drawn[:, 1].std() / np.exp(-1.0) - 1.0) < 5.0 / np.sqrt(2 * count)
