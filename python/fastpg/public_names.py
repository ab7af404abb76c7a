"""Errors about a name that a public module does not have: they say which one is meant."""

from __future__ import annotations

import ast
import importlib.util
import opcode
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from fastpg.names_elsewhere import NOT_EXPORTED
from fastpg.suggestions import nearest

PACKAGE = "fastpg"
# The modules with public names of their own, each with `__all__`.
PUBLIC = (
    "callbacks",
    "envs",
    "experiments",
    "lecture",
    "loggers",
    "monitor",
    "native_envs",
    "playing",
    "plots",
    "tabular",
    "tuning",
)
_IMPORT_FROM = opcode.opmap["IMPORT_FROM"]


def suggest_names(module: str) -> None:
    """Give a module a `__getattr__` that suggests names. Type checkers do not see it.

    Args:
        module: full name of a module that is being imported.
    """

    def __getattr__(name: str) -> NoReturn:
        raise missing(module, name)

    vars(sys.modules[module])["__getattr__"] = __getattr__


def missing(module: str, name: str) -> AttributeError | ImportError:
    """The error for a name that a module does not have; called by the module's `__getattr__`.

    Args:
        module: full name of the module.
        name: the name.

    Returns:
        Python's AttributeError with what to use; in `from … import`, which would drop this text, an
            ImportError.
    """
    suggestion = hint(module, name)
    text = f"module {module!r} has no attribute {name!r}{suggestion}"
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name == "__getattr__":
        frame = frame.f_back
    if suggestion and frame is not None and frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM:
        return ImportError(text, name=module)
    return AttributeError(text, name=name)  # with `obj` Python would append a suggestion of its own


def missing_module(fullname: str) -> None:
    """Raise ModuleNotFoundError for a module of the package, if there is something to suggest.

    Args:
        fullname: full name of a module that was not found.

    Raises:
        ModuleNotFoundError: the error of Python, and what to use.
    """
    package, _, name = fullname.rpartition(".")
    if package == PACKAGE and (text := hint(package, name)):
        raise ModuleNotFoundError(f"No module named {fullname!r}{text}", name=fullname)


def hint(module: str, name: str) -> str:
    """What to use instead of an unknown name.

    Args:
        module: full name of the module that was asked for it.
        name: the name.

    Returns:
        The end of a sentence, with a semicolon at its begin; empty if nothing is similar.
    """
    if name.startswith("_"):
        return ""
    if name in NOT_EXPORTED:
        return f"; expected {NOT_EXPORTED[name]}"
    homes = _homes()
    if name in homes:
        return f"; expected {homes[name]}.{name}"
    if own := nearest(name, exported(module)):
        return f"; did you mean {own!r}?"
    if other := nearest(name, [*homes, *PUBLIC]):
        return f"; did you mean {homes.get(other, PACKAGE)}.{other}?"
    return ""


def _homes() -> dict[str, str]:
    """The module of each public name; of several, the package itself or the first."""
    homes: dict[str, str] = {}
    for module in (PACKAGE, *(f"{PACKAGE}.{name}" for name in PUBLIC)):
        for name in exported(module):
            homes.setdefault(name, module)
    return homes


def exported(module: str) -> list[str]:
    """The names in a module's `__all__`, from its source: an import may be slow.

    Args:
        module: full name of the module.

    Returns:
        The names; none without `__all__` or without a source.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    try:
        body = ast.parse(Path(spec.origin).read_bytes()).body
    except OSError:
        return []
    lists = [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return [str(name) for name in ast.literal_eval(lists[0])] if lists else []
