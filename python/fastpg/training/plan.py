"""How far a `learn` has come: what the rest of it depends on, as data that a file can hold."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from fastpg import arrays
from fastpg.training.metrics import MOST_COUNT

MOST_TIMESTEPS = 2**53  # what a float64 counts exactly


class Plan(NamedTuple):
    """How far a `learn` has come; a tuple, since one is made in each iteration.

    Attributes:
        total: samples that it may take, its argument `total_timesteps`.
        taken: samples of the finished iterations.
        iterations: number of finished iterations.
        seconds: wall time of the finished iterations.
        over: whether it has ended by itself; False after Ctrl-C, an error or a callback's stop.
        before: `taken` where the lengths of iterations were planned; 0 at the start.
        done: `iterations` there.
    """

    total: int
    taken: int = 0
    iterations: int = 0
    seconds: float = 0.0
    over: bool = False
    before: int = 0
    done: int = 0

    @property
    def remaining(self) -> int:
        """Samples that may still be taken."""
        return self.total - self.taken

    @property
    def progress_remaining(self) -> float:
        """The fraction that remains, from 1 to 0, on which schedules depend."""
        return max(0.0, 1.0 - self.taken / self.total)

    def planned_anew(self) -> Self:
        """The same, whose rest is planned from here: for iterations of another length."""
        return self._replace(before=self.taken, done=self.iterations)

    def state(self) -> dict[str, Any]:
        """JSON values for `restore`, by the names of the attributes."""
        return self._asdict()

    @classmethod
    def restore(cls, state: Any) -> Self:
        """The plan with a `state`.

        Args:
            state: values by the names of the attributes.

        Returns:
            The plan.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, or has the wrong type or range.
        """
        total = arrays.integer("plan: total", state["total"], 1, MOST_TIMESTEPS)
        taken = arrays.integer("plan: taken", state["taken"], 0, total)
        iterations = arrays.integer("plan: iterations", state["iterations"], 0, MOST_COUNT)
        return cls(
            total=total,
            taken=taken,
            iterations=iterations,
            seconds=arrays.non_negative("plan: seconds", state["seconds"]),
            over=arrays.boolean("plan: over", state["over"]),
            before=arrays.integer("plan: before", state.get("before", 0), 0, taken),
            done=arrays.integer("plan: done", state.get("done", 0), 0, iterations),
        )


def require_a_step_of_each(total_timesteps: int, num_envs: int) -> None:
    """Raise ValueError if not every environment has a step.

    Args:
        total_timesteps: environment steps, of all environments together.
        num_envs: number of environments.
    """
    if total_timesteps < num_envs:
        raise ValueError(
            f"total_timesteps: expected at least {num_envs}, one step of each of the "
            f"environments, got {total_timesteps}"
        )
