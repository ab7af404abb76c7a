"""`fastpg sweep` and `fastpg compare`."""

import re
import shlex
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.experiments.methods import methods_of

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "experiments.md").read_text()

SHORT = ("--total-timesteps", 2500, "--evaluations", 2, "--episodes", 2, "--jobs", 1, "--no-tuned")


def test_a_sweep(run, tmp_path):
    arguments = ("npg", "CartPole-v1", "--seeds", "2:5", "--gae-lambda", 0.9, 0.95, "--gamma=0.98")
    done = run("sweep", *arguments, *SHORT, "--run", "a", "--csv", "a.csv")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["setting", "seeds"]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["gae_lambda=0.9", "3"], ["gae_lambda=0.95", "3"],
    ]  # fmt: skip
    found = fastpg.load_results(tmp_path / "a")
    assert (found.settings, found.seeds) == (["gae_lambda=0.9", "gae_lambda=0.95"], [2, 3, 4])
    expected = fastpg.train_many(
        "npg", "CartPole-v1", seeds=[2, 3, 4], grid={"gae_lambda": [0.9, 0.95]}, gamma=0.98,
        total_timesteps=2500, n_evaluations=2, n_eval_episodes=2, n_jobs=1, tuned=False,
    )  # fmt: skip
    assert np.array_equal(found.returns, expected.returns)
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 2 * 3 * 2
    again = run("sweep", *arguments, *SHORT, "--run", "a")
    assert again.stdout == done.stdout


