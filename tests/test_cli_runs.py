"""`fastpg train … --run FOLDER`, and going on with --resume."""

import json
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


@pytest.mark.usefixtures("one_episode")
def test_evaluations_during_training(run, tmp_path):
    train = ("train", "npg", "CartPole-v1")
    often = ("--eval-freq", 2048, "--n-eval-episodes", 2)
    done = run(*train, "--run", "a", *often, *SHORT)
    assert done.returncode == 0, done.stderr
    assert ", mean return of the last 100 episodes, with sampled actions" in done.stdout
    lines = (tmp_path / "a" / "evaluations.jsonl").read_text().splitlines()
    assert [json.loads(line)["time/total_timesteps"] for line in lines] == [2048, 4096]
    assert run("plot", "a", "--eval").returncode == 0
    assert not (tmp_path / "npg-CartPole-v1-0.npz").exists()
    for wrong, text in (
        (often, "--eval-freq: expected --run FOLDER too"),
        (("--run", "b", "--n-eval-episodes", 2), "--n-eval-episodes: expected --eval-freq too"),
        (("--run", "b", "--eval-freq", 0), "--eval-freq: expected an integer in [1, "),
    ):
        done = run(*train, *wrong, *SHORT)
        assert (done.returncode, text in done.stderr) == (2, True), done.stderr


@pytest.mark.usefixtures("one_episode")
def test_a_run_that_goes_on_is_evaluated_as_before(run, tmp_path):
    train = ("train", "npg", "CartPole-v1", "--run", "a")
    often = ("--eval-freq", 2048, "--n-eval-episodes", 2)
    assert run(*train, *often, *SHORT).returncode == 0

    def steps():
        lines = (tmp_path / "a" / "evaluations.jsonl").read_text().splitlines()
        return [json.loads(line)["time/total_timesteps"] for line in lines]

    done = run(*train, "--resume", "--total-timesteps", 8192)
    assert (done.returncode, steps()) == (0, [2048, 4096, 6144, 8192]), done.stderr
    assert "warning" not in done.stderr.lower()
    done = run(*train, "--resume", "--eval-freq", 4096, "--total-timesteps", 16384)
    assert (done.returncode, steps()[4:]) == (0, [12288, 16384]), done.stderr
    algo = fastpg.resume(tmp_path / "a" / "checkpoint.npz")
    again = fastpg.loggers.RunFolder(tmp_path / "a", resume=True)
    with pytest.warns(UserWarning, match="best.npz stays as it is: expected eval_freq=4096 too"):
        algo.learn(2048, log=again, reset_num_timesteps=False)
    assert again.config()["resumed"][-1]["evaluations"] is None
    for path, step in (("a/final.npz", 18432), ("a/checkpoint.npz", 18432)):
        shown = run("eval", path, "--episodes", 1).stdout.split("evaluation")[0]
        assert "".join(shown.split()) == f"model{path},step{step:,}"


@pytest.mark.parametrize(
    "changed", ["x", [1], {"resumed": 3}, {"resumed": [3]}, {"evaluations": 3}]
)
def test_a_config_changed_by_hand_has_no_evaluations(run, tmp_path, changed):
    assert run("train", "npg", "CartPole-v1", "--run", "a", *SHORT).returncode == 0
    folder = fastpg.loggers.RunFolder(tmp_path / "a")
    file = tmp_path / "a" / "config.json"
    if isinstance(changed, dict):
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))
        assert folder.kept_evaluations() == {}
    else:
        file.write_text(json.dumps(changed))
        with pytest.raises(ValueError, match="expected a JSON object"):
            folder.kept_evaluations()


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
    assert done.returncode == 0
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


