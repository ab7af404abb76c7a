"""`fastpg train … --run FOLDER`, and going on with --resume."""

import signal
import sys

import numpy as np
import pytest

import fastpg
from processes import PLAIN, started_python

SHORT = ("--total-timesteps", 4096)
FILES = {
    "checkpoint.npz", "config.json", "evaluations.jsonl", "final.npz", "lock", "records.csv",
    "records.jsonl", "versions.json",
}  # fmt: skip
SIGINT_IGNORED = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
INTERRUPTED = """
from fastpg import cli
from fastpg.training.run_folder import RunFolder

seen = RunFolder.on_iteration

def told(self, record):
    answer = seen(self, record)
    if record["time/iterations"] == 2:
        print("learning", flush=True)
    return answer

RunFolder.on_iteration = told
cli.main()
"""


@pytest.mark.usefixtures("one_episode")
def test_a_run_folder_instead_of_a_file(run, tmp_path):
    done = run("train", "npg", "CartPole-v1", "--run", "runs/a", *SHORT)
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]
    assert {p.name for p in (tmp_path / "runs" / "a").iterdir()} >= FILES
    straight = fastpg.train("npg", "CartPole-v1", total_timesteps=4096, seed=0)
    saved = fastpg.load(tmp_path / "runs" / "a" / "final.npz")
    assert np.array_equal(saved.policy.theta, straight.policy.theta)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("one_episode")
def test_an_interrupted_run_goes_on_to_the_bits_of_a_straight_one(run, tmp_path):
    total = 400_000
    arguments = ("train", "npg", "CartPole-v1", "--run", "a", "--total-timesteps", total)
    with started_python(INTERRUPTED, *arguments, cwd=tmp_path, **PLAIN) as process:
        assert process.stdout.readline() == "learning\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert fastpg.load(tmp_path / "a" / "checkpoint.npz").num_timesteps < total
    done = run("train", "npg", "CartPole-v1", "--run", "a", "--resume")
    assert done.returncode == 0, done.stderr
    assert "those of a, from step" in done.stdout
    straight = fastpg.train("npg", "CartPole-v1", total_timesteps=total, seed=0)
    resumed = fastpg.load(tmp_path / "a" / "final.npz")
    assert np.array_equal(resumed.policy.theta, straight.policy.theta)
    assert len((tmp_path / "a" / "records.jsonl").read_text().splitlines()) == len(straight.history)
    done = run("train", "npg", "CartPole-v1", "--run", "a", "--resume")
    assert done.returncode == 2
    assert "a: the run is finished, after 400,000 steps" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("before", ["", SIGINT_IGNORED], ids=["foreground", "background"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_training_that_is_ended_is_saved(tmp_path, name, before):
    """By `kill`, by a cluster, or with its terminal; no evaluation delays its end."""
    arguments = ("train", "npg", "CartPole-v1", "--run", "a", "--total-timesteps", 400_000_000)
    with started_python(before + INTERRUPTED, *arguments, cwd=tmp_path, **PLAIN) as process:
        assert process.stdout.readline() == "learning\n"
        process.send_signal(getattr(signal, name))
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert 0 < fastpg.load(tmp_path / "a" / "final.npz").num_timesteps < 400_000_000
    assert "none, since the process is being ended" in out


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_stays_ignored_in_the_background(tmp_path):
    """There the shell ignores SIGINT: Ctrl-C is for the program in the foreground."""
    arguments = ("train", "npg", "CartPole-v1", "--run", "a", "--total-timesteps", 40_000)
    with started_python(SIGINT_IGNORED + INTERRUPTED, *arguments, cwd=tmp_path, **PLAIN) as process:
        assert process.stdout.readline() == "learning\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert fastpg.load(tmp_path / "a" / "final.npz").num_timesteps >= 40_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_nohup_keeps_a_training_running(tmp_path):
    ignored = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + INTERRUPTED
    arguments = ("train", "npg", "CartPole-v1", "--run", "a", "--total-timesteps", 40_000)
    with started_python(ignored, *arguments, cwd=tmp_path, **PLAIN) as process:
        assert process.stdout.readline() == "learning\n"
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert fastpg.load(tmp_path / "a" / "final.npz").num_timesteps >= 40_000


@pytest.mark.usefixtures("one_episode")
def test_folders_and_options_that_do_not_go_together(run, tmp_path):
    run("train", "npg", "CartPole-v1", "--run", "a", *SHORT)
    (tmp_path / "file").write_text("mine")
    for flags, text in [
        (("npg", "CartPole-v1", "--run", "a"), "a holds a run: --resume goes on with it"),
        (("npg", "CartPole-v1", "--run", "b", "--resume"), "b holds no run"),
        (("npg", "CartPole-v1", "--resume"), "--resume: expected --run FOLDER too"),
        (("npg", "CartPole-v1", "--run", "file"), "expected a folder, got the file file"),
        (("trpo", "CartPole-v1", "--run", "a", "--resume"), "expected a run of trpo on CartPole"),
        (("npg", "CartPole-v1", "--run", "a", "--resume", "--gamma", 0.9), "got --gamma"),
    ]:
        done = run("train", *flags)
        assert done.returncode == 2, flags
        assert text in done.stderr
        assert "Traceback" not in done.stderr
