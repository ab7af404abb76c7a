"""Environments that are compiled from a header of the user."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fastpg.envs.user_env import Render, UserEnvironment
from fastpg.files import path_of, replace_file
from fastpg.native_envs.compiler import (
    FLAGS,
    compile_library,
    compiler_command,
    preprocess,
    version,
)
from fastpg.native_envs.library import SUFFIXES, register_library, registered

Recipe = tuple[str, str | None, tuple[str, ...]]  # source, compiler, flags


def build_env(
    source: str | os.PathLike[str],
    *,
    compiler: str | None = None,
    flags: Sequence[str] = (),
    cache: str | os.PathLike[str] | None = None,
    module: str | None = None,
    render: Render | None = None,
) -> UserEnvironment:
    """Compile an environment that is written in C++, and register it: it is then native.

    The library is kept in a folder, under a name that depends on the source, on all that it
    includes, the compiler and the flags: nothing is compiled twice, several processes may build at
    once, and a changed source gives a new library. Called again after a change, the new environment
    takes the place of the old one; vector environments made of that go on with it.

    The flags are those of C++20 with optimization (-O3), without contraction (-ffp-contract=off),
    so that the environment gives the same numbers as a twin in Python, and without -march=native,
    with which the library would run on no older machine.

    Args:
        source: path of the header that ends with `FASTPG_ENV(…)` of fastpg/env.hpp.
        compiler: the compiler's name, path or command; it must take the options of g++ and clang++.
            None: that of the variable CXX, or the first of c++, g++ and clang++.
        flags: further flags, after the usual ones, for example ("-march=native",).
        cache: the folder; None: that of the variable FASTPG_CACHE, or `fastpg` in the system's
            folder for caches.
        module: the module whose import calls this function, `__name__` in a module: checkpoints
            name it. None: they cannot say what to import.
        render: makes a picture, uint8 (height, width, 3), of a state (k,) and the parameters by
            name; None: there are no pictures.

    Returns:
        The environment. Without a module, a pickle of it holds the path of the library, and that of
        the source for a machine that lacks the library.

    Raises:
        FileNotFoundError: there is no such source.
        BuildError: there is no compiler, or it refuses the source; with its messages.
        ValueError: the library exports no environment, or one that is wrong.
        OSError: the folder cannot be written.
    """
    path = path_of(source).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a C++ header")
    given = tuple(flags)
    if isinstance(flags, str) or not all(isinstance(flag, str) for flag in given):
        raise TypeError(f"flags: expected a sequence of strings, got {flags!r}")
    library = _library_of(path, compiler, given, _folder(cache))
    return _register(library, (str(path), compiler, given), module, render)


def _register(
    library: Path, recipe: Recipe, module: str | None, render: Render | None
) -> UserEnvironment:
    again = (_built_again, (str(library), recipe, render))
    named = None if module == "__main__" else module
    return register_library(library, module=named, source=again, render=render)


def _built_again(library: str, recipe: Recipe, render: Render | None) -> UserEnvironment:
    """What a pickle calls: the environment of a library, which is built if it is not there."""
    path = Path(library)
    if (known := registered(path)) is not None:
        return known
    if path.is_file():
        return _register(path, recipe, None, render)
    source, compiler, flags = recipe
    return build_env(source, compiler=compiler, flags=flags, render=render)


def _library_of(source: Path, compiler: str | None, flags: tuple[str, ...], folder: Path) -> Path:
    """The library of a source, compiled unless it is there."""
    command = compiler_command(compiler)
    every = (*FLAGS, *flags)
    text = preprocess(command, every, source)
    machine = platform.node() if any("native" in flag for flag in flags) else ""
    parts = (version(command), *every, platform.machine(), machine)
    key = hashlib.sha256("\0".join(parts).encode() + b"\0" + text).hexdigest()[:20]
    stem = re.sub(r"\W", "_", source.stem)
    library = folder / f"{stem}-{key}{SUFFIXES[0]}"
    if not library.is_file():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(library, _compiled(command, every, text))
    return library


def _compiled(command: tuple[str, ...], flags: Sequence[str], text: bytes) -> bytes:
    with tempfile.TemporaryDirectory(prefix="fastpg-") as folder:
        source, library = Path(folder, "env.ii"), Path(folder, "env" + SUFFIXES[0])
        source.write_bytes(text)
        compile_library(command, flags, source, library)
        return library.read_bytes()


def _folder(given: str | os.PathLike[str] | None) -> Path:
    if given is not None or (given := os.environ.get("FASTPG_CACHE")):
        return path_of(given).absolute()
    home = Path.home()
    usual = {
        "win32": path_of(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"),
        "darwin": home / "Library" / "Caches",
    }
    other = path_of(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return usual.get(sys.platform, other) / "fastpg" / "environments"
