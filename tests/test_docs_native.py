"""The environments in C++ of the docs: they compile, and are short."""

import re
from pathlib import Path

import numpy as np
import pytest

import fastpg

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEADERS = [
    block
    for page in sorted(DOCS.glob("native_environments*.md"))
    for block in re.findall(r"```cpp\n(.*?)```", page.read_text(), re.DOTALL)
    if "FASTPG_ENV(" in block
]


@pytest.mark.parametrize("text", HEADERS, ids=lambda text: re.search(r"FASTPG_ENV\((\w+)", text)[1])
def test_environments_of_the_docs(text, header_cache, tmp_path):
    assert len(text.splitlines()) <= 60
    header = tmp_path / "documented.hpp"
    header.write_text(text)
    env = fastpg.build_env(header, cache=header_cache, flags=["-O0"])
    algo = fastpg.train("trpo", env, total_timesteps=2000, seed=0, n_envs=8)
    assert np.isfinite(algo.policy.theta).all()


def test_there_is_one():
    assert HEADERS
