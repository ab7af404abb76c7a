"""What a training was started with, and on what: JSON values for logs and run folders."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from typing import Any

from fastpg.build_info import build_info

_ENTRIES = ("algorithm", "env_id", "env", "policy", "options", "value_kwargs", "seed")
_GIT_SECONDS = 10.0  # a working directory on a slow network must not hold up a training


def run_config(algo: Any, total_timesteps: int) -> dict[str, Any]:
    """The configuration of a training, with all defaults filled in.

    Args:
        algo: the algorithm.
        total_timesteps: environment steps of the call of `learn`.

    Returns:
        JSON values: algorithm, env_id, env (the recipe), policy (class and arguments), options,
            value_kwargs, seed, num_timesteps (steps before this call), total_timesteps.
    """
    _, meta = algo.state()
    config = {name: meta[name] for name in _ENTRIES}
    config["policy"] = {"class": type(algo.policy).__name__, **meta["policy"]}
    return config | {"num_timesteps": algo.num_timesteps, "total_timesteps": total_timesteps}


def versions() -> dict[str, Any]:
    """Versions of the software, and the machine.

    Returns:
        JSON values: python, numpy, gymnasium, fastpg, build (as `build_info`), platform, and git:
            commit of the working directory and whether files differ from it, or None.
    """
    build = build_info()
    return {
        "python": sys.version,
        "numpy": version("numpy"),
        "gymnasium": version("gymnasium"),
        "fastpg": build["version"],
        "build": build,
        "platform": platform.platform(),
        "git": _git_state(),
    }


def _git_state() -> dict[str, Any] | None:
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git("status", "--porcelain")
    return {"commit": commit.strip(), "dirty": None if changes is None else bool(changes)}


def _git(*arguments: str) -> str | None:
    """Output of a git command; None if git is missing, slow, or not in a repository."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # names of files may be in any encoding
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
