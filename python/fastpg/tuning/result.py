"""What a tuning has found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fastpg.arrays import Floats
from fastpg.experiments.results import Results
from fastpg.experiments.statistics import Interval
from fastpg.tuning.scores import Objective


@dataclass(frozen=True)
class TrialRecord:
    """A trial of a tuning."""

    number: int  # in the study
    state: str  # "complete", "pruned", "failed" or "interrupted"
    score: Interval | None  # at its last evaluation, with a 95 % interval over the seeds
    settings: dict[str, Any]  # values of the options that are searched and have an effect
    error: str | None  # of a trial that failed

    @property
    def value(self) -> float:
        """The score without its interval; minus infinity without a score."""
        return -math.inf if self.score is None else self.score.value


def records_of(study: Any) -> list[TrialRecord]:
    """The trials of a study that have ended.

    Args:
        study: of Optuna, of `tune`.
    """
    return [_record(each) for each in study.get_trials(deepcopy=False) if each.state.is_finished()]


def _record(trial: Any) -> TrialRecord:
    attributes = trial.user_attrs
    error, score = attributes.get("error"), attributes.get("score")
    state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]
    if state == "failed" and error is None:
        state = "interrupted"
    return TrialRecord(
        number=trial.number,
        state=state,
        score=None if score is None else Interval(*score),
        settings=dict(attributes.get("settings", {})),
        error=error,
    )


@dataclass(frozen=True)
class Tuning:
    """What `tune` has found."""

    best: TrialRecord  # its score is too high, as that of any maximum: see `judged`
    row: str  # the settings as a table of tuned settings, in TOML
    config: str  # the same for `fastpg train --config`: the content of best.toml
    judged: dict[str, Results]  # of training with fresh seeds: "best", "tuned" if any, "defaults"
    trials: list[TrialRecord]  # in the order of their starts
    objective: Objective  # what was maximised
    study: Any  # Optuna's study, with everything else

    def scores(self) -> dict[str, Floats]:
        """Scores of the trainings with fresh seeds, by name, in units of the return.

        Returns:
            Arrays (n,) of the n seeds that did not fail.
        """
        returns = {name: results.of(0) for name, results in self.judged.items()}
        return {name: self.objective.scores(each) for name, each in returns.items()}

    def intervals(self) -> dict[str, Interval]:
        """Scores with the fresh seeds, with 95 % intervals, by name; of those with any score."""
        scores = self.scores()
        return {n: self.objective.over_seeds(each) for n, each in scores.items() if len(each)}

    def __repr__(self) -> str:
        return f"Tuning({self.best.settings}, {len(self.trials)} trials)"
