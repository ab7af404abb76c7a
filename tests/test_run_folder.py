"""Run folders: their files, refusals, resuming, and disks that fill up."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import fastpg
from fastpg import loggers
from fastpg.training import run_config, run_folder
from processes import python, started_python
from trainings import untimed


def learner(**options):
    return fastpg.NPG("linear", "CartPole-v1", seed=0, **options)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Announcing(fastpg.callbacks.Callback):
    """Makes an evaluation of its own after each iteration."""

    def on_iteration(self, record):
        steps = self.algo.num_timesteps
        self.announce({"eval/mean_reward": 1.0, "time/total_timesteps": steps})


def test_who_makes_the_evaluations_of_a_run(tmp_path, recwarn):
    """Their arguments are kept, and a run without a new one warns, whoever made the old ones."""

    def learn(run, *callbacks, **arguments):
        algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=250)
        if run.holds_run:
            algo = fastpg.load(run.checkpoint, env="CartPole-v1")
        algo.learn(1000, list(callbacks), log=run, reset_num_timesteps=False, **arguments)
        config = run.config()
        return [config, *config.get("resumed", [])][-1]["evaluations"]

    def warned():
        found = [str(one.message) for one in recwarn if "best.npz stays" in str(one.message)]
        recwarn.clear()
        return found

    run = fastpg.loggers.RunFolder(tmp_path / "a")
    asked = {"eval_freq": 1000, "n_eval_episodes": 2, "own_env": False}
    assert learn(run, eval_freq=np.int64(1000), n_eval_episodes=2) == asked
    assert run.kept_evaluations() == {"eval_freq": 1000, "n_eval_episodes": 2}
    own = fastpg.callbacks.EvalCallback(eval_freq=500, n_eval_episodes=1)
    assert learn(run, own) is None
    assert learn(run, Announcing()) is None
    assert warned() == []
    assert learn(run) is None
    assert "expected eval_freq=1000 too" in warned()[0]
    assert learn(run, eval_env="CartPole-v1", eval_freq=1000)["own_env"] is True
    assert run.kept_evaluations() == {}
    assert learn(run) is None
    assert "expected eval_freq or an EvalCallback too" in warned()[0]
    other = fastpg.loggers.RunFolder(tmp_path / "b")
    assert learn(other) is None
    assert learn(other) is None
    assert learn(other, own) is None
    assert warned() == []
    assert learn(other) is None
    assert len(warned()) == 1
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=250)
    third = fastpg.loggers.RunFolder(tmp_path / "c")
    algo.learn(1000, third, eval_freq=1000)
    assert third.kept_evaluations() == {"eval_freq": 1000, "n_eval_episodes": 10}


def test_a_folder_has_everything(tmp_path):
    folder = tmp_path / "runs" / "one"
    algo = learner(target_kl="lin_0.02").learn(20_000, log=str(folder), eval_freq=4000)
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "versions.json", "records.jsonl", "records.csv", "evaluations.jsonl",
        "checkpoint.npz", "checkpoint.previous.npz", "best.npz", "final.npz", "lock",
    }  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    assert config["options"]["target_kl"] == "lin_0.02"
    assert config["options"]["gamma"] == algo.options.gamma
    assert (config["algorithm"], config["env_id"], config["seed"]) == ("npg", "CartPole-v1", 0)
    assert (config["num_timesteps"], config["total_timesteps"]) == (0, 20_000)
    versions = json.loads((folder / "versions.json").read_text())
    assert versions["numpy"] == np.__version__
    assert versions["fastpg"] == fastpg.__version__
    assert versions["build"]["isa"] == fastpg.build_info()["isa"]
    assert lines(folder / "records.jsonl") == algo.history
    with (folder / "records.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["train/kl"]) for row in table] == [r["train/kl"] for r in algo.history]
    evaluations = lines(folder / "evaluations.jsonl")
    best = max(evaluations, key=lambda record: record["eval/mean_reward"])
    assert fastpg.load(folder / "best.npz").num_timesteps == best["time/total_timesteps"]
    for name in ("final.npz", "checkpoint.npz"):
        assert np.array_equal(fastpg.load(folder / name).policy.theta, algo.policy.theta)


def test_no_evaluation_no_best_model(tmp_path):
    learner().learn(2000, log=tmp_path)
    assert not (tmp_path / "best.npz").exists()
    assert (tmp_path / "evaluations.jsonl").read_text() == ""


def test_checkpoints_come_by_time(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "CHECKPOINT_SECONDS", 0.0)
    steps = []

    def note(record):
        steps.append(fastpg.load(tmp_path / "checkpoint.npz").num_timesteps)

    algo = learner().learn(8000, note, log=tmp_path)
    last = fastpg.load(tmp_path / "checkpoint.npz").num_timesteps
    # The folder comes after the callbacks, whose values belong to the record.
    assert [*steps, last] == [0, *(record["time/total_timesteps"] for record in algo.history)]


def test_a_folder_with_a_run_is_refused(tmp_path):
    learner().learn(2000, log=tmp_path)
    before = content(tmp_path)
    algo = learner().learn(2000)
    with pytest.raises(FileExistsError, match=r"holds a run: .*resume=True"):
        algo.learn(2000, log=tmp_path)
    assert algo.num_timesteps == 2000
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["final.npz", "best.npz", "checkpoint.npz", "records.csv", "records.jsonl",
             "evaluations.jsonl", "experiment.json", "journal.log"],
)  # fmt: skip
def test_files_that_are_not_of_a_run_are_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    algo = learner()
    for log in (tmp_path, loggers.RunFolder(tmp_path, resume=True)):
        with pytest.raises(FileExistsError, match=f"without files that a run writes, .*{name}"):
            algo.learn(2000, log=log)
    assert content(tmp_path) == {name: b"mine"}
    assert algo.history == []


class Failing(fastpg.callbacks.Callback):
    """Cannot be started, nor stopped without an evaluation."""

    def on_training_start(self, algo, total_timesteps):
        super().on_training_start(algo, total_timesteps)
        raise ValueError("not today")

    def on_training_end(self):
        self.announce({"eval/mean_reward": 1.0, "time/total_timesteps": 0})


def unstartable(folder):
    """Arguments of `learn` with which no training begins, though that of a run folder does."""
    return {
        "callback": {"log": folder, "callback": Failing()},
        "another log": {"log": [folder, folder]},
        "evaluation": {"log": folder, "eval_env": "Pendulum-v1"},
        "disk": {"log": folder},
    }


@pytest.mark.parametrize("how", unstartable(None))
@pytest.mark.parametrize("exists", [False, True])
def test_a_training_that_does_not_begin_leaves_no_run(tmp_path, monkeypatch, how, exists):
    folder = tmp_path / "a"
    if exists:
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
    with monkeypatch.context() as patch:
        if how == "disk":
            patch.setattr(run_folder, "keep_rows", lambda *given: 1 / 0)
        with pytest.raises((ValueError, BlockingIOError, ZeroDivisionError)):
            learner().learn(100, **unstartable(folder)[how])
    assert [path.name for path in tmp_path.rglob("*")] == (["a", "notes.txt"] if exists else [])
    run = loggers.RunFolder(folder)
    with pytest.raises(ValueError, match="not today"):
        learner().learn(100, Failing(), log=run)
    assert not run.resume
    learner().learn(100, log=folder)
    assert (folder / "final.npz").exists()


def test_a_training_that_does_not_begin_leaves_the_run_that_it_would_continue(tmp_path):
    run = loggers.RunFolder(tmp_path)
    algo = learner(n_steps=50).learn(200, log=run)
    before = content(tmp_path)
    for one in (algo, learner(n_steps=50).learn(100)):
        with pytest.raises(ValueError, match="not today"):
            one.learn(100, Failing(), log=run, reset_num_timesteps=False)
    with pytest.raises(ValueError, match="at step 0"):
        learner().learn(100, log=run)
    assert content(tmp_path) == before
    assert algo.learn(100, log=run, reset_num_timesteps=False).num_timesteps == 300


def test_a_folder_with_other_files_is_used(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    learner().learn(2000, log=tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_a_kill_has_left_of_a_start_is_used(tmp_path):
    learner().learn(2000, log=tmp_path)
    for path in tmp_path.iterdir():
        if path.name not in ("versions.json", "checkpoint.npz"):
            path.unlink()
    learner().learn(2000, log=tmp_path)
    assert (tmp_path / "final.npz").exists()


def test_what_is_no_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    algo = learner()
    with pytest.raises(NotADirectoryError, match="expected a folder, got the file"):
        algo.learn(2000, log=file)
    with pytest.raises(OSError, match="file"):
        algo.learn(2000, log=file / "inside")
    with pytest.raises(TypeError, match="expected the path of a run folder"):
        loggers.RunFolder(3)
    with pytest.raises(ValueError, match="expected the path of a run folder, got ''"):
        algo.learn(2000, log="")
    assert file.read_text() == "mine"
    assert algo.history == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        learner().learn(2000, log=tmp_path / "x")


def test_a_folder_in_use_is_refused(tmp_path):
    algo = learner()

    def second(record):
        for resume in (False, True):
            with pytest.raises(BlockingIOError, match="used by another training"):
                algo2.learn(2000, log=loggers.RunFolder(tmp_path, resume=resume))
        return False

    algo2 = learner()
    algo.learn(10_000, second, log=tmp_path)
    assert algo2.history == []


WAITING = """
import sys, fastpg
def tell(record):
    if record["time/iterations"] == 1:
        return
    print("learning", flush=True)
    while True:
        pass
