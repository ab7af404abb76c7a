"""The table of an experiment: returns by setting, seed and point of evaluation."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fastpg.arrays import Floats, Integers
from fastpg.experiments.folder import read_config, read_outcomes
from fastpg.experiments.trial import Outcome
from fastpg.files import path_of, replace_file

_COLUMNS = ("setting", "seed", "point", "step", "return", "train_return", "seconds")


class Results:
    """Outcomes of an experiment: S settings, N seeds, P points of evaluation.

    Numbers of seeds that have failed, or are not finished, are NaN.

    Args:
        settings: names of the settings.
        seeds: the seeds.
        points: steps at which policies are evaluated, the last the end of training.

    Attributes:
        settings: names of the settings, (S,).
        seeds: the seeds, (N,).
        points: steps at which policies are evaluated, (P,).
        returns: mean returns of the policies in use at the points, (S, N, P).
        steps: steps that the evaluated policies had learned from, (S, N, P): up to the last
            iteration that ended at the point or before it; at the last point the whole training.
        train_returns: mean return of the last episodes of the training, (S, N).
        seconds: elapsed time of each training and its evaluations, (S, N).
        failures: errors by (setting, seed).
    """

    def __init__(
        self, settings: Sequence[str], seeds: Sequence[int], points: Sequence[int]
    ) -> None:
        self.settings = list(settings)
        self.seeds = list(seeds)
        self.points: Integers = np.array(points, dtype=np.int64)
        shape = len(self.settings), len(self.seeds)
        self.returns: Floats = np.full((*shape, len(self.points)), np.nan)
        self.steps: Floats = np.full_like(self.returns, np.nan)
        self.train_returns: Floats = np.full(shape, np.nan)
        self.seconds: Floats = np.full(shape, np.nan)
        self.failures: dict[tuple[str, int], str] = {}
        self._column = {seed: k for k, seed in enumerate(self.seeds)}

    def add(self, outcome: Outcome) -> bool:
        """Put in an outcome.

        Args:
            outcome: of a trial.

        Returns:
            False if its setting or seed is none of these.
        """
        i, k = outcome["setting"], self._column.get(outcome["seed"])
        if k is None or not 0 <= i < len(self.settings):
            return False
        key = (self.settings[i], outcome["seed"])
        if outcome["error"] is not None:
            self.failures[key] = outcome["error"]
            return True
        self.failures.pop(key, None)
        self.returns[i, k], self.steps[i, k] = outcome["returns"], outcome["steps"]
        mean = outcome["train_return"]
        self.train_returns[i, k] = np.nan if mean is None else mean
        self.seconds[i, k] = outcome["seconds"]
        return True

    @property
    def final(self) -> Floats:
        """Returns of the final policies, (S, N)."""
        return np.asarray(self.returns[:, :, -1])

    @property
    def finished(self) -> int:
        """Number of trainings that ended without an error."""
        return int(np.isfinite(self.seconds).sum())

    def of(self, setting: str | int) -> Floats:
        """Returns of a setting, (n, P), of the seeds that are finished.

        Args:
            setting: its name or its index.

        Raises:
            ValueError: an unknown setting.
        """
        if isinstance(setting, str) and setting not in self.settings:
            raise ValueError(f"setting: expected one of {self.settings}, got {setting!r}")
        index = self.settings.index(setting) if isinstance(setting, str) else setting
        return np.asarray(self.returns[index][np.isfinite(self.seconds[index])])

    def rows(self) -> Iterator[dict[str, Any]]:
        """The table, a row for each evaluation of a finished training."""
        for i, name in enumerate(self.settings):
            for k in np.flatnonzero(np.isfinite(self.seconds[i])):
                for p in range(len(self.points)):
                    values = (
                        name, self.seeds[k], int(self.points[p]), int(self.steps[i, k, p]),
                        float(self.returns[i, k, p]), float(self.train_returns[i, k]),
                        float(self.seconds[i, k]),
                    )  # fmt: skip
                    yield dict(zip(_COLUMNS, values, strict=True))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table as CSV, with a row for each evaluation.

        Args:
            path: the file; an existing one is replaced.

        Raises:
            OSError: it cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        replace_file(path_of(path), text.getvalue().encode())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the arrays as .npz, by the names of the attributes.

        Args:
            path: the file; an existing one is replaced.

        Raises:
            OSError: it cannot be written.
        """
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            settings=np.array(self.settings),
            seeds=np.array(self.seeds, dtype=np.uint64),
            points=self.points,
            returns=self.returns,
            steps=self.steps,
            train_returns=self.train_returns,
            seconds=self.seconds,
        )
        replace_file(path_of(path), buffer.getvalue())

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`; ImportError without pandas."""
        import pandas  # not needed otherwise

        return pandas.DataFrame(list(self.rows()), columns=list(_COLUMNS))

    def to_rliable(self) -> dict[str, Floats]:
        """Final returns as rliable takes them: name of the setting to scores (runs, 1 task)."""
        return {name: self.of(name)[:, -1:] for name in self.settings}

    def __repr__(self) -> str:
        return (
            f"Results({len(self.settings)} settings, {len(self.seeds)} seeds, "
            f"{len(self.points)} points; {self.finished} finished, {len(self.failures)} failed)"
        )


def load_results(path: str | os.PathLike[str]) -> Results:
    """The results in the folder of an experiment.

    Args:
        path: argument `run` of `train_many`.

    Returns:
        What is finished so far.

    Raises:
        FileNotFoundError: the folder holds no experiment.
        ValueError: a damaged file.
    """
    config = read_config(path)
    try:
        results = Results(
            [setting["name"] for setting in config["settings"]], config["seeds"], config["points"]
        )
        for outcome in read_outcomes(path):
            results.add(outcome)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected an experiment, got a damaged one ({error!r})"
        ) from error
    return results
