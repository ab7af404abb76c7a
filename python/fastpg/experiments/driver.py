"""Many trainings: every seed of every setting, on several processes."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.algorithms.train import Tuned
from fastpg.experiments.backends import ended_processes, outcomes_of
from fastpg.experiments.folder import ExperimentFolder, read_outcomes
from fastpg.experiments.identity import of_tuned, plain
from fastpg.experiments.preparing import require_arguments, shared_trial, trials_of
from fastpg.experiments.progress import progress
from fastpg.experiments.results import Results
from fastpg.experiments.settings import Setting, seeds_of, settings_of
from fastpg.experiments.trial import Outcome, Trial, run_seeds

_CHUNK_SECONDS = 0.25  # of work that a worker gets at a time: a transfer takes about a millisecond
_MOST_CHUNK = 256
_MOST_ATTEMPTS = 3  # of a seed whose process has ended

Key = tuple[int, int]  # setting and seed


def train_many(
    algorithm: str,
    env: Any,
    *,
    seeds: int | Iterable[int] = 10,
    total_timesteps: int | None = None,
    grid: Mapping[str, Iterable[Any]] | None = None,
    run: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    n_evaluations: int = 1,
    n_eval_episodes: int = 20,
    eval_env: Any = None,
    deterministic: bool = True,
    tuned: Tuned = True,
    progress_bar: bool = False,
    **arguments: Any,
) -> Results:
    """Train with many seeds and settings, and evaluate every policy.

    A training has the bits of `train` with its seed and arguments, in any order, on any number of
    processes. A seed that fails is reported with its error, and ends nothing else.

    With `run`, each outcome is in the folder as soon as it is there. The same call again goes on
    where an earlier one has stopped, also after a kill, and trains seeds that failed anew.

    Args:
        algorithm: its name, as in `train`.
        env: an id, a `UserEnvironment`, or a callable that makes an environment; each training
            makes its own.
        seeds: a number n for the seeds 0 … n - 1, or the seeds.
        total_timesteps: environment steps of each training, as in `train`.
        grid: several values for some arguments of `train`, by name: every combination is a setting.
        run: folder that keeps the experiment, made if needed; None keeps nothing.
        n_jobs: processes; 1 trains in this one. None: one for each core, or joblib's
            `parallel_config`, which may name another backend.
        n_evaluations: evaluations of a training, at equal distances, each of the policy in use at
            that step; the last one is of the final policy.
        n_eval_episodes: episodes of an evaluation; all of them play the same ones.
        eval_env: an id or a callable for evaluations; None: the training environment made anew, as
            `EvalCallback` does.
        deterministic: evaluate the most probable actions instead of sampled ones.
        tuned: as in `train`.
        progress_bar: show finished trainings, their rate and the time left.
        **arguments: further arguments of `train` that all settings share: policy, policy_kwargs,
            value_kwargs, env_kwargs, and options of the algorithm.

    Returns:
        The results of these seeds.

    Raises:
        TypeError, ValueError: a wrong argument of `train_many` or `train`; nothing was trained.
        ImportError: several processes without joblib: pip install '.[many]'.
        OSError: the folder cannot be used; BlockingIOError: another experiment uses it.
        TimeoutError: a cluster without workers.
    """
    all_seeds, settings = seeds_of(seeds), settings_of(grid)
    jobs = None if n_jobs is None else arrays.integer("n_jobs", n_jobs, 1, 4096)
    trial = shared_trial(
        algorithm, env, eval_env, tuned, total_timesteps, n_evaluations, n_eval_episodes,
        deterministic, {"num_threads": 1} | arguments,
    )  # fmt: skip
    trials = trials_of(trial, settings, tuned)
    for setting, each in zip(settings, trials, strict=True):
        require_arguments(setting, each, all_seeds[0])
    results = Results([s.name for s in settings], all_seeds, trials[0].points)
    with ExitStack() as stack:
        folder = None
        if run is not None:
            folder = ExperimentFolder(run, _config(trials, settings, all_seeds, arguments))
            stack.callback(folder.close)
            for outcome in read_outcomes(folder.path):
                results.add(outcome)
        report = stack.enter_context(progress(results, shown=progress_bar))
        for outcome in _outcomes(trials, _missing(results), jobs):
            if folder is not None:
                folder.add(outcome)
            results.add(outcome)
            report()
    return results


def _config(
    trials: Sequence[Trial],
    settings: Sequence[Setting],
    seeds: Sequence[int],
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """What was asked for, as JSON values."""
    trial = trials[0]
    return {
        "algorithm": trial.algorithm,
        "env": plain(trial.env),
        "eval_env": plain(trial.eval_env),
        "tuned": of_tuned(trial.tuned),
        "arguments": plain(dict(arguments)),
        "settings": [
            {"name": s.name, "arguments": plain(s.arguments), **_own_tuned(s, each)}
            for s, each in zip(settings, trials, strict=True)
        ],
        "seeds": list(seeds),
        "total_timesteps": trial.total_timesteps,
        "points": list(trial.points),
        "n_eval_episodes": trial.n_eval_episodes,
        "deterministic": trial.deterministic,
    }


def _own_tuned(setting: Setting, trial: Trial) -> dict[str, Any]:
    """The tuned settings of a setting that names a policy."""
    return {"tuned": of_tuned(trial.tuned)} if "policy" in setting.arguments else {}


def _missing(results: Results) -> list[Key]:
    """Trainings that are not finished, seed by seed."""
    done = np.isfinite(results.seconds)
    return [
        (i, seed)
        for k, seed in enumerate(results.seeds)
        for i in range(len(results.settings))
        if not done[i, k]
    ]


def _outcomes(trials: Sequence[Trial], keys: list[Key], jobs: int | None) -> Iterator[Outcome]:
    """The outcomes of trainings, in the order of their ends."""
    if jobs == 1 or not keys:
        for i, seed in keys:
            yield from run_seeds(trials[i], [seed])
        return
    work = _Work(trials, keys)
    while work.left:
        yield from work.in_processes(jobs)


class _Work:
    """Trainings that are left, and what is known of their processes.

    Attributes:
        left: trainings without an outcome.
    """

    def __init__(self, trials: Sequence[Trial], keys: list[Key]) -> None:
        self.trials = trials
        self.left = dict.fromkeys(keys)
        self._attempts: Counter[Key] = Counter()
        self._out: set[Key] = set()  # with a worker
        self._seconds: deque[float] = deque(maxlen=32)  # of the last trainings

    def in_processes(self, jobs: int | None) -> Iterator[Outcome]:
        """Outcomes until all are there or a process has ended."""
        suspects = [key for key in self.left if self._attempts[key]]
        # Who was in a process that ended works alone, so that nobody else is suspected.
        rounds: list[Iterable[tuple[int, list[int]]]] = [[(i, [seed])] for i, seed in suspects]
        try:
            for chunks in rounds or [self._chunks()]:
                self._out.clear()
                calls = ((self.trials[i], self._sent(i, seeds)) for i, seeds in chunks)
                for outcomes in outcomes_of(calls, jobs):
                    yield from self._received(outcomes)
        except Exception as error:
            ends = ended_processes(error)
            if not ends:
                raise
            yield from self._after(ends)

    def _sent(self, i: int, seeds: list[int]) -> list[int]:
        self._out.update((i, seed) for seed in seeds)
        return seeds

    def _received(self, outcomes: list[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            key = (outcome["setting"], outcome["seed"])
            self.left.pop(key, None)
            self._out.discard(key)
            self._seconds.append(outcome.get("seconds", 0.0))
            yield outcome

    def _after(self, ends: int) -> Iterator[Outcome]:
        """Processes have ended, by a kill or for want of memory."""
        # Only who was alone has ended them all.
        self._attempts.update(dict.fromkeys(self._out, ends if len(self._out) == 1 else 1))
        for key in [key for key in self.left if self._attempts[key] >= _MOST_ATTEMPTS]:
            del self.left[key]
            error = f"its process has ended {self._attempts[key]} times: killed, or out of memory"
            yield {"setting": key[0], "seed": key[1], "error": f"RuntimeError: {error}"}

    def _chunks(self) -> Iterator[tuple[int, list[int]]]:
        """Seeds of a setting for a worker: as many as take a quarter of a second."""
        waiting: dict[int, deque[int]] = {}
        for i, seed in self.left:
            waiting.setdefault(i, deque()).append(seed)
        while waiting:
            for i in list(waiting):
                count = min(self._size(), len(waiting[i]))
                yield i, [waiting[i].popleft() for _ in range(count)]
                if not waiting[i]:
                    del waiting[i]

    def _size(self) -> int:
        if not self._seconds:
            return 1
        mean = max(sum(self._seconds) / len(self._seconds), 1e-6)
        return max(1, min(_MOST_CHUNK, int(_CHUNK_SECONDS / mean)))