fastpg.NPG("linear", "CartPole-v1", seed=0).learn(10_000, tell, log=sys.argv[1])
"""


def test_a_killed_process_leaves_a_folder_that_can_be_resumed(tmp_path):
    folder = tmp_path / "x"
    with started_python(WAITING, folder) as process:
        assert process.stdout.readline() == "learning\n"
        with pytest.raises(BlockingIOError, match="used by another training"):
            learner().learn(2000, log=folder)
        process.kill()
        process.wait()
    assert len(lines(folder / "records.jsonl")) == 1
    algo = learner().learn(4000, log=loggers.RunFolder(folder, resume=True))
    assert lines(folder / "records.jsonl") == algo.history


def test_a_run_can_be_resumed_from_its_start(tmp_path):
    """The first checkpoint is there before the first iteration."""

    def end(record):
        raise LookupError

    with pytest.raises(LookupError):
        learner().learn(
            4096,
            lambda record: shutil.copytree(tmp_path / "x", tmp_path / "y") and end(record),
            log=tmp_path / "x",
        )
    run = loggers.RunFolder(tmp_path / "y", resume=True)
    algo = fastpg.resume(run.checkpoint)
    assert (algo.num_timesteps, algo.plan.total) == (0, 4096)
    algo.learn(log=run)
    assert untimed(algo.history) == untimed(learner().learn(4096).history)


@pytest.mark.parametrize("how", ["error", "ctrl-c", "stop"])
def test_the_result_is_kept_in_every_outcome(tmp_path, how):
    errors = {"error": LookupError, "ctrl-c": KeyboardInterrupt}

    def end(record):
        if record["time/iterations"] == 2:
            if how in errors:
                raise errors[how]
            return False
        return True

    algo = learner()
    if how in errors:
        with pytest.raises(errors[how]):
            algo.learn(20_000, end, log=tmp_path)
    else:
        algo.learn(20_000, end, log=tmp_path)
    final = fastpg.load(tmp_path / "final.npz")
    assert len(final.history) == 2
    assert np.array_equal(final.policy.theta, algo.policy.theta)
    algo.learn(2000, log=loggers.RunFolder(tmp_path, True), reset_num_timesteps=False)


def test_a_resumed_run_repeats_no_record(tmp_path):
    """The last checkpoint is older than the last records, of which one line is cut off."""
    folder = tmp_path / "x"
    algo = learner(n_steps=512).learn(4096, log=folder, eval_freq=2048)
    old = tmp_path / "old.npz"
    shutil.copy(folder / "checkpoint.npz", old)
    run = loggers.RunFolder(folder, resume=True)
    algo.learn(4096, log=run, reset_num_timesteps=False, eval_freq=2048)
    shutil.copy(old, run.checkpoint)
    for name in ("records.jsonl", "records.csv", "evaluations.jsonl"):
        with (folder / name).open("a") as file:
            file.write('{"time/it')
    again = fastpg.load(run.checkpoint, env="CartPole-v1")
    again.learn(
        2048, log=loggers.RunFolder(folder, True), reset_num_timesteps=False, eval_freq=2048
    )
    steps = [2048, 4096, 6144]
    assert [r["time/total_timesteps"] for r in lines(folder / "records.jsonl")] == steps
    assert [r["time/total_timesteps"] for r in lines(folder / "evaluations.jsonl")] == steps
    with (folder / "records.csv").open(newline="") as file:
        assert [int(row["time/total_timesteps"]) for row in csv.DictReader(file)] == steps
    assert untimed(lines(folder / "records.jsonl")) == untimed(again.history)
    resumed = json.loads((folder / "config.json").read_text())["resumed"]
    assert [entry["num_timesteps"] for entry in resumed] == [4096, 4096]


def test_another_run_does_not_continue_a_folder(tmp_path):
    learner().learn(2000, log=tmp_path)
    before = content(tmp_path)
    run = loggers.RunFolder(tmp_path, resume=True)
    with pytest.raises(ValueError, match="holds a run with algorithm='npg', got 'trpo'"):
        fastpg.TRPO("linear", "CartPole-v1").learn(2000, log=run)
    for other, text in (
        (fastpg.NPG("mlp", "CartPole-v1", seed=0), "policy='LinearSoftmax', got 'MlpSoftmax'"),
        (fastpg.NPG("linear", "CartPole-v1", seed=9), "seed=0, got 9"),
    ):
        other.learn(1000)
        with pytest.raises(ValueError, match=f"holds a run with {text}"):
            other.learn(2000, log=run, reset_num_timesteps=False)
    algo = learner().learn(4000)
    with pytest.raises(ValueError, match="got an algorithm at step 0"):
        algo.learn(2000, log=run)
    assert algo.num_timesteps == 4000
    assert content(tmp_path) == before
    algo.learn(2000, log=run, reset_num_timesteps=False)


def test_a_damaged_configuration(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="expected JSON, got a damaged file"):
        learner().learn(2000, log=loggers.RunFolder(tmp_path, resume=True))


@pytest.mark.parametrize("text", ["[]", '{"a', "\xff"])
def test_damaged_versions_are_named_before_anything_is_written(tmp_path, text):
    algo = learner().learn(2000, log=tmp_path)
    (tmp_path / "versions.json").write_bytes(text.encode("latin-1"))
    before = content(tmp_path)
    with pytest.raises(ValueError, match=r"versions.json: expected"):
        algo.learn(2000, log=loggers.RunFolder(tmp_path, resume=True), reset_num_timesteps=False)
    assert content(tmp_path) == before


def test_a_damaged_line_costs_no_other(tmp_path):
    algo = learner(n_steps=128).learn(5120, log=tmp_path)
    records, evaluations = tmp_path / "records.jsonl", tmp_path / "evaluations.jsonl"
    kept = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join([*kept[:2], b"\xff{\n", *kept[3:]]))
    evaluations.write_text('{"time/total_timesteps": 5}\n')
    table = (tmp_path / "records.csv").read_bytes()
    (tmp_path / "records.csv").write_bytes(table + b"\xff")
    run = loggers.RunFolder(tmp_path, resume=True)
    algo.learn(512, log=run, reset_num_timesteps=False, eval_freq=512, n_eval_episodes=1)
    assert len(lines(evaluations)) == 2
    found = [record["time/iterations"] for record in lines(records)]
    assert found == [1, 2, *range(4, len(algo.history) + 1)]
    with (tmp_path / "records.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(algo.history)


FULL = """
import resource, signal, sys, warnings, fastpg
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
warnings.simplefilter("always")
def fill(record):
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
algo.learn(400_000, fill, log=sys.argv[1])
print(algo.num_timesteps)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits")
def test_a_full_disk_does_not_end_the_training(tmp_path):
    done = python(FULL, tmp_path)
    assert done.stdout == "400000\n", done.stderr
    assert done.stderr.count("RuntimeWarning") == 1
    assert "stopped: [Errno 27]" in done.stderr
    assert "Traceback" not in done.stderr


