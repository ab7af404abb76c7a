"""Loggers: what they write is what was recorded; what fails does not end the training."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import fastpg
from fastpg import callbacks, loggers, plots
from processes import PLAIN, python, started_python

ROOT = Path(__file__).resolve().parent.parent


def learner(**options):
    return fastpg.NPG("linear", "CartPole-v1", seed=0, **options)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read_back(text, value):
    """The value of a cell, of the type that was written."""
    if isinstance(value, str):
        return text
    return text == "True" if isinstance(value, bool) else type(value)(text)


def same(one, other):
    return one == other or (one != one and other != other)


def test_csv_and_json_lines_hold_the_history(tmp_path):
    """Pendulum's first records have NaN, since no episode has ended."""
    algo = fastpg.NPG("linear", "Pendulum-v1", seed=0, n_envs=8, n_steps=64)
    logs = [loggers.CsvLogger(tmp_path / "new" / "x.csv"), loggers.JsonLinesLogger(tmp_path / "x")]
    algo.learn(4096, log=logs, eval_freq=2048, n_eval_episodes=2)
    assert math.isnan(algo.history[0]["rollout/ep_rew_mean"])
    table = rows(tmp_path / "new" / "x.csv")
    assert len(table) == len(algo.history)
    for row, record in zip(table, algo.history, strict=True):
        assert {key for key, text in row.items() if text != ""} == record.keys()
        assert all(same(read_back(row[key], value), value) for key, value in record.items())
    lines = [json.loads(line) for line in (tmp_path / "x").read_text().splitlines()]
    records = [line for line in lines if "eval/mean_reward" not in line]
    assert len(lines) == len(records) + 2
    for line, record in zip(records, algo.history, strict=True):
        for key, value in record.items():
            assert line[key] == (None if value != value else value)


def test_evaluations_have_a_table_of_their_own(tmp_path):
    log, best = loggers.CsvLogger(tmp_path / "x.csv"), callbacks.EvalCallback(eval_freq=2048)
    algo = learner(n_envs=4, n_steps=256).learn(4096, best, log=log)
    assert log.evaluations_path == tmp_path / "x.evaluations.csv"
    table = rows(log.evaluations_path)
    assert [
        {key: read_back(row[key], value) for key, value in record.items()}
        for row, record in zip(table, best.evaluations, strict=True)
    ] == best.evaluations
    assert len(table) == 2
    assert rows(log.path)[0].keys() == algo.history[0].keys()
    assert len(rows(log.path)) == len(algo.history)
    run = plots.read_run(log.path)
    assert [list(part) for part in run.column("mean_reward")] == [
        [record["time/total_timesteps"] for record in best.evaluations],
        [record["eval/mean_reward"] for record in best.evaluations],
    ]


def test_a_table_of_evaluations_is_refused_unless_appended(tmp_path):
    path, beside = tmp_path / "x.csv", tmp_path / "x.evaluations.csv"
    algo = learner(n_envs=4, n_steps=256)
    algo.learn(1024, log=loggers.CsvLogger(path))
    assert not beside.exists()  # there was no evaluation
    path.unlink()
    given = {"eval_freq": 1024, "n_eval_episodes": 1}
    log = loggers.CsvLogger(path)
    algo.learn(1024, log=log, **given)
    path.unlink()
    with pytest.raises(FileExistsError, match=r"x\.evaluations\.csv exists: append=True continues"):
        algo.learn(1024, log=loggers.CsvLogger(path), **given)
    assert not path.exists()
    algo.learn(1024, log=log, **given)
    algo.learn(1024, log=loggers.CsvLogger(path, append=True), **given)
    assert (len(rows(path)), len(rows(beside))) == (2, 3)


def test_columns_may_come_later(tmp_path):
    log = loggers.CsvLogger(tmp_path / "x.csv")
    log.start({})
    given = [{"a": 0.1, "b": 'x, "y"\n'}, {"a": 1e-300}, {"c": 7, "a": -0.0}, {"b": "é"}]
    for record in given:
        log.write(record)
        assert rows(tmp_path / "x.csv")[-1]["a"] == repr(record["a"]) if "a" in record else True
    log.close()
    found = [{k: v for k, v in row.items() if v} for row in rows(tmp_path / "x.csv")]
    assert found == [{k: str(v) for k, v in record.items()} for record in given]


@pytest.mark.parametrize("kind", [loggers.CsvLogger, loggers.JsonLinesLogger])
def test_a_file_with_content_is_refused_unless_appended(tmp_path, kind):
    path, algo = tmp_path / "x", learner()
    log = kind(path)
    algo.learn(4096, log=log)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="append=True continues it"):
        algo.learn(4096, log=kind(path))
    assert path.read_bytes() == before
    algo.learn(4096, log=log)
    algo.learn(4096, log=kind(path, append=True))
    count = len(before.splitlines())
    header = kind is loggers.CsvLogger
    assert len(path.read_bytes().splitlines()) == 3 * (count - header) + header


