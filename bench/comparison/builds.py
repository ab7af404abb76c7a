"""A cold `pip install` of a tree: its CPU time, its wheel, and its slowest compile unit."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

_LEFT_BEHIND = ("build*", "dist", ".git", "*.so", "__pycache__")
_COMPILED = (".o", ".obj", ".gch", ".pch")


class Build(NamedTuple):
    """What a build took."""

    cpu: float  # seconds, of everything that pip started
    longest: str
    share: float  # of the longest unit, in the time of all units


def cold_build(python: str, tree: Path) -> Build:
    """Install a copy of the tree into a new environment, one job at a time.

    pip isolates the build as always; nothing of an earlier build is there. With one job a unit's
    time by Ninja's log is its own, and the sum of all does not depend on the number of cores.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source, build = work / "tree", work / "build"
        shutil.copytree(tree, source, ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
        subprocess.run([python, "-m", "venv", work / "venv"], check=True)
        before = _cpu_of_children()
        _install(work / "venv", source, build)
        cpu = _cpu_of_children() - before
        units = _units(build / ".ninja_log")
        longest = max(units, key=lambda name: units[name])
        return Build(cpu, Path(longest).name, units[longest] / sum(units.values()))


def _install(venv: Path, source: Path, build: Path) -> None:
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*pip, "--config-settings", f"build-dir={build}", source],
        check=True,
        env=os.environ | {"CMAKE_BUILD_PARALLEL_LEVEL": "1", "CMAKE_GENERATOR": "Ninja"},
    )


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _units(log: Path) -> dict[str, int]:
    """Milliseconds of every compiled file, from lines "start end mtime output hash"."""
    rows = (line.split("\t") for line in log.read_text().splitlines() if line[:1] != "#")
    return {row[3]: int(row[1]) - int(row[0]) for row in rows if row[3].endswith(_COMPILED)}
