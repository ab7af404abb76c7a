"""Compiling environments of users, and loading compiled ones."""

import os
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fastpg
from fastpg.native_envs import build
from native_builds import HEADERS, WALK, write_walk
from processes import GUARD, python, started_python


def libraries(folder):
    return sorted(path.name for path in folder.iterdir())


def moved(env_or_id, steps=1):
    """How far a walk goes in some steps to the right."""
    env = fastpg.make_vec(env_or_id, 1)
    start = env.reset(seed=0)[0].item()
    for _ in range(steps):
        now = env.step(np.array([1]))[0].item()
    return now - start


@pytest.fixture(scope="module")
def walk_source(tmp_path_factory):
    return write_walk(tmp_path_factory.mktemp("walk"))


@pytest.fixture
def walk(header_cache, walk_source):
    return fastpg.build_env(walk_source, cache=header_cache, flags=["-O1"])


def test_an_edit_replaces_the_environment(header_cache, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("FASTPG_CACHE", str(cache))
    source = write_walk(tmp_path / "walk")
    first = fastpg.build_env(source, flags=["-O0"])
    old = fastpg.make_vec(first.id, 1)
    start = old.reset(seed=0)[0].item()
    assert moved(first.id) == pytest.approx(0.5, abs=1e-6)
    again = fastpg.build_env(str(source), flags=("-O0",))
    assert len(libraries(cache)) == 1
    assert moved(again.id) == pytest.approx(0.5, abs=1e-6)

    write_walk(tmp_path / "walk", length=0.25)
    second = fastpg.build_env(source, flags=["-O0"])
    assert len(libraries(cache)) == 2
    assert second.id == first.id
    assert moved(second.id) == pytest.approx(0.25, abs=1e-6)
    assert old.step(np.array([1]))[0].item() - start == pytest.approx(0.5, abs=1e-6)

    fastpg.build_env(source, flags=["-O1"])
    assert len(libraries(cache)) == 3


def test_the_default_folder_is_the_system_s(monkeypatch, tmp_path):
    monkeypatch.delenv("FASTPG_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(build.sys, "platform", "linux")
    assert build._folder(None) == tmp_path / "fastpg" / "environments"
    monkeypatch.setattr(build.sys, "platform", "darwin")
    assert build._folder(None) == tmp_path / "Library" / "Caches" / "fastpg" / "environments"


BUILD = "import sys, fastpg; print(fastpg.build_env(sys.argv[1], cache=sys.argv[2]).id)"


@pytest.mark.slow
def test_several_processes_may_build_at_once(header_cache, tmp_path):
    source = write_walk(tmp_path / "walk", length=0.125)
    cache = tmp_path / "cache"
    with (
        started_python(BUILD, source, cache) as one,
        started_python(BUILD, source, cache) as other,
    ):
        outs = [process.communicate(timeout=GUARD) for process in (one, other)]
    assert [out for out, _ in outs] == ["HeaderWalk-v0\n"] * 2, outs
    assert len(libraries(cache)) == 1


def test_a_pickle_makes_it_in_another_process(walk, tmp_path):
    assert pickle.loads(pickle.dumps(walk)) is walk
    path = tmp_path / "walk.pickle"
    path.write_bytes(pickle.dumps(walk))
    code = (
        "import pickle, sys, fastpg; env = pickle.load(open(sys.argv[1], 'rb'));"
        "print(fastpg.make_vec(env.id, 2).reset(seed=0)[0].shape)"
    )
    run = python(code, path)
    assert run.stdout == "(2, 1)\n", run.stderr


@pytest.mark.slow
def test_a_pickle_builds_a_library_that_is_not_there(header_cache, tmp_path):
    source, cache = write_walk(tmp_path / "walk", length=0.0625), tmp_path / "cache"
    code = (
        "import pickle, sys, fastpg; env = fastpg.build_env(sys.argv[1], cache=sys.argv[2]);"
        "open(sys.argv[3], 'wb').write(pickle.dumps(env))"
    )
    path = tmp_path / "walk.pickle"
    run = python(code, source, cache, path)
    assert run.returncode == 0, run.stderr
    shutil.rmtree(cache)
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')))"
    run = python(code, path, FASTPG_CACHE=str(tmp_path / "other"))
    assert run.stdout == "UserEnvironment('HeaderWalk-v0')\n", run.stderr
    assert len(libraries(tmp_path / "other")) == 1


def test_a_checkpoint_names_it_by_its_id(walk, tmp_path):
    algo = fastpg.train("npg", walk, total_timesteps=400, seed=0, n_steps=20, n_envs=4)
    algo.save(tmp_path / "walk.fpg")
    loaded = fastpg.load(tmp_path / "walk.fpg", env=walk.id)
    np.testing.assert_array_equal(loaded.policy.theta, algo.policy.theta)
    code = "import sys, fastpg; fastpg.load(sys.argv[1], env='HeaderWalk-v0')"
    run = python(code, tmp_path / "walk.fpg")
    assert "HeaderWalk-v0" in run.stderr
    assert run.returncode != 0


@pytest.mark.slow
def test_many_runs_in_other_processes(walk):
    pytest.importorskip("joblib")
    alone, several = (
        fastpg.train_many(
            "npg", walk, seeds=3, total_timesteps=400, n_steps=20, n_envs=4, n_jobs=n_jobs
        )
        for n_jobs in (1, 2)
    )
    assert (alone.failures, several.failures) == ({}, {})
    np.testing.assert_array_equal(alone.returns, several.returns)
    assert np.isfinite(alone.returns).all()


def test_the_compiler_s_errors_are_in_the_exception(header_cache, tmp_path):
    source = write_walk(tmp_path / "walk", text=WALK.replace("rng.uniform", "rng.unifrom"))
    with pytest.raises(fastpg.BuildError, match="unifrom") as error:
        fastpg.build_env(source, cache=header_cache)
    assert "walk.hpp:10" in error.value.output
    assert "-O3" in error.value.command
    again = pickle.loads(pickle.dumps(error.value))
    assert (str(again), again.command, again.output) == (
        str(error.value), error.value.command, error.value.output,
    )  # fmt: skip


def test_a_function_that_may_end_without_its_return_is_an_error(header_cache, tmp_path):
    text = WALK.replace("return {-s.x", "if (action == 1) return {-s.x")
    source = write_walk(tmp_path / "walk", text=text)
    with pytest.raises(fastpg.BuildError, match="return"):
        fastpg.build_env(source, cache=header_cache)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("static void observe(", "static void obverse(", "expected `static void observe"),
        ('static constexpr const char* id = "HeaderWalk-v0";', "", "expected `static constexpr"),
        ("static void state(", "static void status(", "expected `struct State"),
        ("int action)", "int action, double more)", "expected `static fastpg::Step step"),
        ("struct State { double x; };", "struct State { long double x; };", "a field is a double"),
        ('visit("x", s.x);', 'auto copy = visit; copy("x", s.x);', "NotCopied"),
    ],
)
def test_what_a_struct_lacks_is_said(header_cache, tmp_path, old, new, words):
    assert old in WALK
    source = write_walk(tmp_path / "walk", text=WALK.replace(old, new))
    with pytest.raises(fastpg.BuildError) as error:
        fastpg.build_env(source, cache=header_cache)
    assert words in error.value.output
    if words.startswith("expected"):
        assert words in str(error.value).splitlines()[0]


