"""Without memory for one allocation: MemoryError, everything as before, and then as usual."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from failing_allocations import CASES
from processes import GUARD

HERE = Path(__file__).parent
LIBRARIES = ("_core.", "libstdc++")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the allocator of Linux")


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = next(filter(None, map(shutil.which, ("gcc", "clang", "cc"))), None)
    if compiler is None:
        pytest.skip("there is no C compiler: gcc, clang, cc")
    if os.confstr("CS_GNU_LIBC_VERSION") is None:
        pytest.skip("glibc alone has the functions behind malloc")
    made = tmp_path_factory.mktemp("shim") / "failing_malloc.so"
    command = [compiler, "-O1", "-shared", "-fPIC", HERE / "failing_malloc.c", "-o", made]
    subprocess.run(command, check=True, timeout=GUARD)
    return made


def fail_each(shim, name, threads=1):
    if "LD_PRELOAD" in os.environ:
        pytest.skip("another library replaces malloc")
    done = subprocess.run(
        [sys.executable, HERE / "failing_allocations.py", name, str(threads), *LIBRARIES],
        env=os.environ | {"LD_PRELOAD": str(shim)},
        capture_output=True, text=True, timeout=GUARD, check=False,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stderr


QUICK = ["npg", "trpo_mlp", "ppo", "reinforce"]


@pytest.mark.parametrize("name", QUICK)
def test_iterations(shim, name):
    fail_each(shim, name)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_more_iterations(shim, name, threads):
    fail_each(shim, name, threads)


@pytest.mark.slow
def test_kernels(shim):
    fail_each(shim, "kernels")