def test_a_table_is_replaced_on_request_alone(run, tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    for target, text in (("a.csv", "--csv names another file"), (".", "--csv: expected a file")):
        done = run("sweep", "npg", "CartPole-v1", *SHORT, "--csv", target, "--run", "a")
        assert done.returncode == 2
        assert text in done.stderr
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert not (tmp_path / "a").exists()
    done = run("sweep", "npg", "CartPole-v1", *SHORT, "--seeds", 1, "--csv", "a.csv", "--force")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.csv").read_text().startswith("setting")


def test_a_comparison(run, tmp_path):
    for name, algorithm in (("one", "npg"), ("two", "ppo")):
        run("sweep", algorithm, "CartPole-v1", "--seeds", 5, *SHORT, "--run", f"runs/{name}")
    done = run("compare", "runs/one", "runs/two")
    assert done.returncode == 0, done.stderr
    assert "is better with probability [95 %]" in done.stdout
    shown = run("compare", "runs/one", "runs/two", "--markdown", "--confidence", 0.9).stdout
    lines = shown.splitlines()
    assert lines[0] == "| method | seeds | IQM [90 %] | mean [90 %] | median [90 %] |"
    assert lines[2].startswith("| one | 5 | ")
    assert lines[7].startswith("| one | two | ")
    one, two = ([float(x) for x in re.findall(r"[\d.]+", line)[-3:]] for line in lines[7:9])
    assert np.allclose(one, [1.0 - x for x in (two[0], two[2], two[1])], atol=1e-3)
    pytest.importorskip("matplotlib")
    for name, head in (("both.png", b"\x89PNG"), ("both.pdf", b"%PDF"), ("both.svg", b"<?xml")):
        done = run("compare", "runs/one", "runs/two", "-o", name)
        assert done.returncode == 0, done.stderr
        content = (tmp_path / name).read_bytes()
        assert content.startswith(head)
        assert len(content) > 10_000
    assert "--force" in run("compare", "runs/one", "-o", "both.png").stderr
    plotted = run("plot", "runs/one").stderr
    assert "got one of many trainings: fastpg compare runs/one, or" in " ".join(plotted.split())


def test_failures_are_shown_and_exit_1(run, tmp_path):
    (tmp_path / "bad_luck.py").write_text(
        "import gymnasium\n"
        "from test_experiments import Failing\n"
        "gymnasium.register('BadLuck-v0', entry_point=Failing)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        done = run("sweep", "npg", "bad_luck:BadLuck-v0", "--seeds", 8, *SHORT, "--n-envs", 1)
    finally:
        sys.path.remove(str(tmp_path))
    assert done.returncode == 1
    assert "failed: default, seed" in done.stderr
    assert "RuntimeError: no luck" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("sweep", "npg", "CartPole-v1", "--seeds", "x"), "--seeds: expected a number, a range"),
        (("sweep", "npg", "CartPole-v1", "--seeds", "5:5"), "seeds"),
        (("sweep", "npg", "CartPole-v1", "--max-kl", "1"), "did you mean 'target_kl'"),
        (("sweep", "npg", "CartPole-v1", "--features", "fourier"), "--features: expected an"),
        (("sweep", "npg", "CartPole-v1", "--value-net-arch", "8"), "fastpg train takes it"),
        (("sweep", "npg", "CartPole-v1", "--gamma"), "--gamma: expected at least one value"),
        (("sweep", "npg", "CartPole-v1", "--gamma", "a"), "--gamma: expected a number, got 'a'"),
        (("sweep", "npg", "CartPole-v1", "--n-steps", "1.5"), "--n-steps: expected an integer"),
        (("sweep", "npg", "CartPole-v1", "--gamma", ".9", ".8", "--gamma", "1"), "expected once"),
        (("sweep", "npg", "CartPole-v1", "--normalize-advantage", "yes"), "true or false"),
        (("sweep", "npg", "CartPole-v1", ".9"), "expected an option before '.9'"),
        (("sweep", "nqg", "CartPole-v1"), "nqg"),
        (("sweep", "npg", "CartPol-v1"), "CartPol"),
        (("compare", "nowhere"), "nowhere: expected the folder of an experiment"),
        (("compare", "."), "expected the folder of an experiment"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(run, arguments, text):
    done = run(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_says_how_to_go_on(run, tmp_path, monkeypatch):
    from fastpg.experiments import driver

    def stops(trial, seeds):
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "run_seeds", stops)
    done = run("sweep", "npg", "CartPole-v1", *SHORT, "--run", "a")
    assert done.returncode == 130
    assert "note: a keeps what is finished: the same command goes on" in done.stderr
    assert run("sweep", "npg", "CartPole-v1", *SHORT).returncode == 130


@pytest.mark.slow
def test_the_page(run, tmp_path, monkeypatch):
    for module in ("joblib", "matplotlib"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    blocks = [
        block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        if "docs: not run" not in block
    ]  # fmt: skip
    names = {}
    for block in blocks:
        exec(compile(block, "experiments.md", "exec"), names)
    assert len(blocks) == 2
    assert names["results"].final.shape == (2, 50)
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for command in commands.splitlines():
        done = run(*shlex.split(command)[1:])
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "comparison.png").exists()


def first():
    return gymnasium.make("CartPole-v1")


def second():
    return gymnasium.make("CartPole-v1")


def test_experiments_in_environments_of_functions_are_compared(tmp_path):
    """Nobody knows whether two functions make different environments."""
    for function in (first, second):
        fastpg.train_many(
            "npg", function, seeds=2, total_timesteps=500, n_evaluations=1, n_eval_episodes=1,
            n_jobs=1, run=tmp_path / function.__name__,
        )  # fmt: skip
    assert list(methods_of([tmp_path / "first", tmp_path / "second"])) == ["first", "second"]


def test_experiments_in_different_environments_are_not_compared(run, tmp_path):
    for env_id in ("CartPole-v1", "Pendulum-v1"):
        fastpg.train_many(
            "npg", env_id, seeds=2, total_timesteps=500, n_evaluations=1, n_eval_episodes=1,
            n_jobs=1, run=tmp_path / env_id,
        )  # fmt: skip
    done = run("compare", "CartPole-v1", "Pendulum-v1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected experiments in one environment, got CartPole-v1 and" in done.stderr
