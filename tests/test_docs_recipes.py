"""docs/recipes.md: every line of code and every command of its tables works."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "recipes.md").read_text()
START = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
SPANS = [span for row in re.findall(r"^\| .*", PAGE, re.MULTILINE) for span in
         re.findall(r"`([^`]+)`", row)]  # fmt: skip
LINES = [
    span for span in SPANS if re.match(r"\[?(fastpg|algo|rollout|gymnasium|pickle|np)\.", span)
]
COMMANDS = [span for span in SPANS if span.startswith("fastpg ")]


@pytest.fixture(scope="module")
def namespace():
    names = {}
    exec(compile(START, "recipes.md", "exec"), names)
    return names


@pytest.mark.parametrize("line", LINES)
def test_lines(line, namespace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "resume" in line:
        namespace["algo"].save_checkpoint("run.npz")
    assert eval(line, namespace.copy()) is not None or "check_env" in line


@pytest.mark.usefixtures("one_episode")
def test_commands(run):
    trained = run("train", "npg", "CartPole-v1", "--total-timesteps", 5000)
    assert trained.returncode == 0
    assert len(COMMANDS) >= 3
    for command in COMMANDS:
        done = run(*command.split()[1:])
        assert done.returncode == 0, done.stderr


def test_a_recipe_in_every_row():
    rows = re.findall(r"^\| (?!How)[^-].*", PAGE, re.MULTILINE)
    assert len(rows) >= 35
    for row in rows:
        question, answer, _ = re.split(r" \| ?", row.removeprefix("| ").removesuffix("|"))
        assert question.endswith("?")
        assert answer
    assert len(LINES) > 25
