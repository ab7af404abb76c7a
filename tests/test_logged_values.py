"""`algo.log`: values of users are in the record of their iteration, and wherever records go."""

import csv
import json
import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg import callbacks, loggers, plots
from fastpg.training.logged_values import OWN_GROUPS

ROOT = Path(__file__).resolve().parent.parent


def learner(env="CartPole-v1", **options):
    return fastpg.NPG("linear", env, seed=0, **{"n_envs": 4, "n_steps": 64, **options})


class Doubled(callbacks.Callback):
    """Logs from each of the calls of a callback."""

    def on_training_start(self, algo, total_timesteps):
        super().on_training_start(algo, total_timesteps)
        algo.log("my/start", "begins")

    def on_iteration(self, record):
        self.algo.log("my/kl", 2 * record["train/kl"])
        self.algo.log("my/count", np.int64(record["time/iterations"]))
        self.algo.log("my/even", np.bool_(record["time/iterations"] % 2 == 0))

    def on_evaluation(self, record):
        self.algo.log("my/eval", np.array([record["eval/mean_reward"]]))


def own(record):
    return {key: value for key, value in record.items() if key.startswith("my/")}


def test_values_are_in_the_history_and_change_nothing_else():
    algo, plain = learner(), learner()
    evaluations = []
    after = callbacks.EvalCallback(
        eval_freq=512, n_eval_episodes=2, callback_after_eval=evaluations.append
    )
    algo.learn(1024, [Doubled(), after])
    plain.learn(1024)
    assert np.array_equal(algo.policy.theta, plain.policy.theta)
    kls = [2 * record["train/kl"] for record in algo.history]
    expected = [{"my/kl": kl, "my/count": i + 1, "my/even": i % 2 == 1} for i, kl in enumerate(kls)]
    expected[0]["my/start"] = "begins"
    expected[1]["my/eval"], expected[3]["my/eval"] = (e["eval/mean_reward"] for e in evaluations)
    assert [own(record) for record in algo.history] == expected
    kinds = {key: type(value) for record in algo.history for key, value in own(record).items()}
    assert kinds == {
        "my/start": str, "my/kl": float, "my/count": int, "my/even": bool, "my/eval": float
    }  # fmt: skip


def test_all_loggers_get_them(tmp_path):
    class Mine:
        def __init__(self):
            self.seen = []

        def write(self, record):
            self.seen.append(record)

        def write_evaluation(self, record):
            self.seen.append(record)

    mine = Mine()
    logs = [
        mine,
        loggers.CsvLogger(tmp_path / "x.csv"),
        loggers.JsonLinesLogger(tmp_path / "x.jsonl"),
        tmp_path / "run",
    ]
    algo = learner().learn(1024, Doubled(), log=logs, eval_freq=512, n_eval_episodes=2)
    wanted = [own(record) for record in algo.history]
    kinds = ["eval/mean_reward" in record for record in mine.seen]
    assert kinds == [False, False, True, False, False, True]  # after the record of the iteration
    assert [own(r) for r in mine.seen if "eval/mean_reward" not in r] == wanted
    for path in (tmp_path / "x.jsonl", tmp_path / "run" / "records.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [own(r) for r in lines if "eval/mean_reward" not in r] == wanted
    for path in (tmp_path / "x.csv", tmp_path / "run" / "records.csv"):
        with path.open(newline="") as file:
            table = [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]
        assert [own(r) for r in table] == [{k: str(v) for k, v in r.items()} for r in wanted]
    again = plots.read_run(tmp_path / "run")
    assert [own(record) for record in again.records] == wanted


def test_lines_of_a_terminal_have_them(capsys):
    learner().learn(512, Doubled(), log=loggers.ConsoleLogger())
    lines = capsys.readouterr().out.splitlines()
    assert re.search(r"my/start begins  my/kl [\d.e-]+  my/count 1  my/even False", lines[1])
    assert "my/start" not in lines[2]
    assert "my/even True" in lines[2]


def test_tensorboard_has_the_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    learner().learn(512, Doubled(), log=loggers.TensorBoardLogger(tmp_path))
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in events.Scalars("my/count")] == [1, 2]
    assert [event.step for event in events.Scalars("my/kl")] == [256, 512]
    assert "my/start" not in events.Tags()["scalars"]


@pytest.mark.parametrize("write", ["save", "save_checkpoint"])
def test_files_keep_them(tmp_path, write):
    algo = learner().learn(1024, Doubled())
    again = fastpg.load(getattr(algo, write)(tmp_path / "x"))
    assert again.history == algo.history
    assert again.save(tmp_path / "y").exists()