def test_a_field_that_is_not_listed_is_an_error(header_cache, tmp_path):
    text = WALK.replace("double x; }", "double x; double forgotten; }").replace(
        "Walk-v0", "Lost-v0"
    )
    source = write_walk(tmp_path / "walk", text=text)
    with pytest.raises(ValueError, match="state: expected each field of State once"):
        fastpg.build_env(source, cache=header_cache)


def test_without_a_compiler_the_error_names_what_to_install(monkeypatch, tmp_path):
    source = write_walk(tmp_path / "walk")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(fastpg.BuildError, match=r"a C\+\+ compiler is needed: found no .*Install"):
        fastpg.build_env(source, cache=tmp_path / "cache")
    monkeypatch.setenv("CXX", "my-compiler -m64")
    with pytest.raises(fastpg.BuildError, match="the variable CXX: there is no 'my-compiler -m64'"):
        fastpg.build_env(source, cache=tmp_path / "cache")
    with pytest.raises(fastpg.BuildError, match="compiler: there is no 'other'"):
        fastpg.build_env(source, compiler="other", cache=tmp_path / "cache")


def test_arguments_of_build_env_are_checked(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.hpp: expected a C\+\+ header"):
        fastpg.build_env(tmp_path / "none.hpp")
    with pytest.raises(TypeError, match="flags: expected a sequence of strings, got '-O2'"):
        fastpg.build_env(write_walk(tmp_path / "walk"), flags="-O2")


def test_load_env_takes_a_library(header_cache, tmp_path):
    cache = tmp_path / "cache"
    fastpg.build_env(write_walk(tmp_path / "walk"), cache=cache, flags=["-O0"])
    (library,) = cache.iterdir()
    mine = tmp_path / "walk.so"
    shutil.copy(library, mine)
    env = fastpg.load_env(mine)
    assert moved(env.id) == pytest.approx(0.5, abs=1e-6)
    assert pickle.loads(pickle.dumps(env)) is env
    if build.SUFFIXES[0] == ".so":
        assert fastpg.load_env(tmp_path / "walk").id == env.id
    named = fastpg.load_env(mine, module="some.module")
    assert named.module == "some.module"
    mine.unlink()
    mine.write_bytes(library.read_bytes() + b"changed")
    with pytest.raises(ValueError, match="was built again after this process had loaded it"):
        fastpg.load_env(mine)


def test_load_env_names_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a library"):
        fastpg.load_env(tmp_path / "none")
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(ValueError, match="expected a library with the function"):
        fastpg.load_env(tmp_path / "text.so")


HEADER_FLAGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
COMPILERS = [("gcc", "c"), ("g++", "c++"), ("clang", "c"), ("clang++", "c++")]


@pytest.mark.parametrize(("compiler", "language"), COMPILERS)
def test_headers_compile_without_a_warning(compiler, language, tmp_path):
    if (path := shutil.which(compiler)) is None:
        pytest.skip(f"there is no {compiler}")
    include = Path(fastpg.get_include())
    for header, standards in {
        "env.h": {"c": "c11", "c++": "c++17"},
        "env.hpp": {"c++": "c++20"},
    }.items():
        if language not in standards:
            continue
        text = f'#include "{include / "fastpg" / header}"\n'
        if header == "env.hpp":
            text += f'#include "{HEADERS / "shop.hpp"}"\n'
        run = subprocess.run(
            [path, f"-std={standards[language]}", *HEADER_FLAGS, f"-I{include}", "-fsyntax-only",
             "-x", language, "-"],
            input=text, capture_output=True, text=True, check=False, timeout=GUARD, env=os.environ,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr


def test_headers_are_shipped():
    """Every header that another includes is beside it; the wheel has the folder as it is."""
    folder = Path(fastpg.get_include()) / "fastpg"
    names = {path.name for path in folder.iterdir()}
    assert {"env.h", "env.hpp"} <= names
    for path in folder.iterdir():
        for line in path.read_text().splitlines():
            if line.startswith('#include "'):
                assert line.split('"')[1] in names
