"""Records of runs: from folders, checkpoints and files, whole or damaged."""

import json
import math

import numpy as np
import pytest

import fastpg
from fastpg import loggers
from fastpg.monitor import write_monitor
from fastpg.plots import read_run
from fastpg.plots.ordering import in_order
from runs import config, folder, lines, record, records

RETURN = "rollout/ep_rew_mean"


def column(run, key=RETURN, x="steps"):
    return tuple(values.tolist() for values in run.column(key, x))


WHOLE = ([100.0, 200.0, 300.0, 400.0, 500.0], [10.0, 20.0, 30.0, 40.0, 50.0])


@pytest.mark.parametrize("csv_only", [False, True])
def test_a_folder(tmp_path, csv_only):
    evaluations = [{"time/total_timesteps": 250, "eval/mean_reward": 33.0}]
    path = folder(tmp_path / "run", records(), config(seed=3), evaluations, csv_only)
    run = read_run(path)
    assert column(run) == WHOLE
    assert column(run, x="seconds")[0] == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert column(run, x="iterations")[0] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert run.records[0]["train/status"] == "accepted"
    assert (run.env_id, run.config["seed"], run.skipped) == ("CartPole-v1", 3, 0)
    assert column(run, "eval/mean_reward") == ([250.0], [33.0])
    assert column(run, "mean_reward", "seconds") == ([1.25], [33.0])


def test_files_of_records(tmp_path):
    made = folder(tmp_path / "run", records(), csv_only=True)
    assert column(read_run(made / "records.csv")) == WHOLE
    (tmp_path / "some.jsonl").write_text(lines(records()))
    assert column(read_run(str(tmp_path / "some.jsonl"))) == WHOLE
    assert column(read_run(records())) == WHOLE


def test_a_checkpoint_and_an_algorithm(tmp_path):
    algo = fastpg.train("npg", "CartPole-v1", total_timesteps=6000, seed=4, tuned=False)
    path = algo.save(tmp_path / "x.npz")
    expected = [r["time/total_timesteps"] for r in algo.history]
    for source in (path, tmp_path / "x", algo):
        run = read_run(source)
        assert column(run)[0] == expected
        assert [run.config[k] for k in ("algorithm", "env_id", "seed")] == ["npg", "CartPole-v1", 4]
        assert run.config["options"]["gamma"] == algo.options.gamma
    (tmp_path / "folder").mkdir()
    path.rename(tmp_path / "folder" / "final.npz")
    assert column(read_run(tmp_path / "folder"))[0] == expected


def test_progress_csv_of_stable_baselines3(tmp_path):
    """Two rows of one number of steps: one of an evaluation, one of training."""
    text = (
        "eval/mean_reward,rollout/ep_rew_mean,time/total_timesteps,train/kl\n"
        ",21.5,2048,\n9.0,,4096,\n,24.0,4096,0.01\n"
    )
    (tmp_path / "progress.csv").write_text(text)
    for source in (tmp_path, tmp_path / "progress.csv"):
        run = read_run(source)
        assert column(run) == ([2048.0, 4096.0], [21.5, 24.0])
        assert column(run, "eval/mean_reward") == ([4096.0], [9.0])


def test_a_monitor_file_has_the_mean_of_the_last_100_episodes(tmp_path, rng):
    returns = rng.normal(size=250)
    path = write_monitor(tmp_path / "x", returns, [10] * 250, env_id="CartPole-v1")
    for source in (path, tmp_path):
        run = read_run(source)
        steps, means = run.column(RETURN)
        assert steps.tolist() == list(range(10, 2501, 10))
        expected = [returns[max(0, k - 99) : k + 1].mean() for k in range(250)]
        assert means == pytest.approx(expected, rel=1e-12)
        assert run.env_id == "CartPole-v1"


