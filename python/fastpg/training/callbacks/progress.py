"""The progress bar of a training, for Python and the command line."""

from __future__ import annotations

from typing import Any

from fastpg.training.callbacks.base import Callback
from fastpg.training.metrics import Metrics
from fastpg.training.terminal import Lines, live_console, mean_return

_PARTS = 10  # lines of a whole training, where there is no terminal


class ProgressBarCallback(Callback):
    """Shows a progress bar on standard error; without a terminal, or rich, about ten lines.

    A closed terminal does not disturb the training.
    """

    _progress: Any = None

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Show the bar.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.
        """
        super().on_training_start(algo, total_timesteps)
        self._first, self._total = algo.num_timesteps, total_timesteps
        self._next_part = 1
        self._lines = Lines("stderr")
        console = live_console("stderr")
        if console is None:
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        text = TextColumn("steps  return {task.fields[mean]}  {task.fields[fps]} steps/s")
        self._progress = Progress(
            BarColumn(), MofNCompleteColumn(), text, TimeElapsedColumn(), console=console
        )
        self._task = self._progress.add_task("train", total=total_timesteps, mean="-", fps="-")
        self._progress.start()

    def on_iteration(self, record: Metrics) -> None:
        """Move the bar.

        Args:
            record: the record of the iteration.
        """
        done = int(record["time/total_timesteps"]) - self._first
        mean, fps = mean_return(record), f"{record['time/fps']:,.0f}"
        if self._progress is not None:
            self._progress.update(self._task, completed=done, mean=mean, fps=fps)
        elif done * _PARTS >= self._next_part * self._total:
            self._next_part = done * _PARTS // self._total + 1
            self._lines.write(f"{done:,} of {self._total:,} steps  return {mean}  {fps} steps/s")

    def on_training_end(self) -> None:
        """Leave the bar as it is."""
        progress, self._progress = self._progress, None
        if progress is not None:
            progress.stop()
