"""`fastpg info`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import gymnasium
import numpy as np
import typer

from fastpg import _core
from fastpg.algorithms import ALGORITHMS, load
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.settings import LINEAR, built_in
from fastpg.cli.console import explained, show_table
from fastpg.cli.models import model_file
from fastpg.envs import NATIVE
from fastpg.policies.factory import is_mlp
from fastpg.training.terminal import mean_return


def info(
    path: Annotated[Path | None, typer.Argument(help="a checkpoint, or a run folder")] = None,
) -> None:
    """Describe the installation, or a checkpoint."""
    with explained():
        show_table(_installed() if path is None else _checkpoint_info(load(model_file(path))))


def _installed() -> dict[str, str]:
    return {
        "fastpg": _core.__version__,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "gymnasium": gymnasium.__version__,
        "algorithms": ", ".join(ALGORITHMS),
        "tuned settings": _tuned(LINEAR),
        "tuned settings, mlp": _tuned("mlp"),
        "native environments": ", ".join(NATIVE),
    }


def _tuned(policy: str) -> str:
    return ", ".join(f"{name} {env_id}" for name, env_id in built_in(policy)) or "none"


def _checkpoint_info(algo: Algorithm) -> dict[str, str]:
    last = algo.history[-1] if algo.history else {}
    defaults = algo.options_class.build(algo.name, {}, is_mlp(algo.policy))
    changed = {
        name: value
        for name, value in dataclasses.asdict(algo.options).items()
        if value != getattr(defaults, name)
    }
    return {
        "algorithm": algo.name,
        "environment": algo.env_id or "unnamed",
        "policy": repr(algo.policy),
        "steps": f"{algo.num_timesteps:,}",
        "iterations": str(len(algo.history)),
        "mean return": f"{mean_return(last)} (last 100 episodes)",
        "seed": str(algo.seed),
        "options changed": ", ".join(f"{k}={v}" for k, v in changed.items()) or "none",
    }
