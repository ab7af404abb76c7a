"""The lecture's systems: every identity holds, files are written, pages are up to date."""

import ast
import csv
import dataclasses
import functools
import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import pytest

from fastpg import cli
from fastpg.lecture import SYSTEMS, Check, Formula, Kernel, Result, find
from fastpg.lecture.problems import sampled, worst

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| .* \| (\S+) \| (?:=|<=|>=) \| (\S+) \| (\S+) \|$")


LONG = ("L9", "L11", "L12", "Kakade")  # these take as long as all others together
NUMBERS = [
    pytest.param(number, marks=pytest.mark.slow if number in LONG else ()) for number in SYSTEMS
]


needs_checkout = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="needs a checkout")


@functools.cache
def pages():
    """The program that writes the pages."""
    spec = importlib.util.spec_from_file_location(
        "lecture_pages", ROOT / "docs/generate_lecture.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def result(number):
    return SYSTEMS[number].run()


def known(monkeypatch, number, found):
    """A system with its result, so that the command need not compute it again."""
    changed = dataclasses.replace(SYSTEMS[number], run=lambda: found)
    monkeypatch.setattr("fastpg.lecture.SYSTEMS", {**SYSTEMS, number: changed})


def run_command(arguments):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    return stopped.value.code


def test_numbers():
    assert list(SYSTEMS) == [*(f"L{k}" for k in range(1, 13)), "Kakade"]
    assert find("all") == tuple(SYSTEMS.values())
    assert find("l9") == find("9") == find("09") == (SYSTEMS["L9"],)
    with pytest.raises(ValueError, match="unknown system 'L0'"):
        find("L0")


@pytest.mark.parametrize("number", NUMBERS)
def test_every_identity_holds(number):
    failed = [check for check in result(number).checks if not check.holds]
    assert not failed
    assert len(result(number).checks) >= 4


@pytest.mark.parametrize("number", NUMBERS)
def test_the_figure_and_its_numbers(number, tmp_path):
    table = tmp_path / "table.csv"
    result(number).write(table)
    rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    columns = result(number).columns
    assert rows[0] == list(columns)
    assert len(rows) - 1 == len(next(iter(columns.values())))
    last = list(columns)[-1]
    written = np.array([float(row[-1]) for row in rows[1:]])
    assert np.array_equal(written, np.asarray(columns[last], dtype=float), equal_nan=True)
    figure = SYSTEMS[number].figure(result(number))
    assert all(a.get_xlabel() and a.get_ylabel() for a in figure.axes)


@pytest.mark.slow
@pytest.mark.parametrize("number", SYSTEMS)
def test_both_files_are_written(number, tmp_path):
    table, picture = SYSTEMS[number].write(result(number), tmp_path)
    assert [table, picture] == [tmp_path / f"{number}.csv", tmp_path / f"{number}.png"]
    assert table.read_text(encoding="utf-8").startswith(next(iter(result(number).columns)))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_checks_fail_where_they_should():
    assert Check("", 1.0, 1.0 + 1e-12).holds
    assert not Check("", 1.0, 1.1).holds
    assert not Check("", float("nan"), 1.0).holds
    assert not Check("", float("nan"), float("nan")).holds
    assert not Check("", 2.0, 1.0, 0.0, "<=").holds
    assert not Check("", 1.0, 2.0, 0.0, ">=").holds
    assert not Result((Check("", 0.0, 1.0),), {}).holds


def test_the_component_that_is_told():
    """A stable component if only rounding differs, otherwise the wrong one."""
    assert worst("", [1.0 + 1e-15, -3.0, 2.0], [1.0, -3.0, 2.0]) == Check(" [1]", -3.0, -3.0)
    assert worst("", [1.5, -3.0, 2.0], [1.0, -3.0, 2.0]) == Check(" [0]", 1.5, 1.0)
    assert worst("", [0.0, 1e-16], [0.0, 0.0]) == Check(" [1]", 1e-16, 0.0)
    assert np.isnan(worst("", [1.0, np.nan], [1.0, 5.0]).left)
    assert worst("x", 2.0, 2.0).text == "x"
    assert worst("x", [[1.0, 2.0], [4.0, 3.0]], np.zeros((2, 2))).text == "x [1, 0]"
    samples = np.array([[1.0, 2.0, 9.0], [1.1, 2.1, 9.1]])
    assert sampled("x", samples, np.array([[1.0, 2.0, 3.0]])).text == "x [0, 2]"


def test_a_formula_without_its_code_is_an_error():
    with pytest.raises(LookupError, match="expected a statement with 'absent'"):
        _ = Formula("", find, "absent").code


DOUBLED = """
double twice(double x);

// Two of them.
inline double twice(double x) {
  if (x == 0.0) {
    return x;
  }
  const double y = x;
  return y + x;
}

double thrice(double x) { return 3 * x; }
"""


def test_code_is_cut_from_sources():
    def documented(x):
        """Not shown."""
        return 2 * x + 1

    assert Formula("", documented).code == "def documented(x):\n    return 2 * x + 1"
    assert Formula("", documented, "2 *").code == "return 2 * x + 1"
    whole = Kernel("", "file.cpp", "twice")
    assert whole.cut(DOUBLED) == DOUBLED[DOUBLED.index("//") : DOUBLED.index("\n\ndouble thrice")]
    assert whole.where == "twice in file.cpp"
    part = dataclasses.replace(whole, first="if (x", last="\n  }\n")
    assert part.cut(DOUBLED) == "if (x == 0.0) {\n  return x;\n}"
    with pytest.raises(LookupError, match=r"file.cpp: expected a definition of wice, found none"):
        Kernel("", "file.cpp", "wice").cut(DOUBLED)
    with pytest.raises(LookupError, match=r"twice in file.cpp: expected a line with 'z', found no"):
        dataclasses.replace(whole, first="z").cut(DOUBLED)


def forwards(code):
    """Whether Python code only calls another function of the package, without any arithmetic."""
    (node,) = ast.parse(code).body
    if isinstance(node, ast.FunctionDef):
        if len(node.body) > 1:
            return False
        node = node.body[0]
    call = getattr(node, "value", None)
    if not isinstance(call, ast.Call):
        return False
    known = ast.unparse(call.func).startswith(("np.", "math.", "MDP", "values.argmax"))
    return not known and not any(isinstance(part, ast.BinOp | ast.Dict) for part in ast.walk(call))


def test_a_forwarding_call_is_found():
    assert forwards("return policy.fisher(weights(mdp))")
    assert forwards("def f(x):\n    return g(x, a=1)")
    assert not forwards("return policy.score_sum(pi * advantage)")
    assert not forwards("ratio = np.exp(log_ratio)")


@needs_checkout
@pytest.mark.parametrize("number", SYSTEMS)
def test_every_formula_has_the_code_that_computes_it(number):
    for formula in SYSTEMS[number].formulas:
        code = pages().code(formula)
        assert len(code.splitlines()) <= 25, formula.where
        assert formula.language == "cpp" or not forwards(code), formula.where


def test_command(monkeypatch, tmp_path, capsys):
    known(monkeypatch, "L9", result("L9"))
    assert run_command(["lecture", "L9", "--out", str(tmp_path / "new")]) == 0
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"L9.csv", "L9.png"}
    assert (tmp_path / "new" / "L9.png").read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    assert "PG: θ after 10" in out
    assert "1.894620696" in out
    assert "FAILS" not in out


