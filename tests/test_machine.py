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
