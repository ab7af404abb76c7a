"""A bar over the trials of a tuning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastpg.tuning.result import TrialRecord


@contextmanager
def progress(
    records: Callable[[], list[TrialRecord]], wanted: int, *, shown: bool
) -> Iterator[Callable[[], None]]:
    """Show finished trials, and the best score with its interval, on standard error.

    Args:
        records: gives the trials so far.
        wanted: number of trials.
        shown: False shows nothing.

    Yields:
        A function to be called after each trial.
    """
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    text = TextColumn("trials  {task.fields[text]}")
    columns = (BarColumn(), MofNCompleteColumn(), text, Elapsed(), TextColumn("left"), Remaining())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("tune", total=wanted, text="")

        def update() -> None:
            ended = [each for each in records() if each.state != "interrupted"]
            bar.update(task, completed=len(ended), text=_text(ended))

        update()
        yield update


def _text(ended: list[TrialRecord]) -> str:
    counts = Counter(each.state for each in ended)
    complete = [each.score for each in ended if each.state == "complete" and each.score]
    best = max(complete, key=lambda score: score.value, default=None)
    shown = "" if best is None else f"  best {best}"
    return f"{counts['pruned']} pruned, {counts['failed']} failed{shown}"