class Logging(gymnasium.Wrapper):
    """Logs the number of its steps."""

    algo, steps, broken = None, 0, False

    def step(self, action):
        self.steps += 1
        if self.algo is not None:
            self.algo.log("my/steps", self.steps)
        if self.broken:
            raise RuntimeError("broken")
        return super().step(action)


def test_the_environment_logs_into_the_next_record():
    env = Logging(gymnasium.make("CartPole-v1"))
    algo = learner(env, n_envs=1)
    env.algo = algo
    algo.learn(128)
    assert [record["my/steps"] for record in algo.history] == [64, 128]
    env.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        algo.learn(128)
    env.broken, env.algo = False, None
    algo.learn(64)
    assert "my/steps" not in algo.history[-1]  # that iteration has no record


def test_an_error_in_a_callback_leaves_the_record_and_its_values_in_the_log(tmp_path):
    algo = learner()

    def fails(record):
        algo.log("my/x", 1.0)
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        algo.learn(512, fails, log=loggers.JsonLinesLogger(tmp_path / "x"))
    assert json.loads((tmp_path / "x").read_text())["my/x"] == algo.history[-1]["my/x"] == 1.0


def test_the_last_value_counts_and_one_that_is_not_finite_is_none():
    algo = learner()
    values = iter([(1.0, 2), (1.0, np.nan), (np.float32("inf"), 3.5), (1.0, float("-inf"))])

    def twice(record):
        for value in next(values):
            algo.log("x", value)

    algo.learn(1024, twice)
    assert [record.get("x") for record in algo.history] == [2, None, 3.5, None]


def raised(key, value):
    """The error of a call within `learn`, which leaves the record as it was."""
    algo, errors = learner(), []

    def call(record):
        try:
            algo.log(key, value)
        except Exception as error:
            errors.append(error)

    algo.learn(256, call)
    plain = learner().learn(256)
    assert algo.history[-1].keys() == plain.history[-1].keys()
    return errors[0]


@pytest.mark.parametrize(
    ("key", "value", "kind", "words"),
    [
        (3, 1.0, TypeError, "key: expected a text such as 'my/metric', got 3"),
        ("", 1.0, ValueError, "key: expected a text of one line, .*got ''"),
        ("a\nb", 1.0, ValueError, r"key: expected a text of one line, .*got 'a\\nb'"),
        ("train/x", 1.0, ValueError, r"fastpg \(rollout/, .*\), such as 'my/x', got 'train/x'"),
        ("eval", 1.0, ValueError, "such as 'my/eval', got 'eval'"),
        ("my/x", None, TypeError, "my/x: expected a number, a flag or a text, got None"),
        ("my/x", 1j, TypeError, "a number, a flag or a text, got 1j"),
        ("my/x", [1.0], TypeError, r"a number, a flag or a text, got \[1.0\]"),
        ("my/x", np.zeros(2), TypeError, "a number, a flag or a text, got array"),
        ("my/x", 2**63, ValueError, "my/x: expected"),
        ("my/x", "\ud800", ValueError, "expected a text of Unicode"),
    ],
)
def test_what_no_record_can_hold_is_refused(key, value, kind, words):
    error = raised(key, value)
    assert type(error) is kind
    assert re.search(words, str(error))


def test_outside_learn_there_is_no_record():
    class AtTheEnd(callbacks.Callback):
        def on_training_end(self):
            self.algo.log("my/end", 1.0)

    algo = learner()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"while learn trains, .*got 'my/x' when"):
            algo.log("my/x", 1.0)
        with pytest.raises(RuntimeError, match="got 'my/end'"):
            algo.learn(256, AtTheEnd())
    assert not any(map(own, algo.history))


def test_the_best_model_takes_no_values_of_its_own(tmp_path):
    best = callbacks.EvalCallback(eval_freq=256, n_eval_episodes=2)
    learner().learn(512, [best, Doubled()])
    model = best.best_model()
    with pytest.raises(RuntimeError, match="while learn trains"):
        model.log("my/x", 1.0)
    model.use_env("CartPole-v1")
    assert own(model.learn(256).history[-1]) == {}


def test_the_groups_of_fastpg_are_those_of_its_keys():
    text = "".join((ROOT / "docs" / name).read_text() for name in ("records.md", "logging.md"))
    rows = [line for line in text.splitlines() if line.startswith("| `") and "/" in line]
    keys = {key for line in rows for key in re.findall(r"`(\w+)/\w+`", line.split("|")[1])}
    assert keys == set(OWN_GROUPS)


def test_the_logger_of_stable_baselines3_names_it():
    with pytest.raises(AttributeError, match=r"self\.algo\.log\('my/metric', value\)"):
        callbacks.Callback().logger.record("my/metric", 1.0)
    with pytest.raises(AttributeError, match=r"algo\.log\('my/metric', value\)"):
        learner().logger.record("my/metric", 1.0)