def test_a_last_line_that_was_cut_is_left_out_and_counted(tmp_path):
    whole = lines(records())
    path = tmp_path / "records.jsonl"
    last = len(lines(records(4)))
    for cut in range(last + 1, len(whole) - 1, 7):
        path.write_text(whole[:cut])
        run = read_run(path)
        assert column(run)[1] == [10.0, 20.0, 30.0, 40.0]
        assert run.skipped == 1
    path.write_text(whole[:-1])  # only the line end is missing
    assert column(read_run(path)) == WHOLE


def test_a_cut_row_of_a_table_is_left_out(tmp_path):
    path = folder(tmp_path / "run", records(), csv_only=True) / "records.csv"
    whole = path.read_bytes()
    last = whole.rindex(b"\r\n", 0, -2) + 2
    for cut in range(last + 1, len(whole) - 1, 7):
        path.write_bytes(whole[:cut])
        run = read_run(path)
        assert column(run)[1] == [10.0, 20.0, 30.0, 40.0]
        assert run.skipped == 1


def test_a_continued_run_has_each_step_once():
    """The run was killed after 400 steps and continued from the checkpoint at 200."""
    first = records(4)
    again = [record(k, **{RETURN: 99.0}) for k in (3, 4, 5)]
    kept, starts = in_order([*first, *again])
    assert starts == []
    assert [row["time/total_timesteps"] for row in kept] == [100, 200, 300, 400, 500]
    assert [row[RETURN] for row in kept] == [10.0, 20.0, 99.0, 99.0, 99.0]
    assert first == records(4)


def learner():
    return fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=64)


def test_steps_are_counted_on_in_a_second_call_of_learn():
    algo = learner().learn(1024).learn(512)
    algo.learn(256)
    raw = [record["time/total_timesteps"] for record in algo.history]
    assert raw == [256, 512, 768, 1024, 256, 512, 256]
    steps, returns = read_run(algo).column(RETURN)
    assert steps.tolist() == [256 * k for k in range(1, 8)]
    assert returns.tolist() == [record[RETURN] for record in algo.history]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_a_text_with_any_line_end_in_a_table(tmp_path, end):
    log, text = loggers.CsvLogger(tmp_path / "x.csv"), f"one{end}two"
    log.start({})
    for row in records(text=text):
        log.write(row)
    log.close()
    run = read_run(log.path)
    assert column(run) == WHOLE
    assert [row["text"] for row in run.records] == [text] * 5
    assert run.skipped == 0


@pytest.mark.parametrize("reset", [True, False])
def test_a_second_call_of_learn_in_a_table(tmp_path, reset):
    algo, log = learner(), loggers.CsvLogger(tmp_path / "x.csv")
    given = {"log": log, "eval_freq": 512, "n_eval_episodes": 1}
    algo.learn(1024, **given)
    algo.learn(1024, **given, reset_num_timesteps=reset)
    run = read_run(log.path)
    assert column(run)[0] == [256 * k for k in range(1, 9)]
    assert column(run, "eval/mean_reward")[0] == [512, 1024, 1536, 2048]


def test_a_second_call_of_learn_among_lines_with_evaluations(tmp_path):
    algo, log = learner(), loggers.JsonLinesLogger(tmp_path / "x.jsonl")
    for _ in range(2):
        algo.learn(512, log=log, eval_freq=512, n_eval_episodes=1)
    run = read_run(log.path)
    assert column(run)[0] == [256, 512, 768, 1024]
    assert column(run, "eval/mean_reward")[0] == [512, 1024]


def test_a_part_that_was_run_once_more_after_a_second_call_of_learn():
    """Killed after 300 steps of the second call, and continued from 100 of it, or of the first."""

    def rows(*pairs):
        return [{"time/iterations": k, "time/total_timesteps": n} for k, n in pairs]

    first, second = [(1, 100), (2, 200), (3, 300)], [(4, 100), (5, 200), (6, 300)]
    for again, expected in (
        ([(5, 200), (6, 300), (7, 400)], [100, 200, 300, 400, 500, 600, 700]),
        ([(2, 200), (3, 300), (4, 400)], [100, 200, 300, 400]),
        ([(2, 250), (3, 400)], [100, 200, 300, 400, 500, 550, 700]),  # others: by their steps
    ):
        kept, _ = in_order(rows(*first, *second, *again))
        assert [row["time/total_timesteps"] for row in kept] == expected


