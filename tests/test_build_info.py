"""Instruction sets and threads, and their description in build_info."""

import functools
import os

import pytest

import fastpg
from fastpg import threads
from native_ids import NEWEST
from processes import python

ISAS = fastpg.build_info()["isas"]


def test_the_widest_set_is_chosen_and_the_reason_given():
    info = fastpg.build_info()
    assert info["isa"] in ISAS
    assert ISAS[0] == "baseline"
    if "FASTPG_ISA" not in os.environ:
        assert info["isa"] == ISAS[-1]
        assert info["isa_reason"] == "the widest of this machine"
    assert info["version"] == fastpg.__version__


def test_an_unknown_set_is_refused_by_name():
    result = python("import fastpg", FASTPG_ISA="mmx")
    assert result.returncode == 1
    assert "FASTPG_ISA: expected an instruction set of this machine (baseline" in result.stderr
    assert "got 'mmx'" in result.stderr


def test_build_info_is_a_copy():
    fastpg.build_info()["isas"].append("mmx")
    assert "mmx" not in fastpg.build_info()["isas"]


def test_default_number_of_threads(monkeypatch):
    monkeypatch.delenv("FASTPG_NUM_THREADS", raising=False)
    assert threads.num_threads(None) == 1
    assert threads.num_threads(3) == 3
    monkeypatch.setenv("FASTPG_NUM_THREADS", "2")
    assert threads.num_threads(None) == 2
    assert threads.num_threads(1) == 1
    assert fastpg.build_info()["num_threads"] == 2


@pytest.mark.parametrize("bad", ["0", "-1", "two", "1.5", "257"])
def test_bad_default_number_of_threads(monkeypatch, bad):
    monkeypatch.setenv("FASTPG_NUM_THREADS", bad)
    with pytest.raises(ValueError, match="FASTPG_NUM_THREADS: expected an integer in"):
        threads.num_threads(None)


@pytest.mark.parametrize(("bad", "error"), [(0, ValueError), (257, ValueError), (1.5, TypeError)])
def test_bad_number_of_threads(bad, error):
    with pytest.raises(error, match="num_threads: expected"):
        threads.num_threads(bad)


ROLLOUTS = f"""
import hashlib, numpy as np, fastpg, gymnasium
info = fastpg.build_info()
print(info["isa"], info["isa_reason"])
for env_id in {NEWEST}:
    for exact in (True, False):
        env = fastpg.make_vec(env_id, 40, exact=exact, max_episode_steps=30)
        box = isinstance(env.single_action_space, gymnasium.spaces.Box)
        policy = (fastpg.LinearGaussian if box else fastpg.LinearSoftmax).for_env(env)
        policy.theta = np.random.default_rng(0).normal(scale=0.5, size=policy.shape)
        found = fastpg.collect(env, policy, n_steps=100, seed=0)
        digest = hashlib.sha256(found.observations.tobytes() + found.actions.tobytes())
        print(env_id, exact, digest.hexdigest())
"""


@functools.cache
def in_set(isa):
    """The chosen instruction set with its reason, and digests of rollouts."""
    run = python(ROLLOUTS, FASTPG_ISA=isa)
    assert run.returncode == 0, run.stderr
    chosen, *digests = run.stdout.splitlines()
    return chosen, digests


@pytest.mark.parametrize("isa", ISAS)
def test_a_set_can_be_forced(isa):
    assert in_set(isa)[0] == f"{isa} FASTPG_ISA"


def test_rollouts_have_the_same_bits_in_every_set():
    first, *others = (in_set(isa)[1] for isa in ISAS)
    assert len(first) == 2 * len(NEWEST)
    assert all(other == first for other in others)
