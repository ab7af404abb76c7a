"""The C interface of environments keeps what version 1 of it was in fastpg 0.2.0.

tests/files holds the layout (env-1.json), and an environment (walk.c) compiled against the header
of that time: `cc -O2 -shared -fPIC -s -nostdlib -I$(the headers) walk.c -o walk-1-x86_64-linux.so`.
"""

import ctypes
import json
import platform
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import corridor
import fastpg
from fastpg.envs import c_interface as c

FILES = Path(__file__).parent / "files"
LIBRARY = FILES / "walk-1-x86_64-linux.so"
LAYOUT = json.loads((FILES / "env-1.json").read_text())


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="a library of another system"
)
def test_a_library_of_the_last_version_works():
    env = fastpg.load_env(LIBRARY)
    assert env.id == "AbiWalk-v0"
    envs = fastpg.make_vec(env, 3, length=0.25)
    observations, _ = envs.reset(seed=5, options={"spread": 2.0})
    streams = [np.random.Generator(np.random.PCG64(5 + i)) for i in range(3)]
    places = np.array([2.0 * stream.random() for stream in streams])
    assert np.array_equal(observations[:, 0], places.astype(np.float32))
    for _ in range(8):
        observations, rewards, terminated, _, _ = envs.step(np.array([1, 0, 1]))
        moves = [0.25 * stream.random() for stream in streams]
        places += np.array([1, -1, 1]) * moves
        assert np.array_equal(observations[:, 0], places.astype(np.float32))
        assert np.array_equal(rewards, -places)
        assert not terminated.any()


def test_fields_stay_where_they_were():
    for name, old in LAYOUT.items():
        kind = getattr(c, name)
        now = {field: getattr(kind, field).offset for field, *_ in kind._fields_}
        assert list(now)[: len(old["offsets"])] == list(old["offsets"]), name
        assert {field: now[field] for field in old["offsets"]} == old["offsets"], name
        if name != "CEnv":  # others have no `size` by which additions could be told
            assert ctypes.sizeof(kind) == old["size"], name


def test_the_header_and_ctypes_have_one_version():
    header = Path(fastpg.get_include(), "fastpg", "env.h").read_text(encoding="utf-8")
    (version,) = re.findall(r"#define FASTPG_ENV_VERSION (\d+)", header)
    assert int(version) == c.ENV_VERSION == 1


def register(**changes):
    env, keep = corridor.made(name=b"AbiCorridor-v0", **changes)
    return fastpg.register_env(env, keep=keep)


@pytest.mark.parametrize("version", [0, 2, 2**32 - 1])
def test_another_version_is_refused(version):
    with pytest.raises(
        ValueError, match=f"version: expected 1, got {version}: compile .* against this fastpg"
    ):
        register(version=version)


def test_a_size_below_that_of_the_version_is_refused_and_a_larger_one_taken():
    size = LAYOUT["CEnv"]["size"]
    for smaller in (0, 8, size - 1):
        with pytest.raises(ValueError, match=f"size: expected at least {size}, got {smaller}"):
            register(size=smaller)
    assert register(size=size).id == "AbiCorridor-v0"
    assert register(size=size + 8).id == "AbiCorridor-v0"
