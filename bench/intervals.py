"""Bootstrap intervals beside those of rliable.

python bench/intervals.py [RESAMPLES]

Scores of 1,000 runs in 50 tasks; seconds of 10,000 resamples, measured with RESAMPLES of them
(1,000) in turns, medians of five. Needs rliable: pip install '.[bench]'.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from rliable import library, metrics

from fastpg.experiments.statistics import interval

RUNS, TASKS, ALL = 1000, 50, 10_000


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def theirs(scores: np.ndarray, statistic: str, resamples: int) -> float:
    """Seconds of rliable."""
    of = getattr(metrics, f"aggregate_{statistic}")
    return seconds(
        lambda: library.get_interval_estimates(
            {"scores": scores}, lambda x: np.array([of(x)]), reps=resamples
        )
    )


def row(scores: np.ndarray, statistic: str, resamples: int) -> str:
    """A line of the table."""
    times = []
    for _ in range(5):
        peer = theirs(scores, statistic, resamples)
        ours = [
            seconds(lambda n=threads: interval(scores, statistic, n_bootstraps=ALL, num_threads=n))
            for threads in (1, 2)
        ]
        times.append([peer * ALL / resamples, *ours])
    peer, one, two = np.median(times, axis=0)
    return (
        f"| {statistic} | {peer:.2f} s | {one:.2f} s | {peer / one:.0f} | {two:.2f} s "
        f"| {peer / two:.0f} |"
    )


def main(resamples: int) -> None:
    scores = np.random.default_rng(0).normal(size=(RUNS, TASKS))
    print("| statistic | rliable | one thread | ratio | two threads | ratio |\n|---|" + "---:|" * 5)
    for statistic in ("iqm", "mean", "median"):
        print(row(scores, statistic, resamples), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