@pytest.mark.parametrize("kind", [loggers.CsvLogger, loggers.JsonLinesLogger])
@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_cut_last_line_is_ended_or_removed(tmp_path, kind, cut):
    """JSON that lacks its end alone is whole; any other line was cut by a kill."""
    path = tmp_path / "x"
    learner().learn(6144, log=kind(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    learner().learn(2048, log=kind(path, append=True))
    before, found = whole.splitlines(keepends=True), path.read_bytes().splitlines(keepends=True)
    lost = cut > 1 or kind is loggers.CsvLogger  # a cell that is shorter is still a cell
    assert len(found) == len(before) + (0 if lost else 1)
    assert found[: len(before) - 1] == before[:-1]
    if kind is loggers.JsonLinesLogger:
        assert [json.loads(line)["time/iterations"] for line in found][-1] == 1


def test_a_cut_number_of_a_csv_row_is_removed(tmp_path):
    """Of ...,20000 a kill may leave ...,20."""
    path, evaluations = tmp_path / "x.csv", tmp_path / "x.evaluations.csv"
    algo = learner()
    algo.learn(4096, log=loggers.CsvLogger(path), eval_freq=2048)
    before = rows(evaluations)
    evaluations.write_bytes(evaluations.read_bytes().rstrip()[:-2])
    algo.learn(2048, log=loggers.CsvLogger(path, append=True), eval_freq=2048)
    assert rows(evaluations)[:1] == before[:1]
    assert [row["time/total_timesteps"] for row in rows(evaluations)] == ["2048", "2048"]


@pytest.mark.parametrize("left", [b"first\n", b"first\nsec", b"first", b'first\nsecond"'])
def test_a_csv_row_cut_within_a_text_of_lines_is_removed(tmp_path, left):
    path = tmp_path / "x.csv"
    algo = learner()
    algo.learn(4096, lambda _: algo.log("my/note", "first\nsecond"), log=loggers.CsvLogger(path))
    before, whole = rows(path), path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"first")] + left)
    algo.learn(2048, log=loggers.CsvLogger(path, append=True))
    found = rows(path)
    assert found[: len(before) - 1] == before[:-1]
    assert [row["my/note"] for row in found[len(before) - 1 :]] == [""]


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="devices")
def test_a_table_is_no_device():
    """It is read when it is opened, and written anew for more columns."""
    algo = learner()
    with pytest.raises(ValueError, match="path: expected a file, got /dev/null: JsonLinesLogger"):
        algo.learn(2048, log=loggers.CsvLogger("/dev/null", append=True))
    assert algo.learn(2048, log=loggers.JsonLinesLogger("/dev/null", append=True)).history


def test_cells_of_any_text(tmp_path):
    log = loggers.CsvLogger(tmp_path / "x.csv")
    log.start({})
    texts = ["a\rb", "a\nb", "a\r\nb", '"', "x" * 200_000]
    for text in texts:
        log.write({"text": text})
    log.write({"later": 1})
    log.close()
    limit = csv.field_size_limit(10**6)
    try:
        assert [row["text"] for row in rows(tmp_path / "x.csv")] == [*texts, ""]
    finally:
        assert csv.field_size_limit(limit) == 10**6


class Mine:
    def __init__(self, error=None):
        self.calls, self._error = [], error

    def start(self, config):
        json.dumps(config)
        self.config = config
        self.calls.append("start")

    def write(self, record):
        if self._error is not None:
            raise self._error
        self.calls.append(record["time/iterations"])

    def close(self):
        self.calls.append("close")


def test_every_so_many_th_record_and_the_last():
    log = Mine()
    algo = learner(n_envs=4, n_steps=512).learn(7 * 2048, log=log, log_interval=3)
    assert log.calls == ["start", 3, 6, 7, "close"]
    config = log.config
    assert (config["algorithm"], config["seed"], config["total_timesteps"]) == ("npg", 0, 14336)
    assert config["options"]["n_steps"] == 512
    assert config["env"]["id"] == "CartPole-v1"
    assert config["policy"]["class"] == "LinearSoftmax"
    assert len(algo.history) == 7


def test_a_full_disk_ends_the_log_and_another_error_the_training():
    full = Mine(OSError(28, "No space left on device"))
    algo = learner()
    with pytest.warns(RuntimeWarning, match="Mine stopped: .*No space left.*; the training goes"):
        algo.learn(10_000, log=full)
    assert algo.num_timesteps == 10_000
    assert full.calls == ["start", "close"]
    broken = Mine(LookupError("mine"))
    with pytest.raises(LookupError, match="mine"):
        algo.learn(10_000, log=broken)
    assert broken.calls == ["start", "close"]


@pytest.mark.parametrize("wrong", [3, object(), Mine, [3], {"a": 1}, fastpg])
def test_what_is_no_logger(wrong):
    with pytest.raises(TypeError, match="log: expected a logger"):
        learner().learn(1000, log=wrong)


def test_an_open_file_is_no_logger(tmp_path):
    with (tmp_path / "x").open("w") as file, pytest.raises(TypeError, match="an open file"):
        learner().learn(1000, log=file)


