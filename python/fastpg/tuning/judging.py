"""The choice among the best trials, and the judgement of the best one, with other seeds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from fastpg import arrays
from fastpg.algorithms.train import Tuned
from fastpg.experiments.driver import train_many
from fastpg.experiments.results import Results
from fastpg.experiments.settings import seeds_of
from fastpg.experiments.trial import Trial
from fastpg.tuning.result import TrialRecord
from fastpg.tuning.scores import Objective

# Environments of neighbouring seeds share episodes: seeds of another use begin far away.
FIRST_CHOOSING_SEED = 500_000
FIRST_FRESH_SEED = 1_000_000
_MOST_FINALISTS = 10_000


@dataclass(frozen=True)
class Judges:
    """The seeds that choose and judge.

    Attributes:
        choosing: seeds that choose among the finalists.
        fresh: seeds that judge, used by nothing else.
        n_finalists: number of trials to choose from, the first one left out.
    """

    choosing: list[int]
    fresh: list[int]
    n_finalists: int

    @classmethod
    def of(cls, own: Sequence[int], fresh_seeds: int | Iterable[int], n_finalists: int) -> Self:
        """The seeds of the arguments of `tune`.

        Args:
            own: seeds of the trials.
            fresh_seeds: a number, or the seeds.
            n_finalists: number of trials to choose from.

        Raises:
            TypeError, ValueError: wrong seeds, or fresh ones that something else uses.
        """
        count = arrays.integer("n_finalists", n_finalists, 1, _MOST_FINALISTS)
        fresh = seeds_of(fresh_seeds, "fresh_seeds")
        if not isinstance(fresh_seeds, Iterable):
            fresh = [FIRST_FRESH_SEED + each for each in fresh]
        others = (seed for seed in itertools.count(FIRST_CHOOSING_SEED) if seed not in set(own))
        choosing = list(itertools.islice(others, len(fresh))) if count > 1 else []
        if both := sorted({*own, *choosing} & set(fresh)):
            raise ValueError(f"fresh_seeds: expected seeds that no trial uses, got {both[0]}")
        return cls(choosing, fresh, count)


@dataclass(frozen=True)
class Final:
    """Trains finalists, and the best one beside what there was before.

    Attributes:
        base: what all trials share.
        judges: the seeds.
        objective: what trials maximise.
        jobs: processes.
        tuned: argument `tuned` of `train`.
    """

    base: Trial
    judges: Judges
    objective: Objective
    jobs: int
    tuned: Tuned

    def best(self, records: Sequence[TrialRecord]) -> TrialRecord:
        """The best of the complete trials.

        Args:
            records: all trials.

        Raises:
            RuntimeError: no trial is complete.
        """
        complete = [each for each in records if each.state == "complete"]
        if not complete:
            errors = [each.error for each in records if each.error is not None]
            first = errors[0] if errors else "none; all were pruned"
            raise RuntimeError(f"tune: no trial was completed; the first error: {first}")
        ranked = sorted(complete, key=lambda each: each.value, reverse=True)
        if not self.judges.choosing:
            return ranked[0]
        finalists: list[TrialRecord] = []
        for each in ranked:
            wanted = len(finalists) < self.judges.n_finalists or each is complete[0]
            if wanted and each.settings not in [better.settings for better in finalists]:
                finalists.append(each)
        scores = [self._score(each.settings) for each in finalists]
        return finalists[int(np.argmax(scores))]

    def _score(self, settings: dict[str, Any]) -> float:
        """The score with the seeds that choose; minus infinity if one of them fails."""
        trial = self.base.of(0, settings)
        results = self._results(trial, self.judges.choosing, self.tuned)
        return -np.inf if results.failures else self.objective.value(results.of(0))

    def judged(self, settings: dict[str, Any]) -> dict[str, Results]:
        """Results with fresh seeds: of the settings, of the tuned ones if any, of the defaults.

        Args:
            settings: of the best trial.
        """
        base, fresh = self.base, self.judges.fresh
        found = {"best": self._results(base.of(0, settings), fresh, self.tuned)}
        if base.tuned is not None:
            found["tuned"] = self._results(base, fresh, self.tuned)
        found["defaults"] = self._results(replace(base, tuned=None), fresh, False)
        return found

    def _results(self, trial: Trial, seeds: list[int], tuned: Tuned) -> Results:
        return train_many(
            trial.algorithm,
            trial.env,
            seeds=seeds,
            total_timesteps=trial.total_timesteps,
            n_jobs=self.jobs,
            n_evaluations=len(trial.points),
            n_eval_episodes=trial.n_eval_episodes,
            eval_env=trial.eval_env,
            deterministic=trial.deterministic,
            tuned=tuned,
            **trial.arguments,
        )
