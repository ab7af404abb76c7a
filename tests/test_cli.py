"""The fastpg command: within this process where that is enough, and as a program of its own."""

import re
import signal
import sys
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg import cli
from fastpg.algorithms import ALGORITHMS
from fastpg.rollouts.env_recipe import EnvRecipe
from processes import python, started_python

PROGRAM = "from fastpg.cli import main; main()"
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command in an empty folder, without the start of a process."""
    monkeypatch.chdir(tmp_path)
    for name, value in PLAIN.items():
        monkeypatch.setenv(name, value)

    def command(*arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=stopped.value.code, stdout=out, stderr=err)

    return command


@pytest.fixture
def five_episodes(monkeypatch, short_pieces):
    """An evaluation of the program itself has its hundred."""
    monkeypatch.setattr(cli, "EVAL_EPISODES", 5)
    monkeypatch.setattr(cli, "_EVAL_ENVS", 5)


def test_train_prints_a_summary_and_saves(tmp_path):
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", "1024")
    done = python(PROGRAM, *arguments, cwd=tmp_path, **PLAIN)
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line)
    assert rows["steps"].split() == ["1,024"]
    assert {"steps/s", "evaluation", "saved"} <= rows.keys()
    assert "over 100 greedy episodes of Gymnasium's CartPole-v1" in rows["evaluation"]
    algo = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz")
    again = fastpg.train("npg", "CartPole-v1", total_timesteps=1024, seed=0)
    assert np.array_equal(algo.policy.theta, again.policy.theta)


@pytest.mark.usefixtures("five_episodes")
@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_train_flags_and_help(run, tmp_path, name):
    shown = run("train", name, "--help").stdout
    for option in ("gamma", "n-envs", "total-timesteps", "seed", "out", "force"):
        assert f"--{option}" in shown
    default = ALGORITHMS[name].options_class().gamma
    assert f"default: {default}" in shown
    out = tmp_path / "policy.npz"
    done = run(
        "train", name, "CartPole-v1", "--total-timesteps", 3000, "--seed", 7, "--gamma", 0.9,
        "--n-envs", 4, "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    algo = fastpg.load(out)
    assert (algo.name, algo.seed, algo.options.gamma, algo.options.n_envs) == (name, 7, 0.9, 4)


@pytest.mark.usefixtures("five_episodes")
def test_train_preset(run, tmp_path):
    shown = " ".join(run("train-preset", "--help").stdout.split())
    for name, preset in fastpg.PRESETS.items():
        assert f"{name}: {preset.doc}" in shown
    arguments = ("train-preset", "pendulum", "--total-timesteps", 20_000, "--seed", 2)
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "greedy episodes of Gymnasium's Pendulum-v1" in done.stdout
    algo = fastpg.load(tmp_path / "pendulum-2.npz")
    again = fastpg.train_preset("pendulum", total_timesteps=20_000, seed=2)
    assert np.array_equal(algo.policy.theta, again.policy.theta)
    assert "--force" in run(*arguments).stderr


@pytest.mark.usefixtures("five_episodes")
def test_an_existing_file_is_kept_unless_forced(run, tmp_path):
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", 3000)
    path = tmp_path / "npg-CartPole-v1-0.npz"
    path.write_bytes(b"mine")
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert path.read_bytes() == b"mine"
    assert run(*arguments, "--force").returncode == 0
    assert fastpg.load(path).name == "npg"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("train", "pp", "CartPole-v1"), "unknown algorithm 'pp'; did you mean 'ppo'"),
        (("train", "vpg", "CartPole-v1"), "did you mean 'reinforce'"),
        (("train", "npg", "CartPole"), "unknown environment 'CartPole'; did you mean"),
        (("train", "npg", "FrozenLak-v1"), "did you mean 'FrozenLake-v1'"),
        (("train", "npg", "nothing:FrozenLake-v1"), "cannot import the module of 'nothing:Fro"),
        (("train", "npg", "json:FrozenLake-v9"), "did you mean 'FrozenLake-v1'"),
        (("train", "npg", "CartPole-v1", "--max-kl", "1"), "did you mean 'target_kl'"),
        (("train", "npg", "CartPole-v1", "--max-kl=1"), "did you mean 'target_kl'"),
        (("train", "npg", "CartPole-v1", "again"), "got another argument 'again'"),
        (("train", "npg", "CartPole-v1", "--gamma", "2"), "gamma: expected a number in [0, 1]"),
        (("train", "npg", "CartPole-v1", "--seed", "-1"), "seed"),
        (("train", "npg", "CartPole-v1", "--total-timesteps", "0"), "total_timesteps"),
        (("train", "npg", "CartPole-v1", "--policy", "MlpPolicy"), "LinearSoftmax"),
        (("train", "npg", "CartPole-v1", "--out", "no/such/folder/x.npz"), "no folder"),
        (("train-preset", "pendulm"), "unknown preset 'pendulm'; did you mean 'pendulum'"),
        (("train-preset", "pendulum", "--total-timesteps", "0"), "total_timesteps"),
        (("eval", "nothing.npz"), "nothing.npz"),
        (("info", "nothing.npz"), "nothing.npz"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(run, tmp_path, arguments, text):
    done = run(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_program_fails_as_the_command_does(run, tmp_path):
    arguments = ("train", "npg", "CartPole")
    done = python(PROGRAM, *arguments, cwd=tmp_path, **PLAIN)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run(*arguments).stderr


def test_eval_and_info(run, tmp_path):
    algo = fastpg.train("trpo", "CartPole-v1", total_timesteps=4000, seed=0, target_kl=0.005)
    path = algo.save(tmp_path / "x.npz")
    greedy = run("eval", path, "--episodes", 5)
    assert re.search(r"over 5 greedy episodes of Gymnasium's CartPole-v1", greedy.stdout)
    stochastic = run("eval", path, "--episodes", 5, "--stochastic", "--seed", 3)
    assert "5 stochastic episodes" in stochastic.stdout
    shown = run("info", path).stdout
    assert "trpo" in shown
    assert "target_kl=0.005" in shown
    assert fastpg.__version__ in run("info").stdout


PLUGIN = """
import gymnasium
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