def test_lines_where_there_is_no_terminal(capsys):
    algo = learner().learn(
        10_000, log=loggers.ConsoleLogger(log_interval=2), progress_bar=True, eval_freq=5000
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "npg on CartPole-v1, 10,000 steps"
    assert sum(line.startswith("evaluation at ") for line in lines) == 2
    assert sum("  kl " in line for line in lines) == len(algo.history) // 2
    assert 1 <= len(err.splitlines()) <= 10
    assert err.splitlines()[-1].startswith("10,000 of 10,000 steps  return ")


ON_A_TERMINAL = """
import sys, fastpg
from fastpg import callbacks, loggers, plots
algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
algo.learn(20_000, log=loggers.ConsoleLogger(), progress_bar=True, eval_freq=5000)
print("learned", algo.num_timesteps)
"""


def test_a_table_and_a_bar_on_a_terminal():
    pty = pytest.importorskip("pty")
    import os
    import subprocess
    import sys

    main, terminal = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL],
        env=os.environ | {"COLUMNS": "100", "LINES": "60", "TERM": "xterm"},
        stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # Linux: the program has ended
            break
        if not part:
            break
        seen += part
    os.close(main)
    assert done.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    for word in ("npg on CartPole-v1", "eval/mean_reward", "20000/20000", "learned 20000"):
        assert word in text


CLOSED = """
import sys, fastpg
from fastpg import callbacks, loggers, plots

algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
algo.learn(40_000, log=loggers.ConsoleLogger(), progress_bar=True)
algo.save(sys.argv[1])
sys.stdout = sys.stderr = None  # the rest of the program has nothing to flush
"""


def test_closed_pipes_do_not_stop_a_training(tmp_path):
    with started_python(CLOSED, tmp_path / "x.npz") as process:
        process.stdout.close()
        process.stderr.close()
        process.wait()
    assert fastpg.load(tmp_path / "x.npz").num_timesteps == 40_000


def test_a_closed_standard_error_does_not_stop_the_command(tmp_path):
    code = "from fastpg import cli; cli.main()"
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", 100_000)
    with started_python(code, *arguments, cwd=tmp_path, **PLAIN) as process:
        process.stderr.close()
        assert "100,000" in process.stdout.read()
        process.wait()
    assert fastpg.load(tmp_path / "npg-CartPole-v1-0.npz").num_timesteps == 100_000


WITHOUT_RICH = """
import sys
sys.modules["rich"] = None
import fastpg
from fastpg import callbacks, loggers, plots
fastpg.NPG("linear", "CartPole-v1", seed=0).learn(
    4000, log=loggers.ConsoleLogger(), progress_bar=True)
"""


def test_without_rich_there_are_lines():
    done = python(WITHOUT_RICH)
    assert done.returncode == 0, done.stderr
    assert "iteration 1  steps" in done.stdout
    assert "4,000 of 4,000 steps" in done.stderr


def test_tensorboard_has_the_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    algo = learner().learn(
        10_000, log=loggers.TensorBoardLogger(tmp_path), eval_freq=5000, n_eval_episodes=2
    )
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    scalars = read.Tags()["scalars"]
    numbers = {k for r in algo.history for k, v in r.items() if not isinstance(v, str)}
    assert numbers <= set(scalars)
    for key in ("train/kl", "rollout/ep_rew_mean"):
        found = [(event.step, event.value) for event in read.Scalars(key)]
        assert found == [
            (r["time/total_timesteps"], np.float32(r[key])) for r in algo.history if key in r
        ]
    assert len(read.Scalars("eval/mean_reward")) == 2
    assert b'"algorithm": "npg"' in read.Tensors("config")[0].tensor_proto.string_val[0]


def test_without_tensorboard_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[tensorboard\]'"):
        loggers.TensorBoardLogger("x")


def test_the_examples_of_the_pages_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for page in ("logging.md", "runs.md"):
        text = (ROOT / "docs" / page).read_text()
        exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], namespace)
    steps = namespace["algo"].num_timesteps
    assert steps > 50_000
    assert fastpg.load(tmp_path / "runs" / "first" / "final.npz").num_timesteps == steps


def documented(kind):
    """The class of a section of docs/logging.md."""
    text = (ROOT / "docs" / "logging.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    namespace = {"fastpg": fastpg, "loggers": loggers}
    exec(next(block for block in blocks if f"class {kind}" in block), namespace)
    return namespace[kind]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_weights_and_biases_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    log = documented("WandbLogger")()
    algo = learner().learn(10_000, log=log, eval_freq=5000)
    assert log.run.config["algorithm"] == "npg"
    (file,) = tmp_path.rglob("run-*.wandb")
    written = file.read_bytes()
    for record in algo.history:
        assert repr(record["train/kl"]).encode() in written
    assert b"eval/mean_reward" in written


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mlflow_offline(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    algo = learner().learn(10_000, log=documented("MLflowLogger")(), eval_freq=5000)
    run = mlflow.last_active_run()
    assert run.data.metrics["train/kl"] == algo.history[-1]["train/kl"]
    client = mlflow.MlflowClient()
    assert len(client.get_metric_history(run.info.run_id, "train/kl")) == len(algo.history)