def test_seconds_are_counted_on_in_a_second_call_of_learn():
    seconds = [0.5, 1.0, 0.25, 0.5, 0.125]
    rows = [record(k + 1, **{"time/time_elapsed": t}) for k, t in enumerate(seconds)]
    assert read_run(rows).times("seconds").tolist() == [0.5, 1.0, 1.25, 1.5, 1.625]


def test_records_without_a_number_are_left_out_of_its_column():
    rows = records()
    rows[0][RETURN], rows[1][RETURN], rows[2][RETURN] = math.nan, None, "text"
    rows[3]["train/kl"] = 10**400
    run = read_run(rows)
    assert column(run) == ([400.0, 500.0], [40.0, 50.0])
    assert column(run, "kl")[0] == [100.0, 200.0, 300.0, 500.0]


@pytest.mark.parametrize("key", ["train/kl", "kl"])
def test_a_key_or_its_end(key):
    assert read_run(records()).key(key) == "train/kl"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("train/kll", "unknown key 'train/kll'; did you mean 'train/kl'"),
        ("status", "expected finite numbers of 'train/status' over environment steps, found none"),
    ],
)
def test_keys_that_are_none(key, message):
    with pytest.raises(ValueError, match=message):
        read_run(records()).column(key)


def written(name, text):
    def make(path):
        (path / name).write_bytes(text)
        return path / name

    return make


def without_history(path):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    return algo.save(path / "new.npz")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (written("a.jsonl", b""), "expected a run with records, got one without"),
        (written("a.jsonl", b"hello\nworld\n"), "expected a run: a run folder, a checkpoint"),
        (written("a.csv", b"a,b\n1,2\n"), "expected a run: a run folder, a checkpoint"),
        (written("a.csv", b""), "expected a run: a run folder, a checkpoint"),
        (written("a.png", bytes(range(256))), "expected a run: a run folder, a checkpoint"),
        (written("a.jsonl", b'{"a": 1}\n'), "expected a run with records"),
        (written("a.jsonl", b"[" * 100_000 + b"\n"), "expected a run: a run folder, a checkpoint"),
        (written("a.csv", b"a/b\n" + b"1" * 200_000 + b"\n"), "expected a run: a run folder"),
        (written("m.csv", b"#{}\nr,l,t\n" + b"1" * 200_000 + b"\n"), "field larger than field lim"),
        (written("m.csv", b"#{}\nr,l,t\ninf,1,1\n"), "line 3: expected numbers r, l, t"),
        (written("m.csv", b"#{}\nr,l,t\n1,1e300,1\n"), "line 3: expected numbers r, l, t"),
        (written("a.npz", b"no archive"), "expected a fastpg checkpoint"),
        (written("monitor.csv", b"#{}\nr,l,t\n"), "expected episodes, found none"),
        (without_history, "expected a run with records, got one without"),
        (lambda path: path, "expected a run folder"),
    ],
)
def test_what_is_no_run(tmp_path, make, message):
    with pytest.raises(ValueError, match=message):
        read_run(make(tmp_path))


def test_no_file_and_no_path(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_run(tmp_path / "nothing.csv")
    for source in (3, [1, 2], None):
        with pytest.raises(TypeError, match="expected a path, an algorithm or a list of records"):
            read_run(source)


def test_a_damaged_config_is_none(tmp_path):
    path = folder(tmp_path / "run", records())
    for text in ("{", "[1]", json.dumps({"env_id": 3})):
        (path / "config.json").write_text(text)
        assert read_run(path).env_id is None
    assert np.isfinite(read_run(path).column(RETURN)[1]).all()
