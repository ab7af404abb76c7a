"""The environments of the page native_environments.md: they are short, and learn."""

import re
import shutil
import subprocess
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import fastpg

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "native_environments.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


HEADERS = [block for block in blocks("cpp") if "FASTPG_ENV(" in block]
IN_PYTHON, USED = blocks("python")[:2]


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


@pytest.mark.parametrize("visibility", ["default", "hidden"])
@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_environment_in_c(tmp_path, language, visibility):
    compiler = shutil.which("cc" if language == "c" else "c++")
    if compiler is None:
        pytest.skip(f"there is no compiler of {language}")
    text = blocks("c")[0].replace("Walk-v0", "DocumentedWalk-v0")  # another test has that id
    (tmp_path / "walk.c").write_text(text)
    command = [
        "-O1",
        "-shared",
        "-fPIC",
        "-Wall",
        "-Wextra",
        "-Werror",
        *(["-std=c++20", "-Wno-missing-field-initializers"] if language == "c++" else []),
        f"-fvisibility={visibility}",
        f"-I{fastpg.get_include()}",
        *("-x", language),
    ]
    library = tmp_path / "walk.so"
    subprocess.run([compiler, *command, str(tmp_path / "walk.c"), "-o", str(library)], check=True)
    env = fastpg.load_env(library)
    assert not fastpg.check_native_env(env)
    algo = fastpg.train("npg", env, total_timesteps=2000, seed=0)
    assert np.isfinite(algo.policy.theta).all()


def test_the_environment_in_python(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    (tmp_path / "swing_up.py").write_text(IN_PYTHON)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(IN_PYTHON[IN_PYTHON.index("@fastpg") :].splitlines()) <= 40
    names = {"fastpg": fastpg, "gymnasium": gymnasium}
    exec(USED.replace("1_000_000", "4_000"), names)
    assert names["envs"].get_attr("gravity") == (1.6,) * 16
    assert names["env"].reset(seed=0)[0].shape == (5,)