open("imported", "w").close()


class Pond(FrozenLakeEnv):
    pass


gymnasium.register("Small/Pond-v0", Pond, max_episode_steps=20, kwargs={"is_slippery": False})
"""


@pytest.mark.usefixtures("five_episodes")
def test_an_id_that_is_not_native(run):
    done = run("train", "npg", "FrozenLake-v1", "--total-timesteps", 3000)
    assert done.returncode == 0, done.stderr
    assert "over 5 greedy episodes of Gymnasium's FrozenLake-v1" in done.stdout
    evaluated = run("eval", "npg-FrozenLake-v1-0.npz", "--episodes", 3)
    assert "over 3 greedy episodes of Gymnasium's FrozenLake-v1" in evaluated.stdout


@pytest.fixture
def pond(tmp_path, monkeypatch):
    """A module of the user's in the folder, which this process forgets again."""
    (tmp_path / "pond.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("pond", None)
    gymnasium.registry.pop("Small/Pond-v0", None)


@pytest.mark.usefixtures("pond")
def test_a_module_is_imported_where_the_user_names_it(run, tmp_path):
    arguments = ("train", "npg", "pond:Small/Pond-v0", "--total-timesteps", 600)
    done = python(PROGRAM, *arguments, cwd=tmp_path, **PLAIN)
    assert done.returncode == 0, done.stderr
    assert "episodes of pond:Small/Pond-v0" in done.stdout
    path = tmp_path / "npg-pond-Small-Pond-v0-0.npz"
    assert fastpg.load(path).env_id == "Small/Pond-v0"
    assert "pond" not in sys.modules
    evaluated = run("eval", path, "--env", "pond:Small/Pond-v0", "--episodes", 5)
    assert "over 5 greedy episodes of pond:Small/Pond-v0" in evaluated.stdout
    assert "pond" in sys.modules


@pytest.mark.usefixtures("pond")
@pytest.mark.parametrize(
    ("env_id", "text"),
    [("pond:Small/Pond-v0", "without a module"), ("Small/Pond-v0", "--import pond")],
)
def test_a_checkpoint_imports_nothing(run, tmp_path, env_id, text):
    algo = fastpg.NPG("linear", "FrozenLake-v1", seed=0)
    algo._recipe = EnvRecipe(id=env_id, module="pond")
    done = run("eval", algo.save(tmp_path / "x.npz"))
    assert done.returncode == 2
    assert text in done.stderr
    assert not (tmp_path / "imported").exists()


TOLD = """
from fastpg import cli
from fastpg.algorithms import NPG

learn = NPG.learn

def told(self, total, show):
    def each(record):
        show(record)
        if len(self.history) == 1:
            print("learning", flush=True)
    return learn(self, total, each)

NPG.learn = told
cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_saves_prints_the_summary_and_exits_130(tmp_path):
    """The program says when it learns, since a pause may be too short on a busy machine."""
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", 2_000_000_000)
    with started_python(TOLD, *arguments, cwd=tmp_path, **PLAIN) as process:
        assert process.stdout.readline() == "learning\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "interrupted" in out
    assert "evaluation" in out
    algo = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz")
    assert algo.num_timesteps == algo.history[-1]["time/total_timesteps"] > 0


def test_no_arguments_show_the_help(run):
    for arguments, word in (((), "train"), (("train",), "npg")):
        done = run(*arguments)
        assert word in done.stdout + done.stderr
