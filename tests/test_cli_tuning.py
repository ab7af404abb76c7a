"""`fastpg tune`, and docs/tuning.md."""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.policies.factory import POLICIES
from fastpg.tuning import search_space

pytest.importorskip("optuna")
pytest.importorskip("joblib")

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "tuning.md").read_text()
SHORT = (
    "--total-timesteps", 1500, "--seeds", 2, "--fresh-seeds", 2, "--evaluations", 2, "--episodes",
    2, "--no-tuned", "--finalists", 2,
)  # fmt: skip
TUNE = ("tune", "npg", "CartPole-v1", *SHORT, "--trials", 5)
FEW = ("--search", "target_kl=lin_0.001:0.1:log", "--search", "gae-lambda")


def test_the_best_settings_are_printed_and_written(run, tmp_path):
    done = run(*TUNE, *FEW, "--gamma", 0.97, "--run", "a")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["trial", "score,"]
    assert sum(line.startswith(("best ", "defaults ")) for line in lines) == 2
    assert "trials  5 complete" in done.stdout
    table = tomllib.loads((tmp_path / "a" / "tuned.toml").read_text())["npg"]["CartPole-v1"]
    assert table["gamma"] == 0.97
    printed = done.stdout[done.stdout.index("[npg.") : done.stdout.index("\ntrials ")]
    assert tomllib.loads(printed)["npg"]["CartPole-v1"] == table
    found = fastpg.tune(
        "npg", "CartPole-v1", n_trials=5, total_timesteps=1500, seeds=2, fresh_seeds=2,
        n_evaluations=2, n_eval_episodes=2, tuned=False, n_finalists=2, gamma=0.97, n_jobs=1,
        search={"target_kl": "lin_0.001:0.1:log", "gae_lambda": None},
    )  # fmt: skip
    assert found.row == printed.rstrip() + "\n"
    again = run(*TUNE, *FEW, "--gamma", 0.97, "--run", "a")
    assert again.stdout == done.stdout


def test_train_takes_both_files(run, tmp_path):
    assert run(*TUNE, *FEW, "--run", "a").returncode == 0
    _train_with_both(run, tmp_path, "npg")


def test_train_takes_both_files_of_ppo(run, tmp_path):
    """They have options that are true or false."""
    few = ("--trials", 1, "--total-timesteps", 300, "--seeds", 1, "--fresh-seeds", 2)
    more = ("--evaluations", 1, "--episodes", 1, "--search", "gamma", "--run", "a")
    assert run("tune", "ppo", "CartPole-v1", *few, *more).returncode == 0
    _train_with_both(run, tmp_path, "ppo")


def _train_with_both(run, tmp_path, algorithm):
    policies = []
    for option, file in (("--config", "best.toml"), ("--tuned", "tuned.toml")):
        out = tmp_path / f"{file}.npz"
        done = run("train", algorithm, "CartPole-v1", option, f"a/{file}", "--out", out)
        assert done.returncode == 0, done.stderr
        policies.append(fastpg.load(out))
    assert np.array_equal(policies[0].policy.theta, policies[1].policy.theta)
    assert policies[0].options == policies[1].options


def test_ctrl_c_says_how_to_go_on(run, monkeypatch):
    from fastpg.tuning import trials

    before = trials._trained

    def stops(trial, *arguments):
        if trial.number == 2:
            raise KeyboardInterrupt
        return before(trial, *arguments)

    monkeypatch.setattr(trials, "_trained", stops)
    done = run(*TUNE, *FEW, "--run", "a")
    assert done.returncode == 130
    assert "note: a keeps what is finished: the same command goes on" in done.stderr
    done = run(*TUNE, *FEW, "--run", "a")  # the next trial has another number
    assert done.returncode == 0, done.stderr
    assert "5 complete, 1 interrupted" in done.stdout
    assert run(*TUNE, *FEW).returncode == 130


def replaced(words, options):
    """A command with other values of options."""
    for flag, value in options.items():
        at = words.index(flag) if flag in words else len(words)
        words = [*words[:at], flag, value, *words[at + 2 :]]
    return words


def test_failures_are_shown(run, monkeypatch):
    from fastpg.tuning import trials

    before = trials._trained

    def fails(trial, *arguments):
        if trial.number != 1:
            raise RuntimeError("no luck")
        return before(trial, *arguments)

    monkeypatch.setattr(trials, "_trained", fails)
    done = run(*TUNE[:-1], 8, *FEW)
    assert done.returncode == 0
    assert re.search(
        r"failed: trial 0, target_kl=lin_0\.012, .*: RuntimeError: no luck", done.stderr
    )
    assert "and 2 more failures" in done.stderr
    assert "1 complete, 7 failed" in done.stdout
    done = run(*TUNE[:-1], 1, *FEW)
    assert done.returncode == 2
    assert "no trial was completed; the first error: RuntimeError: no luck" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--trials", 0), "--trials"),
        (("--search", "max_kl"), "did you mean 'target_kl'"),
        (("--search", "gae_lambda=0:2"), "--search['gae_lambda']: gae_lambda: expected a number"),
        (("--search", "gae_lambda="), "--search: expected NAME or NAME=RANGE"),
        (("--search", "gamma", "--search", "gamma"), "--search: expected gamma once"),
        (("--search", "gamma", "--gamma", 0.9), "not fixed, got gamma"),
        (("--gamma", 0.9, 0.95), "--gamma: expected one value; --search gamma=… searches several"),
        (("--max-kl", 1), "did you mean 'target_kl'"),
        (("--seeds", "x"), "--seeds: expected a number, a range"),
        (("--fresh-seeds", "x"), "--fresh-seeds: expected a number, a range"),
        (("--fresh-seeds", "0:3"), "--fresh-seeds: expected seeds that no trial uses"),
        (("--pruner", "x"), "unknown pruner 'x'"),
        (("--sampler", "x"), "unknown sampler 'x'"),
        (("--objective", "x"), "unknown objective 'x'"),
        (("--storage", "sqlite:////nowhere/at/all.db"), "--storage: "),
    ],
)
def test_mistakes_are_one_line_and_exit_2(run, arguments, text):
    done = run("tune", "npg", "CartPole-v1", *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


ROWS = {
    name: re.findall("`([^`]+)`", rest)
    for name, rest in re.findall(r"^\| `(\w+)` (\|.*)$", PAGE, re.MULTILINE)
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_page_has_every_default_range(algorithm, policy):
    for name, text in search_space(algorithm, policy).items():
        assert text in ROWS.get(name, ()), f"docs/tuning.md: expected `{text}` in a row of `{name}`"


def test_the_page_has_no_range_of_nothing():
    spaces = [search_space(algorithm, policy) for algorithm in ALGORITHMS for policy in POLICIES]
    assert ROWS.keys() == {name for space in spaces for name in space}, "docs/tuning.md"


def test_the_page(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 1
    names = {}
    exec(compile(blocks[0], "tuning.md", "exec"), names)
    assert len(names["found"].trials) == 20
    shells = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = [line for shell in shells for line in shell.splitlines() if line[:4] != "pip "]
    assert len(commands) == 3
    for command in commands:
        short = {"--trials": 3, "--total-timesteps": 1500, "--fresh-seeds": 2}
        words = shlex.split(command)[1:]
        done = run(*(replaced(words, short) if words[0] == "tune" else words))
        assert done.returncode == 0, (command, done.stderr)
