"""Every block of Python, and every command of fastpg, on the pages that no other test runs."""

import glob
import re
import shlex
import sys
from pathlib import Path

import gymnasium
import pytest

import fastpg
from processes import PLAIN, PROGRAM, python

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
# Tests that read blocks of pages.
OTHER_TESTS = [
    text
    for path in Path(__file__).parent.glob("test_*.py")
    if path.name != Path(__file__).name and "```" in (text := path.read_text(encoding="utf-8"))
]
# Pages whose Python another test runs, and whose commands are run here.
COMMANDS_ALONE = {"README.md", "pictures.md", "export.md"}
# Pages whose commands import modules that the page shows.
WITH_MODULES = {"train_your_environment.md"}
# What takes long on a page, and what stands there instead in the default suite.
FEW_PICTURES = ("--gif", "--max-steps 5 --gif")
SHORTER = {
    "README.md": [("--seeds 0:1000", "--seeds 2 --jobs 1 --total-timesteps 4000"), FEW_PICTURES],
    "networks.md": [("Pendulum-v1 --policy", "Pendulum-v1 --total-timesteps 8192 --policy"),
                    ("50_000", "8_000")],
    "pictures.md": [("v1 --seed", "v1 --total-timesteps 8000 --seed"), FEW_PICTURES,
                    ("npg MountainCar-v0\n", "npg MountainCar-v0 --total-timesteps 40000\n")],
    "policies_and_features.md": [("seeds=10", "seeds=1"), ("100_000", "4_000")],
    "start.md": [FEW_PICTURES],
}  # fmt: skip
# Commands whose files a page takes for granted.
BEFORE = {
    "README.md": ["fastpg train trpo Pendulum-v1 --total-timesteps 8000",
                  "fastpg train ppo Pendulum-v1 --total-timesteps 8000"],
    "export.md": ["fastpg train npg CartPole-v1 --total-timesteps 8000"],
}  # fmt: skip


def blocks(page):
    """Language and text of the blocks of a page that can be run."""
    found = re.findall(r"^```(python|sh)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [(kind, text) for kind, text in found if kind == "python" or commands(text)]


def commands(text):
    """The commands of fastpg in a block for the shell, each as it is called; loops are unrolled."""
    text = re.sub(r"for (\w+) in ([^;]+); do\n(.*?)\ndone", unrolled, text, flags=re.S)
    lines = text.replace("\\\n", " ").replace("&&", "\n").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("fastpg ")]


def unrolled(loop):
    name, values, body = loop.groups()
    return "\n".join(body.replace(f"${name}", value) for value in values.split())


def is_run_elsewhere(page):
    """Whether another test names the page; those of the lecture show parts of the package."""
    return page.parent.name == "lecture" or any(f'"{page.name}"' in text for text in OTHER_TESTS)


def pages_run_here():
    pages = [page for page in PAGES if blocks(page)]
    return [p for p in pages if p.name in COMMANDS_ALONE or not is_run_elsewhere(p)]


def execute(line, run):
    """Run a command as a shell would call it: comments are left out, names with * expanded."""
    words = shlex.split(line, comments=True)[1:]
    found = [sorted(glob.glob(word)) if "*" in word else [word] for word in words]
    done = run(*(word for each in found for word in each))
    assert done.returncode == 0, f"{line}: {done.stderr}"


def execute_alone(line):
    """Run a command in a process of its own, as the installed script does."""
    program = f"import sys; sys.path.remove(''); {PROGRAM}"
    done = python(program, *shlex.split(line)[1:], **PLAIN)
    assert done.returncode == 0, f"{line}: {done.stderr}"


def play(page, run, names, shorter):
    """Run the blocks of a page from top to bottom, in the present folder."""
    for line in BEFORE.get(page.name, []):
        execute(line, run)
    for kind, text in blocks(page):
        for old, new in shorter:
            text = text.replace(old, new)
        if kind == "sh":
            for line in commands(text):
                execute_alone(line) if page.name in WITH_MODULES else execute(line, run)
        elif page.name in COMMANDS_ALONE or "docs: not run" in text:
            compile(text, page.name, "exec")
        elif file := re.match(r"# (\w+\.py)\n", text):
            Path(file[1]).write_text(text, encoding="utf-8")
        else:
            exec(compile(text, page.name, "exec"), names)


@pytest.fixture
def names(run, tmp_path, monkeypatch):
    """Names for the blocks of a page; modules and environments that it defines are undone."""
    monkeypatch.syspath_prepend(tmp_path)
    modules, registered = set(sys.modules), set(gymnasium.registry)
    yield {"fastpg": fastpg, "gymnasium": gymnasium}
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) == str(tmp_path / f"{name}.py"):
            del sys.modules[name]
    for env_id in set(gymnasium.registry) - registered:
        del gymnasium.registry[env_id]


@pytest.mark.parametrize("page", pages_run_here(), ids=lambda page: page.name)
def test_the_blocks_run(page, run, names, five_episodes):
    for module in ("matplotlib", "PIL", "pygame"):
        pytest.importorskip(module)
    for shorter in SHORTER.get(page.name, []):
        assert shorter[0] in page.read_text(encoding="utf-8"), f"{page.name} has no {shorter[0]}"
    play(page, run, names, SHORTER.get(page.name, []))
    check = CHECKS.get(page.name)
    if check is not None:
        check(names)


def check_start(names):
    assert names["mean"] == 500.0
    made = ["cartpole.gif", "cartpole.npz", "curves.png", "diagnostics.png", "runs"]
    assert sorted(path.name for path in Path().iterdir()) == made


def check_own_environment(names):
    assert names["mean"] > -15.0
    assert fastpg.diagnose(fastpg.load("point_mass.npz")) == []


def check_diagnostics(names):
    sentences = " ".join(fastpg.diagnose(fastpg.load("runs/diagnosed/final.npz")))
    assert "a policy that is linear in the observation itself may be too simple" in sentences


CHECKS = {
    "start.md": check_start,
    "train_your_environment.md": check_own_environment,
    "diagnostics.md": check_diagnostics,
}


@pytest.mark.slow
def test_features_change_what_is_learned(run, names):
    """What the page says below its table, with the program of the page."""
    play(ROOT / "docs" / "policies_and_features.md", run, names, [])
    medians = names["medians"]
    assert medians["linear"] < -1000.0
    assert all(medians[name] > -300.0 for name in ("degree 3", "Fourier", "perceptron"))


def test_paths_of_the_design_exist():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    paths = re.findall(r"\b(?:python|cpp)/[\w/]+(?:\.py)?", text)
    assert len(paths) > 15
    assert all((ROOT / path).exists() for path in paths)


def test_the_drawing_is_up_to_date():
    names = {"__file__": str(ROOT / "docs" / "generate_drawing.py"), "__name__": "drawing"}
    exec(Path(names["__file__"]).read_text(encoding="utf-8"), names)
    drawn = (ROOT / "docs" / "figures" / "iteration.svg").read_text(encoding="utf-8")
    assert drawn == names["drawing"](), "run python docs/generate_drawing.py"


def test_a_block_that_fails_is_found(tmp_path, run, names):
    page = tmp_path / "page.md"
    page.write_text("```sh\nfastpg info nothing.npz\n```\n")
    with pytest.raises(AssertionError, match="nothing"):
        play(page, run, names, [])
    page.write_text("```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError):
        play(page, run, names, [])
    loop = "for s in 0 1; do\n  fastpg train npg X --seed $s\ndone\n"
    assert commands(loop) == ["fastpg train npg X --seed 0", "fastpg train npg X --seed 1"]
