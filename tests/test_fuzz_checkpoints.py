"""A changed checkpoint is refused, or is a valid object: never a crash, and no other error.

tests/files/fuzz/checkpoints has files that reach other lines of the reader than each other;
fuzz_checkpoints.py has found them, with the coverage of its calls.
"""

from pathlib import Path

import numpy as np
import pytest

from checkpoint_changes import changed_content
from checkpoint_files import contents
from fuzz_checkpoints import quietly

FILES = Path(__file__).parent / "files" / "fuzz" / "checkpoints"


def test_valid_files(tmp_path):
    for name, content in contents().items():
        assert quietly(content, tmp_path) == "valid", name


def test_files_that_fuzzing_has_kept(tmp_path):
    found = {path.name: quietly(path.read_bytes(), tmp_path) for path in FILES.iterdir()}
    assert len(found) >= 24
    assert set(found.values()) == {"refused", "valid"}


def change(seed, tmp_path, count):
    """The number of valid files among `count` changed ones."""
    names, valid = list(contents()), 0
    print(f"seed {seed}, {count} files")
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        content = contents()[names[rng.integers(len(names))]]
        for _ in range(rng.integers(1, 3)):
            content = changed_content(content, rng)
        try:
            valid += quietly(content, tmp_path) == "valid"
        except BaseException as error:
            error.add_note(f"file {k} of seed {seed}")
            raise
    return valid


def test_changed_files(tmp_path):
    assert 0 < change(0, tmp_path, 200) < 200


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_more_changed_files(tmp_path, seed):
    change(seed, tmp_path, 500)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(100, 120))
def test_very_many_changed_files(tmp_path, seed):
    change(seed, tmp_path, 50_000)
