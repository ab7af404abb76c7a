"""Write docs/lecture: a page and a figure for each system of `fastpg lecture`."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from fastpg.lecture import SYSTEMS, Example, Formula, Kernel, Result, System

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "lecture"

PAGE = """# {number}. {title}

{text}

![{title}]({number}.png)

## Formulas and code

{formulas}
{examples}
## Both sides

`fastpg lecture {number}` prints this table, and writes the figure and its data as CSV. Of arrays it
shows one component, whose indices [row, column] count from 0: that in which the sides differ most.

| | left | | right | within |
|---|---|---|---|---|
{checks}

{before} · [all systems](../lecture.md) · {after}

Written by `python docs/generate_lecture.py`, which runs the same code.
"""


def page(system: System, result: Result) -> str:
    """The page of a system in Markdown."""
    numbers = list(SYSTEMS)
    at = numbers.index(system.number)
    formulas = "\n\n".join(
        f"{formula.text}\n\n```{formula.language}\n{code(formula)}\n```\n\n`{formula.where}`"
        for formula in system.formulas
    )
    examples = "\n\n".join(map(_example, system.examples))
    checks = "\n".join(
        f"| {_cell(check.text)} | {check.left:.6g} | {check.relation} | {check.right:.6g} "
        f"| {check.slack:.2g} |"
        for check in result.checks
    )
    return PAGE.format(
        number=system.number,
        title=system.title,
        text=system.text,
        formulas=formulas,
        examples=f"\n## In a program\n\n{examples}\n" if examples else "",
        checks=checks,
        before=_link(numbers[at - 1]) if at else "",
        after=_link(numbers[at + 1]) if at + 1 < len(numbers) else "",
    ).replace("\n · ", "\n")


def code(formula: Formula | Kernel) -> str:
    """The code of a formula, from the sources of the repository."""
    if isinstance(formula, Kernel):
        return formula.cut((ROOT / formula.file).read_text(encoding="utf-8"))
    return formula.code


def printed(example: Example) -> str:
    """What a program prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(example.code, "example", "exec"), {})
    return out.getvalue().rstrip()


def _example(example: Example) -> str:
    code = example.code.strip()
    return f"{example.text}\n\n```python\n{code}\n```\n\n```text\n{printed(example)}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(number: str) -> str:
    return f"[{number}]({number}.md)"


def main() -> None:
    """Run every system and write its page and figure."""
    FOLDER.mkdir(exist_ok=True)
    for system in SYSTEMS.values():
        result = system.run()
        system.draw_to(FOLDER / f"{system.number}.png", result)
        (FOLDER / f"{system.number}.md").write_text(page(system, result), encoding="utf-8")
    print("wrote lecture/")


if __name__ == "__main__":
    main()
