"""Methods to compare: the settings of one or several experiments, each with a name."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from fastpg.envs import NAMESPACE
from fastpg.experiments.folder import read_config
from fastpg.experiments.results import Results, load_results
from fastpg.files import path_of


def methods_of(paths: Sequence[str | os.PathLike[str]]) -> dict[str, Results]:
    """Every setting of some experiments.

    Args:
        paths: folders of experiments, argument `run` of `train_many`.

    Returns:
        Results of a single setting each, by a name: the folder's, with the setting's if the
            experiment has several.

    Raises:
        FileNotFoundError: a folder that holds no experiment.
        ValueError: a damaged file, two methods of the same name, or experiments in environments of
            different ids, whose returns mean different things.
    """
    methods: dict[str, Results] = {}
    _require_one_environment(paths)
    for path in paths:
        results = load_results(path)
        for k, setting in enumerate(results.settings):
            folder = path_of(path).resolve().name
            name = f"{folder}: {setting}" if len(results.settings) > 1 else folder
            if name in methods:
                raise ValueError(f"{path}: expected folders of different names, got {name} twice")
            methods[name] = _alone(results, k)
    return methods


def _require_one_environment(paths: Sequence[str | os.PathLike[str]]) -> None:
    ids = [_id_of(read_config(path)) for path in paths]
    known = [one for one in ids if one is not None]
    for one in known:
        if one != known[0]:
            raise ValueError(f"expected experiments in one environment, got {known[0]} and {one}")


def _id_of(config: dict[str, Any]) -> str | None:
    """Id of the environment in which policies are evaluated; None: it was made by a function."""
    given = config.get("eval_env") or config.get("env")
    # The name of a function has its module's before it, and no version.
    if not isinstance(given, str) or ("." in given and not re.search(r"-v\d+$", given)):
        return None
    return given.rpartition(":")[2].removeprefix(f"{NAMESPACE}/")


def _alone(results: Results, k: int) -> Results:
    one = Results([results.settings[k]], results.seeds, results.points.tolist())
    rows = slice(k, k + 1)
    one.returns, one.steps = results.returns[rows], results.steps[rows]
    one.train_returns, one.seconds = results.train_returns[rows], results.seconds[rows]
    one.failures = {
        key: error for key, error in results.failures.items() if key[0] == results.settings[k]
    }
    return one
