"""The worked examples of environments: Python and C++ give the same numbers, and they learn."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import fastpg
from fastpg.rollouts.collect import make_collector
from native_builds import require_compiler

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "native"
HEADERS = {name: EXAMPLES / f"{name}.hpp" for name in ("gridworld", "inventory")}


def module(name):
    pytest.importorskip("numba")
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def rollout(env_id):
    env = fastpg.make_vec(env_id, 20)
    collector = make_collector(env, fastpg.LinearSoftmax.for_env(env), 3)
    collector.reset(3)
    return collector.steps(200)


@pytest.mark.parametrize("name", HEADERS)
def test_both_languages_give_the_same_numbers(name, header_cache):
    require_compiler()
    example = module(name)
    env_id = f"{name.capitalize()}-v0"
    assert not fastpg.check_native_env(getattr(example, name.capitalize()))
    in_python = rollout(env_id)
    fastpg.build_env(HEADERS[name], cache=header_cache)
    in_cpp = rollout(env_id)
    for field in ("observations", "actions", "action_masks", "terminated", "truncated"):
        assert np.array_equal(getattr(in_python, field), getattr(in_cpp, field)), field
    assert np.allclose(in_python.rewards, in_cpp.rewards, rtol=1e-14)


@pytest.mark.parametrize("name", HEADERS)
def test_a_stranger_writes_few_lines(name):
    lines = HEADERS[name].read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith("//")]
    assert len(code) <= 60
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    environment = text[text.index("@fastpg.numba_env") : text.index("\n\n\ndef ")]
    assert len([line for line in environment.splitlines() if line.strip()]) <= 40


def test_the_inventory_has_the_optimum_of_its_tables():
    """Values of the tables are those of the environment, for the best policy of its MDP."""
    example = module("inventory")
    best = example.optimum()
    orders = best.pi[0].argmax(axis=1)
    assert [int(order) for order in orders[:4]] == [11, 10, 9, 0]
    env = fastpg.make_vec("Inventory-v0", 4000)
    env.reset(seed=0)
    returns = np.zeros(4000)
    for day in range(example.DAYS):
        stock = env.state[0].astype(int)
        returns += env.step(best.pi[day].argmax(axis=1)[stock])[1]
    deviation = returns.std() / np.sqrt(len(returns))
    assert abs(returns.mean() - best.J) < 4 * deviation


@pytest.mark.parametrize("name", ["swing_up", "gridworld", "inventory"])
def test_it_runs(name, monkeypatch, capsys, tmp_path):
    picture = tmp_path / "figure.png"
    words = [name, "--total-timesteps", "4096", "--figure", str(picture)]
    monkeypatch.setattr(sys, "argv", words)
    module(name).main()
    assert capsys.readouterr().out.startswith("mean return")
    assert picture.stat().st_size > 1000
