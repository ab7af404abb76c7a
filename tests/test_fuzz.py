"""Any arguments of anything public give a result, or a typed error and no change."""

import subprocess
import sys
from pathlib import Path

import pytest

from processes import GUARD


def run(calls, seed, folder):
    last = folder / "last.txt"
    script = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, script, "--calls", str(calls), "--seed", str(seed), "--last", last],
        capture_output=True, text=True, timeout=10 * GUARD,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\nlast call: {last.read_text()}"


def test_a_few_calls(tmp_path):
    run(100, 0, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_fifty_thousand_calls(tmp_path, seed):
    run(50_000, seed, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(100, 300))
def test_ten_million_calls(tmp_path, seed):
    run(50_000, seed, tmp_path)
