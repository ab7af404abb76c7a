"""A bar over the trainings of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastpg.experiments.results import Results


@contextmanager
def progress(results: Results, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show finished trainings, failures, the rate and the time left on standard error.

    Args:
        results: the results, which grow.
        shown: False shows nothing.

    Yields:
        A function to be called after each outcome.
    """
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trainings  {task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    total = len(results.settings) * len(results.seeds)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("train", total=total, completed=results.finished, failed=0)
        yield lambda: bar.update(
            task, completed=results.finished + len(results.failures), failed=len(results.failures)
        )
