"""Memory stays what it is while objects are made, used and dropped."""

import subprocess
import sys
from pathlib import Path

import pytest

from processes import GUARD

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the counts of Linux")


def live(rounds, *names, guard=GUARD):
    script = Path(__file__).with_name("lives.py")
    done = subprocess.run(
        [sys.executable, script, str(rounds), *names],
        capture_output=True, text=True, timeout=guard, check=False,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_a_few_rounds():
    live(300, "env CartPole-v1", "env with masks", "policy mlp", "kernels", "errors", "npg", "ppo")


@pytest.mark.slow
def test_rounds_of_every_kind():
    live(300)


@pytest.mark.exhaustive
def test_a_hundred_thousand_rounds():
    live(100_000, guard=100 * GUARD)
