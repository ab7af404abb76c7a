"""The user's C++ compiler."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fastpg.native_envs.library import get_include

KNOWN = ("c++", "g++", "clang++")
# No contraction: a fused multiply-add rounds once where Python rounds twice, and the environment
# would not give the numbers of its twin in Python. The next two change no number; they let loops
# run in SIMD. Hidden names: environments of the same name in two libraries share nothing. It is an
# error that a function may end without its `return`: it would do anything.
FLAGS = (
    "-std=c++20",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Werror=return-type",
    "-fvisibility=hidden",
    "-fPIC",
)
_INSTALL = {
    "darwin": "xcode-select --install",
    "win32": "a g++ of MSYS2 or w64devkit, in PATH",
}
_LAST_LINES = 60  # of the compiler's output in a message


class BuildError(RuntimeError):
    """An environment could not be compiled.

    Attributes:
        command: the command that failed; empty if there is no compiler.
        output: what the compiler wrote.
    """

    def __init__(self, message: str, command: Sequence[str] = (), output: str = "") -> None:
        super().__init__(message)
        self.command = tuple(command)
        self.output = output

    def __reduce__(self) -> tuple[type[BuildError], tuple[str, tuple[str, ...], str]]:
        return type(self), (str(self), self.command, self.output)


def compiler_command(given: str | None) -> tuple[str, ...]:
    """The compiler: the given one, that of the variable CXX, or the first that is installed.

    Args:
        given: a name, a path, or a command such as "ccache g++"; None: none is given.

    Returns:
        The command, beginning with a path.

    Raises:
        BuildError: there is none; the message says how to install one.
    """
    wanted = given or os.environ.get("CXX")
    for command in [wanted] if wanted else KNOWN:
        words = shlex.split(command, posix=sys.platform != "win32")
        if words and (path := shutil.which(os.path.expanduser(words[0]))):
            return path, *words[1:]
    where = "compiler" if given else "the variable CXX"
    lacking = f"{where}: there is no {wanted!r}" if wanted else f"found no {', '.join(KNOWN)}"
    install = _INSTALL.get(sys.platform, "apt install g++, dnf install gcc-c++")
    raise BuildError(
        f"a C++ compiler is needed: {lacking}. Install one ({install}, or conda install -c "
        "conda-forge cxx-compiler), or name one by compiler= or the variable CXX"
    )


@functools.cache
def version(command: tuple[str, ...]) -> str:
    """What a compiler says about itself.

    Args:
        command: as `compiler_command` returns it.

    Returns:
        The output of `--version`.

    Raises:
        BuildError: it cannot be run.
    """
    return run((*command, "--version")).decode(errors="replace")


def preprocess(command: tuple[str, ...], flags: Sequence[str], source: Path) -> bytes:
    """A source with all that it includes, as one text.

    Args:
        command: the compiler.
        flags: its flags.
        source: a header, or a source file.

    Returns:
        The text.

    Raises:
        BuildError: the compiler refuses it.
    """
    include = ("-I", get_include(), "-include", str(source))
    return run((*command, *flags, *include, "-E", "-x", "c++", "-"))


def compile_library(
    command: tuple[str, ...], flags: Sequence[str], text: Path, library: Path
) -> None:
    """Compile a preprocessed source.

    Args:
        command: the compiler.
        flags: its flags.
        text: file with what `preprocess` returned.
        library: where the shared library goes.

    Raises:
        BuildError: the compiler refuses it.
    """
    run((*command, *flags, "-shared", "-x", "c++-cpp-output", str(text), "-o", str(library)))


def _reason(output: str) -> str:
    """What env.hpp expected, if the compiler says so, after many lines about templates."""
    found = re.search(r"(?:static assertion failed|static_assert failed)[^:\n]*: (.*)", output)
    return "compilation failed" if found is None else found[1].strip().strip('"')


def run(command: Sequence[str]) -> bytes:
    """Run the compiler.

    Args:
        command: all of it.

    Returns:
        Its standard output.

    Raises:
        BuildError: it cannot be run, or fails; with its messages.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise BuildError(f"the compiler cannot be run: {error}", command) from error
    if done.returncode != 0:
        output = done.stderr.decode(errors="replace")
        lines = output.splitlines()
        shown = lines[:_LAST_LINES]
        if len(lines) > len(shown):
            shown.append(f"… and {len(lines) - len(shown)} more lines in `output` of this error")
        said = "\n".join(shown)
        raise BuildError(f"{_reason(output)}: {shlex.join(command)}\n{said}", command, output)
    return done.stdout
