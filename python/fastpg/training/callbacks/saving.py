"""Saving the algorithm during training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastpg import arrays
from fastpg.files import path_of
from fastpg.suggestions import names_checked
from fastpg.training.callbacks.base import Callback
from fastpg.training.metrics import MOST_COUNT, Metrics


class CheckpointCallback(Callback):
    """Saves a checkpoint every `save_freq` environment steps.

    The file of step 20,000 is "model_20000_steps.npz"; it is complete or not there.

    Args:
        save_freq: environment steps from one checkpoint to the next; it is written after the first
            iteration that reaches a multiple, counted from the start of `learn`.
        save_path: folder, made if needed.
        name_prefix: first part of the names of the files.

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range.
    """

    @names_checked
    def __init__(
        self,
        save_freq: int,
        save_path: str | os.PathLike[str],
        name_prefix: str = "model",
    ) -> None:
        self.save_freq = arrays.integer("save_freq", save_freq, 1, MOST_COUNT)
        self.save_path = path_of(save_path)
        self.name_prefix = name_prefix
        self._next = 0

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Make the folder.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.

        Raises:
            OSError: the folder cannot be made.
        """
        super().on_training_start(algo, total_timesteps)
        self.save_path.mkdir(parents=True, exist_ok=True)
        taken = 0 if algo.plan is None else algo.plan.taken  # before an interruption of this learn
        self._next = algo.num_timesteps + self.save_freq - taken % self.save_freq

    def on_iteration(self, record: Metrics) -> None:
        """Save if it is time.

        Args:
            record: the record of the iteration.

        Raises:
            OSError: the file cannot be written.
        """
        steps = self.algo.num_timesteps
        if steps < self._next:
            return
        self._next += self.save_freq * ((steps - self._next) // self.save_freq + 1)
        save_checkpoint(self.algo, self.save_path / f"{self.name_prefix}_{steps}_steps.npz")


def save_checkpoint(algo: Any, path: Path) -> None:
    """Save all that training needs to continue, if the algorithm can, else what `save` writes.

    Args:
        algo: the algorithm.
        path: path of the file.

    Raises:
        OSError: the file cannot be written.
    """
    getattr(algo, "save_checkpoint", algo.save)(path)
