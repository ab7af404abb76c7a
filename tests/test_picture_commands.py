"""`fastpg plot` and `fastpg enjoy`."""

import re
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from PIL import Image

import fastpg
from fastpg.plots import maps
from processes import PLAIN, PROGRAM, python
from runs import config, folder, records

SIZES = {"learning": (825, 484), "diagnostics": (1232, 880), "policy": (770, 616)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint of a policy for CartPole."""
    algo = fastpg.train("trpo", "CartPole-v1", total_timesteps=4000, seed=0, tuned=False)
    return algo.save(tmp_path_factory.mktemp("trained") / "x.npz")


def size_of(path):
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize(
    "options",
    [(), ("--x", "seconds", "--y", "kl", "--smooth", 2), ("--label", "mine"), ("--no-group",)],
)
def test_learning_curves(run, tmp_path, trained, options):
    done = run("plot", trained, "-o", "curves.png", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["saved", "curves.png"]
    assert size_of(tmp_path / "curves.png") == SIZES["learning"]


@pytest.mark.parametrize("kind", ["diagnostics", "policy"])
def test_the_other_kinds(run, tmp_path, trained, kind, monkeypatch):
    drawn = {}

    def seen(*arguments, **keywords):
        drawn.update(keywords, axes=arguments[1:])
        return policy_map(*arguments, **keywords)

    policy_map = maps.policy_map
    monkeypatch.setattr("fastpg.plots.policy_map", seen)
    options = ("--axes", "2,3", "--action", 1) if kind == "policy" else ("--smooth", 2)
    done = run("plot", trained, "--kind", kind, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert size_of(tmp_path / f"{kind}.png")[0] == SIZES[kind][0]
    if kind == "policy":
        assert (drawn["axes"], drawn["action"]) == ((2, 3), 1)
        assert drawn["visited"].shape[1] == 4
        assert len(drawn["visited"]) > 50


def test_run_folders_with_evaluations_and_a_cut_line(run, tmp_path):
    evaluations = [{"time/total_timesteps": 200, "eval/mean_reward": 21.0}]
    for seed in range(2):
        path = folder(tmp_path / f"run{seed}", records(), config(seed=seed), evaluations)
    with (path / "records.jsonl").open("a") as file:
        file.write('{"time/total_times')
    done = run("plot", "run0", "run1", "--eval", "-o", "c.svg")
    assert done.returncode == 0
    assert done.stderr == "note: run1: left out 1 line that is no record\n"
    text = (tmp_path / "c.svg").read_text()
    assert "<svg" in text


def test_a_policy_whose_environment_cannot_be_made(run, tmp_path):
    class Own(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (3,))
        action_space = gymnasium.spaces.Discrete(2)

    fastpg.NPG("linear", Own(), seed=0).save(tmp_path / "x.npz")
    done = run("plot", "x.npz", "--kind", "policy", "--ranges=-1,1,0,0.5")
    assert done.returncode == 0
    assert "note: no visited observations are drawn: the environment of the tr" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nothing.npz",), "nothing.npz"),
        (("empty",), "empty: expected a run folder"),
        (("notes.txt",), "notes.txt: expected a run"),
        (("run", "--kind", "diagnostic"), "unknown kind 'diagnostic'; did you mean 'diagnostics'"),
        (("run", "run", "--kind", "diagnostics"), "--kind diagnostics: expected one run, got 2"),
        (("run", "--y", "ep_rew_men"), "unknown key 'ep_rew_men'"),
        (("run", "--y", "train/kll"), "did you mean 'train/kl'"),
        (("run", "--x", "secnds"), "did you mean 'seconds'"),
        (("run", "--y", "kl", "--y", "std"), "--y: expected once, got it 2 times"),
        (("run", "--smooth", "0"), "smooth: expected an integer in [1, "),
        (("run", "--eval"), "expected a run with evaluations"),
        (("run", "--label", "a", "--label", "b"), "labels: expected 1"),
        (("run", "--axes", "0,1"), "--axes: expected with --kind policy, got learning"),
        (("run", "--kind", "policy", "--smooth", "2"), "--smooth: expected with --kind learning"),
        (("run", "--kind", "policy"), "run: expected one of best.npz, final.npz, checkpoint.npz"),
        (("run", "-o", "x.jpg"), "expected a file name that ends with .png, .svg, .pdf"),
        (("run", "-o", "no/such/x.png"), "--out: no folder no/such"),
        (("run", "-o", "empty"), "--out: expected a file, got the folder empty"),
        (("run", "-o", "notes.txt"), "notes.txt exists: --force replaces it"),
    ],
)
def test_mistakes_of_plot(run, tmp_path, arguments, text):
    folder(tmp_path / "run", records(), config())
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("some notes\n")
    before = sorted(tmp_path.rglob("*"))
    done = run("plot", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert text in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--axes", "0"), "--axes: expected 2 numbers with commas, got '0'"),
        (("--axes", "0,9"), "--axes: expected an integer in [0, 3], got 9"),
        (("--ranges", "0,1"), "--ranges: expected 4 numbers"),
        (("--action", "5"), "action: expected an integer in [0, 1], got 5"),
    ],
)
def test_mistakes_of_policies(run, trained, options, text):
    done = run("plot", trained, "--kind", "policy", *options)
    assert done.returncode == 2
    assert text in done.stderr


def test_an_existing_picture_is_kept_unless_forced(run, tmp_path, trained):
    (tmp_path / "learning.png").write_bytes(b"mine")
    assert "--force" in run("plot", trained).stderr
    assert (tmp_path / "learning.png").read_bytes() == b"mine"
    assert run("plot", trained, "--force").returncode == 0
    assert size_of(tmp_path / "learning.png") == SIZES["learning"]


@pytest.mark.parametrize(
    ("missing", "arguments", "text"),
    [
        ("matplotlib.figure", ("plot",), "figures need matplotlib: pip install '.[plot]'"),
        ("PIL", ("enjoy", "--gif", "x.gif"), "GIFs need pillow: pip install '.[render]'"),
        ("pygame", ("enjoy", "--gif", "x.gif"), "CartPole-v1 need a package: pip install '.[rend"),
    ],
)
def test_missing_packages(run, tmp_path, trained, monkeypatch, missing, arguments, text):
    monkeypatch.setitem(sys.modules, missing, None)
    done = run(arguments[0], trained, *arguments[1:])
    assert done.returncode == 2
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_gif(run, tmp_path, trained):
    done = run("enjoy", trained, "--gif", "x.gif", "--episodes", 2, "--max-steps", 12, "--seed", 3)
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()[1:3])
    assert rows["1"].startswith("return 12.0 in 12 steps")
    with Image.open(tmp_path / "x.gif") as image:
        assert image.size == (600, 400)
        assert image.info["loop"] == 0
        shown = []
        for k in range(image.n_frames):
            image.seek(k)
            shown.append(image.info["duration"])
        assert np.asarray(image.convert("RGB")).shape == (400, 600, 3)
    assert 2 <= len(shown) <= 26
    assert sum(shown) == 2 * (12 * 20 + 1000)  # 50 a second, and two pauses
    assert f"{len(shown)} pictures of 600 x 400, 2.5 s" in done.stdout


def test_a_gif_of_another_rate_and_environment(run, tmp_path, trained):
    arguments = ("enjoy", trained, "--env", "CartPole-v0", "--stochastic", "--fps", 5)
    done = run(*arguments, "--gif", "y.gif", "--max-steps", 3)
    assert done.returncode == 0, done.stderr
    assert "CartPole-v0" in done.stdout
    assert "1.6 s" in done.stdout
    again = run(*arguments, "--gif", "y.gif")
    assert again.returncode == 2
    assert "y.gif exists: --force replaces it" in again.stderr


def test_a_window(run, tmp_path, trained, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    done = run("enjoy", trained, "--fps", 1000, "--max-steps", 5)
    assert (done.returncode, done.stderr) == (0, "")
    assert "return 5.0 in 5 steps" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--gif", "x.png"), "--gif: expected a file name that ends with .gif, got x.png"),
        (("--gif", "no/such/x.gif"), "--gif: no folder no/such"),
        (("--gif", "x.gif", "--env", "CartPol-v1"), "did you mean 'CartPole-v1'"),
        (("--gif", "x.gif", "--env", "Pendulum-v1"), "observation space"),
        (("--gif", "x.gif", "--env", "Blackjack-v1"), "observation space"),
        (("--gif", "x.gif", "--episodes", "0"), "--episodes"),
        (("--gif", "x.gif", "--max-steps", "0"), "--max-steps"),
        (("--gif", "x.gif", "--fps", "0"), "fps: expected"),
        (("--gif", "x.gif", "--seed", "-1"), "seed"),
        (("--gif", "x.gif", "--import", "no_such_module"), "cannot import 'no_such_module'"),
    ],
)
def test_mistakes_of_enjoy(run, tmp_path, trained, options, text):
    done = run("enjoy", trained, *options)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_plays_its_best_policy(run, tmp_path, trained):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "best.npz").write_bytes(trained.read_bytes())
    (tmp_path / "run" / "final.npz").write_bytes(b"damaged")
    done = run("enjoy", "run", "--gif", "x.gif", "--max-steps", 2)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is a display")
def test_the_program_without_a_display(tmp_path, trained):
    done = python(
        PROGRAM, "enjoy", trained, cwd=tmp_path, DISPLAY="", WAYLAND_DISPLAY="",
        SDL_VIDEODRIVER="", **PLAIN,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "error: a window needs a display, and there is none: --gif FILE writes a GIF\n"
    )


ENVIRONMENTS = ["Acrobot-v1", "MountainCar-v0", "FrozenLake-v1", "CliffWalking-v1", "Taxi-v4",
                "MountainCarContinuous-v0", "LunarLander-v3", "Hopper-v5"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_many_environments(tmp_path, env_id):
    """A GIF, or one sentence about what is missing on this machine.

    All in other processes: with warnings as errors, Box2D ends the process when it is imported.
    """
    made = python(
        "import sys, fastpg; fastpg.NPG('linear', sys.argv[1], seed=0).save('x.npz')",
        env_id,
        cwd=tmp_path,
    )
    if "DependencyNotInstalled" in made.stderr:
        pytest.skip(f"{env_id} needs a package that is not installed")
    arguments = ("enjoy", "x.npz", "--gif", "x.gif", "--max-steps", 10)
    done = python(PROGRAM, *arguments, cwd=tmp_path, DISPLAY="", **PLAIN)
    if env_id == "Hopper-v5" and done.returncode == 2:  # no EGL
        assert "Hopper-v5 cannot be drawn (" in done.stderr
        assert "MUJOCO_GL=egl" in done.stderr
        return
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "x.gif") as image:
        assert image.n_frames > 1


def test_the_page_s_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parent.parent / "docs" / "pictures.md").read_text()
    namespace = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(example, "pictures.md", "exec"), namespace)
    names = ["lengths.png", "diagnostics.pdf", "map.svg", "cartpole.gif", "evaluation.monitor.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_every_option_of_plot_is_on_the_page(run):
    page = (Path(__file__).resolve().parent.parent / "docs" / "pictures.md").read_text()
    shown = set(re.findall(r"--[a-z][a-z-]+", run("plot", "--help").stdout))
    assert shown - {"--help", "--component", "--import"} <= set(re.findall(r"--[a-z-]+", page))