def git(*arguments):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    names = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *names, *arguments], check=True, capture_output=True)


def test_the_commit_of_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_config.versions()["git"] is None
    git("init")
    git("commit", "--allow-empty", "-m", "first")
    state = run_config.versions()["git"]
    assert (len(state["commit"]), state["dirty"]) == (40, False)
    (tmp_path / "new").write_text("")
    assert run_config.versions()["git"] == state | {"dirty": True}
    monkeypatch.setenv("PATH", "")
    assert run_config.versions()["git"] is None


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names of files are UTF-8")
def test_a_file_name_of_any_bytes_is_a_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git("init")
    git("config", "core.quotepath", "false")
    git("commit", "--allow-empty", "-m", "first")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("")
    assert run_config.versions()["git"]["dirty"] is True


def test_load_names_the_files_of_a_folder(tmp_path):
    folder = tmp_path / "run"
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2_048, log=folder)
    for read in (fastpg.load, fastpg.NPG.load, fastpg.resume):
        with pytest.raises(FileNotFoundError, match=r"got a folder: give .*final\.npz or .*npz$"):
            read(folder)
    with pytest.raises(FileNotFoundError, match="got a folder: it has none of "):
        fastpg.load(tmp_path)
    algo.save(tmp_path / "run.npz")  # a file with the suffix comes first
    assert fastpg.load(folder).num_timesteps == algo.num_timesteps


@pytest.mark.parametrize("kind", ["tensorboard", "csv", "json", "stdout", "wandb"])
def test_a_kind_of_log_is_no_path(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    for log in (kind, [kind]):
        with pytest.raises(ValueError, match=f"got the name '{kind}': .*give './{kind}'"):
            algo.learn(2_048, log=log)
    assert not list(tmp_path.iterdir())
    algo.learn(2_048, log=f"./{kind}")
    assert (tmp_path / kind / "config.json").is_file()


def test_a_folder_given_twice_leaves_nothing(tmp_path):
    run = fastpg.loggers.RunFolder(tmp_path / "run")
    with pytest.raises(BlockingIOError, match="used by another training"):
        fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2048, log=[run, run])
    assert not run.path.exists()
    fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2048, log=run)
    assert run.holds_run