KILLED = """
import os, signal
from fastpg import cli
from fastpg.training.run_folder import RunFolder

RunFolder.on_iteration = lambda self, record: os.kill(os.getpid(), signal.SIGKILL)
cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("one_episode")
@pytest.mark.parametrize("kept", [True, False], ids=["checkpoint", "no checkpoint"])
@pytest.mark.parametrize("env_id", ["CartPole-v1", "FrozenLake-v1"])
def test_one_command_starts_a_run_and_goes_on_with_it(run, tmp_path, env_id, kept):
    """Also if it was killed in its first iteration; a cluster starts the same command again."""
    command = ("npg", env_id, "--run", "a", "--resume", "--seed", 3, "--gamma", 0.9, "--no-tuned")
    command = ("train", *command, "--net-arch", "8,8", "--policy", "mlp", *SHORT)
    with started_python(KILLED, *command, cwd=tmp_path, **PLAIN) as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    if not kept:
        (tmp_path / "a" / "checkpoint.npz").unlink()
    done = run(*command)
    assert done.returncode == 0, done.stderr
    straight = fastpg.NPG(
        "mlp", env_id, policy_kwargs={"net_arch": [8, 8]}, gamma=0.9, seed=3
    ).learn(4096)
    resumed = fastpg.load(tmp_path / "a" / "final.npz")
    assert np.array_equal(resumed.policy.theta, straight.policy.theta)
    assert len((tmp_path / "a" / "records.jsonl").read_text().splitlines()) == len(straight.history)
    again = run(*command)
    assert again.returncode == 0, again.stderr
    assert "a: the run is finished, after 4,096 steps" in again.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_was_killed_at_once_goes_on_without_its_options(run, tmp_path):
    command = ("train", "npg", "CartPole-v1", "--run", "a", "--gamma", 0.9, *SHORT)
    with started_python(KILLED, *command, cwd=tmp_path, **PLAIN) as process:
        process.communicate()
    done = run("train", "npg", "CartPole-v1", "--run", "a", "--resume")
    assert done.returncode == 0, done.stderr
    saved = fastpg.load(tmp_path / "a" / "final.npz")
    assert (saved.num_timesteps, saved.options.gamma) == (4096, 0.9)
    # Without a checkpoint the options are needed: nothing else says what the run was.
    (tmp_path / "a" / "checkpoint.npz").unlink()
    done = run("train", "npg", "CartPole-v1", "--run", "a", "--resume")
    assert done.returncode == 2
    assert "it has options: gamma 0.9, not" in done.stderr


@pytest.mark.usefixtures("one_episode")
def test_a_finished_run_is_extended(run, tmp_path):
    run("train", "npg", "CartPole-v1", "--run", "a", *SHORT)
    done = run("train", "npg", "CartPole-v1", "--run", "a", "--resume", "--total-timesteps", 8192)
    assert done.returncode == 0, done.stderr
    extended = fastpg.load(tmp_path / "a" / "final.npz")
    assert extended.num_timesteps == 8192
    straight = fastpg.train("npg", "CartPole-v1", total_timesteps=4096, seed=0)
    straight.learn(4096, reset_num_timesteps=False)
    assert np.array_equal(extended.policy.theta, straight.policy.theta)
    done = run("train", "npg", "CartPole-v1", "--run", "a", "--resume", "--total-timesteps", 8192)
    assert "a: the run is finished, after 8,192 steps" in done.stderr


@pytest.mark.parametrize(
    "command", ["info", "eval", "enjoy", "plot --kind policy", "export --to c"]
)
def test_what_is_not_there_is_named_as_given(run, command):
    done = run(*command.split(), "none")
    assert done.returncode == 2
    assert "error: no run folder or file none\n" in done.stderr


@pytest.mark.usefixtures("one_episode")
def test_folders_and_options_that_do_not_go_together(run, tmp_path):
    run("train", "npg", "CartPole-v1", "--run", "a", *SHORT)
    (tmp_path / "file").write_text("mine")
    for flags, text in [
        (("npg", "CartPole-v1", "--run", "a"), "a holds a run: --resume goes on with it"),
        (("npg", "CartPole-v1", "--resume"), "--resume: expected --run FOLDER too"),
        (("npg", "CartPole-v1", "--run", "file"), "expected a folder, got the file file"),
        (("trpo", "CartPole-v1", "--run", "a", "--resume"), "expected a run of trpo on CartPole"),
        (
            ("npg", "CartPole-v1", "--run", "a", "--resume", "--gamma", 0.9),
            "expected all options of the run in a, or none; it has options: gamma 0.985, not 0.9",
        ),
        (
            ("npg", "CartPole-v1", "--run", "a", "--resume", "--total-timesteps", 4095),
            "--total-timesteps: expected at least the 4,096 of the run, got 4,095",
        ),
    ]:
        done = run("train", *flags)
        assert done.returncode == 2, flags
        assert text in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("one_episode")
def test_resume_replaces_the_file_of_its_own_run_alone(run, tmp_path):
    train, out = ("train", "npg", "CartPole-v1", *SHORT), tmp_path / "x.npz"
    assert run(*train, "--seed", 9, "--out", out).returncode == 0
    content = out.read_bytes()
    done = run(*train, "--run", "a", "--resume", "--out", out)
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert out.read_bytes() == content
    assert not (tmp_path / "a" / "records.jsonl").exists()


@pytest.mark.usefixtures("one_episode")
def test_a_finished_run_still_writes_its_file(run, tmp_path):
    """As the same command does that was killed after learning."""
    train = ("train", "npg", "CartPole-v1", *SHORT, "--run", "a", "--resume", "--out", "x.npz")
    assert run(*train).returncode == 0
    whole = fastpg.load(tmp_path / "x.npz").policy.theta
    (tmp_path / "x.npz").unlink()
    done = run(*train)
    assert done.returncode == 0
    assert "the run is finished" in done.stderr
    assert np.array_equal(fastpg.load(tmp_path / "x.npz").policy.theta, whole)


def test_an_error_of_the_environment_keeps_what_was_learned(run, tmp_path):
    (tmp_path / "late.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Late(CartPoleEnv):\n"
        "    steps = 0\n"
        "    def step(self, action):\n"
        "        Late.steps += 1\n"
        "        if Late.steps > 5000:\n"
        "            raise RuntimeError('simulator crashed')\n"
        "        return super().step(action)\n"
        "gymnasium.register('Late-v0', Late, max_episode_steps=500)\n"
    )
    done = run("train", "npg", "late:Late-v0", "--total-timesteps", 20_000, "--out", "x.npz")
    assert done.returncode == 1
    assert "RuntimeError: simulator crashed. From environment " in done.stderr
    assert "if that is in fastpg, please report it" in done.stderr
    assert fastpg.load(tmp_path / "x.npz").num_timesteps == 4000
