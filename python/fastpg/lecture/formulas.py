"""Formulas of the lecture with the code that computes them, cut from its source."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Formula:
    """A formula of the lecture and the Python code that computes it."""

    text: str
    owner: Callable[..., Any]  # the function with the code
    part: str = ""  # a part of the statement, by which it is found; "": the whole function
    language: ClassVar[str] = "python"

    @property
    def where(self) -> str:
        """Full name of the function."""
        return f"{self.owner.__module__}.{self.owner.__qualname__}"

    @property
    def code(self) -> str:
        """Source text of the statement, or of the function without decorators and docstring.

        Raises:
            LookupError: no statement contains `part`.
        """
        source = textwrap.dedent(inspect.getsource(self.owner))
        tree = ast.parse(source)
        if not self.part:
            return _without_docstring(source, tree)
        statements = [
            text
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt) and not hasattr(node, "body")
            for text in [ast.get_source_segment(source, node, padded=True) or ""]
            if self.part in text
        ]
        if not statements:
            raise LookupError(f"{self.where}: expected a statement with {self.part!r}, found none")
        return textwrap.dedent(min(statements, key=len)).strip()


def _without_docstring(source: str, tree: ast.Module) -> str:
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert function.end_lineno is not None
    kept = set(range(function.lineno, function.end_lineno + 1))
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        kept -= set(range(first.lineno, first.end_lineno + 1))
    lines = source.splitlines()
    return "\n".join(lines[at - 1] for at in sorted(kept))


@dataclass(frozen=True)
class Kernel:
    """A formula of the lecture and the C++ code that computes it."""

    text: str
    file: str  # path in the repository
    name: str  # of the function, as its definition writes it
    # Parts of the first and the last line to show, in which \n stands for a line's begin or end;
    # "": from the comment above the function, and to its end.
    first: str = ""
    last: str = ""
    language: ClassVar[str] = "cpp"

    @property
    def where(self) -> str:
        """The function and its file."""
        return f"{self.name} in {self.file}"

    def cut(self, source: str) -> str:
        """The function's source text, or its lines from `first` to `last`.

        Args:
            source: text of the file, formatted by clang-format.

        Raises:
            LookupError: the file does not define the function, or it has no such lines.
        """
        lines = source.splitlines()
        begin, end = self._function(lines)
        if self.first:
            begin = self._line(lines, self.first, begin, end)
        else:
            while begin > 0 and lines[begin - 1].lstrip().startswith("//"):
                begin -= 1
        if self.last:
            end = self._line(lines, self.last, begin, end)
        return textwrap.dedent("\n".join(lines[begin : end + 1]))

    def _function(self, lines: list[str]) -> tuple[int, int]:
        """Indices of the first and last line of the definition."""
        head = re.compile(rf"( *)(?:[\w:<>&*]+ )+[&*]?{re.escape(self.name)}\(")
        for begin, line in enumerate(lines):
            match = head.match(line)
            if match is None:
                continue
            opened = next(k for k in range(begin, len(lines)) if lines[k].endswith(("{", ";")))
            if lines[opened].endswith(";"):
                continue
            closing = match[1] + "}"
            end = next(k for k in range(opened, len(lines)) if lines[k] == closing)
            return begin, end
        raise LookupError(f"{self.file}: expected a definition of {self.name}, found none")

    def _line(self, lines: list[str], part: str, begin: int, end: int) -> int:
        for at in range(begin, end + 1):
            if part in f"\n{lines[at]}\n":
                return at
        raise LookupError(f"{self.where}: expected a line with {part!r}, found none")
