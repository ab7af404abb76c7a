"""Lists of trainings that tests write themselves have one of each algorithm."""

import pytest

import checkpoint_files
import failing_allocations
from fastpg.algorithms import ALGORITHMS
from test_failing_allocations import QUICK

MADE = {
    "tests/checkpoint_files.py": checkpoint_files.algorithms,
    "tests/failing_allocations.py": lambda: {
        k: of() for k, of in failing_allocations.CASES.items()
    },
    "tests/test_failing_allocations.py": lambda: {k: failing_allocations.CASES[k]() for k in QUICK},
}


@pytest.mark.parametrize("file", MADE)
def test_every_algorithm_is_made(file):
    assert {algo.name for algo in MADE[file]().values()} == ALGORITHMS.keys(), file
