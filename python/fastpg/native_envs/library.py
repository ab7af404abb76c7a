"""Environments in shared libraries that are there already."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from fastpg.envs.catalogue import NATIVE
from fastpg.envs.user_env import (
    Render,
    Source,
    UserEnvironment,
    library_env,
    register_env,
)
from fastpg.files import path_of

# As CMake names modules; macOS has both.
SUFFIXES = {"win32": (".dll",), "darwin": (".so", ".dylib")}.get(sys.platform, (".so",))

# What the libraries of this process contained when they were loaded, by path: the loader of the
# system returns the old library for a path that it knows.
_contents: dict[Path, str] = {}
_registered: dict[Path, UserEnvironment] = {}


def get_include() -> str:
    """The folder of the headers `fastpg/env.hpp` and `fastpg/env.h`, for a compiler's `-I`.

    Returns:
        Its absolute path.
    """
    return str(Path(__file__).resolve().parents[1] / "include")


def load_env(
    path: str | os.PathLike[str], *, module: str | None = None, render: Render | None = None
) -> UserEnvironment:
    """Register the environment of a compiled library: it is then native.

    The library exports it by `FASTPG_ENV` of fastpg/env.hpp, or by a function `fastpg_environment`
    that returns the address of a `fastpg_env`. What the library does is not checked: an error in it
    may end the process.

    Args:
        path: path of the library; without a suffix, that of the system is added.
        module: the module whose import calls this function, `__name__` in a package; pickles and
            checkpoints name it. None: pickles name the library.
        render: makes a picture, uint8 (height, width, 3), of a state (k,) and the parameters by
            name; None: there are no pictures.

    Returns:
        The environment.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the library cannot be loaded, exports no environment, or one that is wrong; or
            it was built again after this process had loaded it.
    """
    library = _existing(path_of(path).absolute())
    _require_unchanged(library)
    return register_library(
        library, module=module, source=(_loaded_again, (str(library), render)), render=render
    )


def register_library(
    library: Path, *, module: str | None, source: Source, render: Render | None
) -> UserEnvironment:
    """Register the environment of a library.

    Args:
        library: absolute path.
        module: as in `load_env`.
        source: what a pickle without a module calls.
        render: as in `load_env`.

    Returns:
        The environment.

    Raises:
        ValueError: as in `load_env`.
    """
    _require_environment(library)
    env = register_env(library_env(str(library)), module=module, render=render, source=source)
    _registered[library] = env
    return env


def registered(library: Path) -> UserEnvironment | None:
    """The environment of a library, if this process has registered it and no other since.

    Args:
        library: absolute path.
    """
    env = _registered.get(library)
    return env if env is not None and NATIVE[env.id].environment is env else None


def _loaded_again(path: str, render: Render | None) -> UserEnvironment:
    """What a pickle calls."""
    return registered(Path(path)) or load_env(path, render=render)


def _existing(path: Path) -> Path:
    for suffix in ("", *SUFFIXES):
        if (found := path.with_name(path.name + suffix)).is_file():
            return found
    raise FileNotFoundError(f"{path}: expected a library, a file with the suffix {SUFFIXES[0]}")


def _require_unchanged(library: Path) -> None:
    now = hashlib.sha256(library.read_bytes()).hexdigest()
    if _contents.setdefault(library, now) != now:
        raise ValueError(
            f"{library}: was built again after this process had loaded it; expected a new process "
            "or another file name"
        )


def _require_environment(library: Path) -> None:
    """Raise ValueError with the reason why a library of env.hpp has no environment."""
    try:
        functions: Any = ctypes.CDLL(str(library))
        environment, problem = (
            functions.fastpg_environment,
            functions.fastpg_environment_problem,
        )
    except (OSError, AttributeError):
        return  # library_env says what is wrong; the second function is of env.hpp alone
    environment.restype, problem.restype = ctypes.c_void_p, ctypes.c_char_p
    if not environment():
        raise ValueError(f"{library}: {problem().decode(errors='replace')}")
