"""Imports and includes go one way: CONTRIBUTING.md, "Layers"."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "fastpg"


def layers(begin="python/fastpg/", end="```"):
    """Names by row, the lowest row first: modules, and folders with a slash."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    block = re.search(rf"^{begin} (.*?)^{end}", text, re.MULTILINE | re.DOTALL)
    return [re.findall(r"[\w/]+", row) for row in block[1].splitlines()]


def modules():
    """Name and file of every module; `__init__.py` of a folder has the name of the folder."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


FILES = dict(modules())
ROWS = {name.rstrip("/"): k for k, row in enumerate(layers()) for name in row}


def imported(source, known=(*FILES, "fastpg._core")):
    """Modules of fastpg that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "fastpg")
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "expected an absolute import"
            if node.module.split(".")[0] == "fastpg":
                members = (f"{node.module}.{a.name}" for a in node.names)
                yield from (m if m in known else node.module for m in members)


GRAPH = {name: set(imported(path.read_text())) for name, path in FILES.items()}


def room(module):
    """The name in a row: the first name within the package, or `__init__` for its own file."""
    return [*module.split("."), "__init__"][1]


def upward(graph):
    """Imports of modules in the same row or below."""
    return [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in sorted(others)
        if room(module) != room(other) and ROWS[room(module)] <= ROWS[room(other)]
    ]


def test_every_module_has_one_row_and_every_name_is_a_module():
    named = [name for row in layers() for name in row]
    assert len(named) == len(set(named))
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert set(named) == {f"{name}/" for name in packages} | files | {"_core"}


def test_imports_go_one_way():
    assert upward(GRAPH) == []


def test_modules_import_in_no_circle():
    graphlib.TopologicalSorter(GRAPH).prepare()


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("fastpg.arrays", "from fastpg import spaces"),
        ("fastpg.policies.base", "from fastpg.algorithms.base import Algorithm"),
        ("fastpg.rollouts.rollout", "def f():\n    import fastpg.algorithms.npg"),
        ("fastpg.training.metrics", "from fastpg import PPO"),
    ],
)
def test_an_import_upward_is_found(module, line):
    assert len(upward({module: set(imported(line))})) == 1


def test_a_circle_is_found():
    other = {"fastpg.rollouts.rollout": set(imported("from fastpg.rollouts import collect"))}
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(GRAPH | other).prepare()


CPP_ROWS = {
    name: k for k, row in enumerate(layers("cpp/include/fastpg/", "cpp/src/")) for name in row
}


def included_upward(folder, source):
    """Folders of C++ in the same row or below that a file of a folder includes."""
    others = set(re.findall(r'#include "fastpg/(\w+)/', source)) - {folder}
    return [other for other in sorted(others) if CPP_ROWS[other] >= CPP_ROWS[folder]]


def test_includes_go_one_way():
    files = [
        p for where in ("include/fastpg", "src") for p in (ROOT / "cpp" / where).rglob("*.?pp")
    ]
    assert {path.parent.name for path in files} == set(CPP_ROWS)
    for path in files:
        assert included_upward(path.parent.name, path.read_text()) == [], path


def test_an_include_upward_is_found():
    assert included_upward("core", '#include "fastpg/solvers/ppo.hpp"') == ["solvers"]