def test_an_output_that_lacks_characters_does_not_end_the_command(monkeypatch, tmp_path):
    known(monkeypatch, "L9", result("L9"))
    output = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", output)
    assert run_command(["lecture", "L9", "--out", str(tmp_path)]) == 0
    output.flush()
    shown = output.buffer.getvalue().decode("cp1252")
    assert "PG: ? after 10" in shown
    assert "wrote" in shown


def test_command_errors(tmp_path, capsys):
    assert run_command(["lecture", "L13", "--out", str(tmp_path)]) == 2
    assert "unknown system 'L13'" in capsys.readouterr().err
    taken = tmp_path / "file"
    taken.write_text("")
    assert run_command(["lecture", "L6", "--out", str(taken)]) == 2


def test_a_failed_identity_is_told(monkeypatch, tmp_path, capsys):
    known(monkeypatch, "L6", Result((Check("wrong", 0.0, 1.0),), result("L6").columns))
    assert run_command(["lecture", "L6", "--out", str(tmp_path)]) == 1
    assert "FAILS" in capsys.readouterr().out


def assert_same_page(written, made):
    """Compare the text exactly, and both sides of a check to 2 % or the check's own tolerance."""
    assert len(written.splitlines()) == len(made.splitlines())
    for one, two in zip(written.splitlines(), made.splitlines(), strict=True):
        sides = [ROW.match(line) for line in (one, two)]
        if not all(sides):
            assert one == two
            continue
        (left, right, slack), other = (tuple(map(float, side.groups())) for side in sides)
        close = {"rel": 0.02, "abs": max(slack, 1e-9)}
        assert (left, right, slack) == (
            pytest.approx(other[0], **close),
            pytest.approx(other[1], **close),
            pytest.approx(other[2], rel=0.1),
        )
        texts = [line[: side.start(1)] for line, side in zip((one, two), sides, strict=True)]
        assert texts[0] == texts[1]


def test_a_page_that_has_drifted_is_not_the_same():
    page = "text 1\n| θ after 10 | 1.89462 | = | 1.89462 | 5e-11 |\n"
    assert_same_page(page, page.replace("1.89462 |", "1.89463 |"))
    for old, new in (("1.89462 | =", "1.99 | ="), ("text 1", "text 2"), ("after 10", "after 11"),
                     ("5e-11", "5e-09")):  # fmt: skip
        with pytest.raises(AssertionError):
            assert_same_page(page, page.replace(old, new))


@needs_checkout
@pytest.mark.parametrize("number", NUMBERS)
def test_pages_are_up_to_date(number):
    """Pages are up to date, except for the last digits, which depend on the machine."""
    written = (ROOT / f"docs/lecture/{number}.md").read_text(encoding="utf-8")
    made = pages().page(SYSTEMS[number], result(number))
    assert_same_page(written, made)
    assert (ROOT / f"docs/lecture/{number}.png").is_file()


def test_lecture_md_lists_every_system():
    text = (ROOT / "docs/lecture.md").read_text(encoding="utf-8")
    assert all(f"(lecture/{number}.md)" in text for number in SYSTEMS)
