"""How far a call of `learn` has come: data, so that a checkpoint can hold it."""

from __future__ import annotations

from typing import Any, Self

from fastpg import arrays

MOST_TIMESTEPS = 2**53  # what a float64 counts exactly


class Plan:
    """The samples that a call of `learn` may take and has taken.

    Attributes:
        total: number of samples that may be taken.
        taken: number taken so far.
        iterations: number of iterations begun so far.
    """

    def __init__(self, total: int, taken: int = 0, iterations: int = 0) -> None:
        self.total = total
        self.taken = taken
        self.iterations = iterations

    @property
    def remaining(self) -> int:
        """Number of samples that may still be taken."""
        return self.total - self.taken

    @property
    def progress_remaining(self) -> float:
        """The fraction that remains, from 1 to 0, for schedules."""
        return max(0.0, 1.0 - self.taken / self.total)

    def count(self, samples: int) -> None:
        """Begin an iteration.

        Args:
            samples: number of samples that were collected for it.
        """
        self.taken += samples
        self.iterations += 1

    def state(self) -> dict[str, int]:
        """JSON values for `restore`."""
        return dict(vars(self))

    @classmethod
    def restore(cls, state: Any) -> Self:
        """The plan of a `state`.

        Args:
            state: "total", at least 1, "taken", at most that, and "iterations".

        Raises:
            KeyError, TypeError, ValueError: an entry is missing, or of another kind or range.
        """
        total = arrays.integer("total", state["total"], 1, MOST_TIMESTEPS)
        taken = arrays.integer("taken", state["taken"], 0, total)
        return cls(total, taken, arrays.integer("iterations", state["iterations"], 0, taken))
