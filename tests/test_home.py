"""The user's home in paths: "~" at their begin."""

import dataclasses
import shutil

import pytest

import fastpg
from fastpg import lecture, plots
from fastpg.native_envs import build, compiler
from native_builds import require_compiler, write_walk


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home of the user, beside the present folder."""
    folder, present = tmp_path / "home", tmp_path / "present"
    folder.mkdir()
    present.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(present)
    yield folder
    assert not list(present.iterdir())


def test_a_native_environment(home):
    require_compiler()
    write_walk(home / "walk")
    env = fastpg.build_env("~/walk/walk.hpp", cache="~/cache", flags=["-O0"])
    (library,) = (home / "cache").iterdir()
    assert fastpg.load_env(f"~/cache/{library.name}").id == env.id


def test_the_folder_of_compiled_environments(home, monkeypatch):
    monkeypatch.setenv("FASTPG_CACHE", "~/cache")
    assert build._folder(None) == home / "cache"
    monkeypatch.delenv("FASTPG_CACHE")
    monkeypatch.setattr(build.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/caches")
    assert build._folder(None) == home / "caches" / "fastpg" / "environments"


def test_a_compiler(home, monkeypatch):
    require_compiler()
    found = next(filter(None, map(shutil.which, compiler.KNOWN)))
    (home / "own").symlink_to(found)
    monkeypatch.setenv("CXX", "~/own -m64")
    assert compiler.compiler_command(None) == (str(home / "own"), "-m64")
    assert compiler.compiler_command("~/own") == (str(home / "own"),)


def test_a_file_of_tuned_settings(home):
    (home / "my.toml").write_text('[npg."CartPole-v1"]\ntotal_timesteps = 2048\ngamma = 0.9\n')
    algo = fastpg.train("npg", "CartPole-v1", tuned="~/my.toml", seed=0)
    assert (algo.num_timesteps, algo.options.gamma) == (2048, 0.9)


def test_a_run_to_be_drawn(home):
    algo = fastpg.train("npg", "CartPole-v1", total_timesteps=2048, seed=0, log="~/run")
    path = algo.save("~/x.npz")
    for name in ("~/run", "~/run/records.jsonl", "~/x", path):
        assert len(plots.read_run(name).records) == len(algo.history)


@pytest.mark.usefixtures("one_episode")
def test_the_commands(run, home, monkeypatch):
    monkeypatch.chdir(home.parent / "present")
    (home / "my.toml").write_text("total_timesteps = 1024\nout = '~/x.npz'\n")
    for command, written in (
        ("train npg CartPole-v1 --config=~/my.toml", "x.npz"),
        ("train npg CartPole-v1 --total-timesteps=1024 --out=~/y", "y.npz"),
        ("eval ~/x --episodes=1", "x.npz"),
        ("info ~/x.npz", "x.npz"),
        ("export ~/x --out=~/x.h", "x.h"),
        ("plot ~/x ~/y.npz --out=~/x.png", "x.png"),
        ("plot ~/x --kind=policy --out=~/policy.png", "policy.png"),
    ):
        done = run(*command.split())
        assert done.returncode == 0, done.stderr
        assert (home / written).is_file()
    done = run("train", "npg", "CartPole-v1", "--out=~/x.npz")
    assert (done.returncode, f"{home / 'x.npz'} exists" in done.stderr) == (2, True)


def test_the_figures_of_the_lecture(run, home, monkeypatch):
    monkeypatch.chdir(home.parent / "present")
    system = dataclasses.replace(
        lecture.SYSTEMS["L6"],
        run=lambda: lecture.Result((), {"x": [1.0]}),
        draw=lambda columns, figure: None,
    )
    monkeypatch.setattr(lecture, "SYSTEMS", {"L6": system})
    done = run("lecture", "L6", "--out=~/new/lecture")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (home / "new/lecture").iterdir()} == {"L6.csv", "L6.png"}
