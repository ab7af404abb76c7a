"""Methods to compare: the settings of one or several experiments, each with a name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fastpg.experiments.results import Results, load_results


def methods_of(paths: Sequence[str | os.PathLike[str]]) -> dict[str, Results]:
    """Every setting of some experiments.

    Args:
        paths: folders of experiments, argument `run` of `train_many`.

    Returns:
        Results of a single setting each, by a name: the folder's, with the setting's if the
            experiment has several.

    Raises:
        FileNotFoundError: a folder that holds no experiment.
        ValueError: a damaged file, or two methods of the same name.
    """
    methods: dict[str, Results] = {}
    for path in paths:
        results = load_results(path)
        for k, setting in enumerate(results.settings):
            folder = Path(path).resolve().name
            name = f"{folder}: {setting}" if len(results.settings) > 1 else folder
            if name in methods:
                raise ValueError(f"{path}: expected folders of different names, got {name} twice")
            methods[name] = _alone(results, k)
    return methods


def _alone(results: Results, k: int) -> Results:
    one = Results([results.settings[k]], results.seeds, results.points.tolist())
    rows = slice(k, k + 1)
    one.returns, one.steps = results.returns[rows], results.steps[rows]
    one.train_returns, one.seconds = results.train_returns[rows], results.seconds[rows]
    one.failures = {
        key: error for key, error in results.failures.items() if key[0] == results.settings[k]
    }
    return one
