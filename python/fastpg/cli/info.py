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
from fastpg.policies.base import Policy
from fastpg.policies.factory import is_mlp
from fastpg.training.terminal import mean_return


def info(
    path: Annotated[Path | None, typer.Argument(help="a checkpoint, or a run folder")] = None,
) -> None:
    """Describe the installation, or a checkpoint."""
    with explained():
        show_table(_installed() if path is None else _checkpoint_info(model_file(path)))


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


def _checkpoint_info(file: Path) -> dict[str, str]:
    algo = load(file)
    last = algo.history[-1] if algo.history else {}
    defaults = algo.options_class.build(algo.name, {}, is_mlp(algo.policy))
    changed = {
        name: value
        for name, value in dataclasses.asdict(algo.options).items()
        if value != getattr(defaults, name)
    }
    return {
        "file": str(file),
        "algorithm": algo.name,
        "environment": _environment(algo),
        "policy": repr(algo.policy),
        "features": _features(algo.policy),
        "steps": f"{algo.num_timesteps:,}",
        "iterations": str(len(algo.history)),
        "mean return": f"{mean_return(last)} (last 100 episodes)",
        "seed": str(algo.seed),
        "options changed": ", ".join(f"{k}={v}" for k, v in changed.items()) or "none",
    }


def _environment(algo: Algorithm) -> str:
    """Its id, and in brackets what differs from the registered form."""
    recipe = algo.env_recipe
    if recipe is None or recipe.id is None:
        return algo.env_id or "unnamed"
    return f"{recipe}, changed: {recipe.obstacle}" if recipe.obstacle else str(recipe)


def _features(policy: Policy) -> str:
    """Such as "polynomial, degree=2: 15, of normalised observations"."""
    state = policy.feature_map.state()
    arguments = [
        f"{name}={value}"
        for name, value in state.items()
        if name not in ("kind", "observation_size") and value is not False
    ]
    normalised = "" if policy.normalizer is None else ", of normalised observations"
    return f"{', '.join([state['kind'], *arguments])}: {policy.n_features}{normalised}"
