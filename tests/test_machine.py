"""Instruction sets, threads and what build_info says of them."""

import os
import subprocess
import sys

import pytest

import fastpg
from fastpg import machine

ISAS = fastpg.build_info()["isas"]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_widest_set_is_chosen_and_the_reason_given():
    info = fastpg.build_info()
    assert info["isa"] in ISAS
    assert ISAS[0] == "baseline"
    if "FASTPG_ISA" not in os.environ:
        assert info["isa"] == ISAS[-1]
        assert info["isa_reason"] == "the widest of this machine"
    assert info["version"] == fastpg.__version__


@pytest.mark.parametrize("isa", ISAS)
def test_a_set_can_be_forced(isa):
    code = "import fastpg; i = fastpg.build_info(); print(i['isa'], i['isa_reason'])"
    assert run(code, FASTPG_ISA=isa).stdout.split() == [isa, "FASTPG_ISA"]


def test_an_unknown_set_is_refused_by_name():
    result = run("import fastpg", FASTPG_ISA="mmx")
    assert result.returncode == 1
    assert "FASTPG_ISA: expected an instruction set of this machine (baseline" in result.stderr
    assert "got 'mmx'" in result.stderr


def test_build_info_is_a_copy():
    fastpg.build_info()["isas"].append("mmx")
    assert "mmx" not in fastpg.build_info()["isas"]


def test_default_number_of_threads(monkeypatch):
    monkeypatch.delenv("FASTPG_NUM_THREADS", raising=False)
    assert machine.num_threads(None) == 1
    assert machine.num_threads(3) == 3
    monkeypatch.setenv("FASTPG_NUM_THREADS", "2")
    assert machine.num_threads(None) == 2
    assert machine.num_threads(1) == 1
    assert fastpg.build_info()["num_threads"] == 2


@pytest.mark.parametrize("bad", ["0", "-1", "two", "1.5", "257"])
def test_bad_default_number_of_threads(monkeypatch, bad):
    monkeypatch.setenv("FASTPG_NUM_THREADS", bad)
    with pytest.raises(ValueError, match="FASTPG_NUM_THREADS: expected an integer in"):
        machine.num_threads(None)


@pytest.mark.parametrize(("bad", "error"), [(0, ValueError), (257, ValueError), (1.5, TypeError)])
def test_bad_number_of_threads(bad, error):
    with pytest.raises(error, match="num_threads: expected"):
        machine.num_threads(bad)


ROLLOUTS = """
import hashlib, numpy as np, fastpg, gymnasium
for env_id in ("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "Pendulum-v1"):
    for exact in (True, False):
        env = fastpg.make_vec(env_id, 40, exact=exact, max_episode_steps=30)
        box = isinstance(env.single_action_space, gymnasium.spaces.Box)
        policy = (fastpg.LinearGaussian if box else fastpg.LinearSoftmax).for_env(env)
        policy.theta = np.random.default_rng(0).normal(scale=0.5, size=policy.shape)
        found = fastpg.collect(env, policy, n_steps=100, seed=0)
        digest = hashlib.sha256(found.observations.tobytes() + found.actions.tobytes())
        print(env_id, exact, digest.hexdigest())
"""


def test_rollouts_have_the_same_bits_in_every_set():
    outputs = [run(ROLLOUTS, FASTPG_ISA=isa).stdout for isa in ISAS]
    assert outputs[0].count("\n") == 8
    assert len(set(outputs)) == 1
