"""Records on the terminal."""

from __future__ import annotations

import math
import time
from typing import Any

from fastpg import arrays
from fastpg.suggestions import names_checked
from fastpg.training.logged_values import is_own
from fastpg.training.loggers.base import Logger
from fastpg.training.metrics import MOST_COUNT, Metrics
from fastpg.training.terminal import Lines, live_console, mean_return

_REFRESH = 0.25  # seconds between two pictures of the table: one takes milliseconds


class ConsoleLogger(Logger):
    """A table of the latest values on a terminal; elsewhere, or without rich, one line each time.

    A line has the values of `algo.log` beside the most important of fastpg.

    A closed terminal does not disturb the training.

    Args:
        log_interval: iterations from one line to the next; the table shows each record.
    """

    _live: Any = None

    @names_checked
    def __init__(self, log_interval: int = 1) -> None:
        self.log_interval = arrays.integer("log_interval", log_interval, 1, MOST_COUNT)

    def start(self, config: dict[str, Any]) -> None:
        """Show an empty table, or the first line.

        Args:
            config: what the training was started with.
        """
        self._lines = Lines("stdout")
        self._count, self._drawn = 0, -math.inf
        self._values: Metrics = {}
        title = f"{config['algorithm']} on {config['env_id'] or 'its environment'}"
        console = live_console("stdout")
        if console is None:
            self._lines.write(f"{title}, {config['total_timesteps']:,} steps")
            return
        from rich.live import Live

        self._title = title
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def write(self, record: Metrics) -> None:
        """Show a record.

        Args:
            record: the record.
        """
        self._count += 1
        if self._live is None:
            if self._count % self.log_interval == 0:
                self._lines.write(_line(record))
            return
        self._values.update(record)
        if time.monotonic() - self._drawn >= _REFRESH:
            self._draw()

    def write_evaluation(self, record: Metrics) -> None:
        """Show the record of an evaluation.

        Args:
            record: the record.
        """
        if self._live is None:
            mean, std = record["eval/mean_reward"], record["eval/std_reward"]
            steps = record["time/total_timesteps"]
            self._lines.write(f"evaluation at {steps:,}: {mean:.1f} +/- {std:.1f}")
            return
        self._values.update(record)

    def close(self) -> None:
        """Show the last values."""
        live = self._live
        if live is not None:
            self._draw()
            self._live = None
            live.stop()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._live.update(_table(self._title, self._values), refresh=True)


def _line(record: Metrics) -> str:
    parts = [
        f"iteration {record['time/iterations']:,}",
        f"steps {record['time/total_timesteps']:,}",
        f"return {mean_return(record)}",
    ]
    if "train/kl" in record:
        parts.append(f"kl {_text(record['train/kl'])}")
    if record.get("train/status", "accepted") != "accepted":
        parts.append(f"{record['train/status']}")
    parts += [f"{key} {_text(value)}" for key, value in record.items() if not is_own(key)]
    return "  ".join([*parts, f"{record['time/fps']:,.0f} steps/s"])


def _table(title: str, values: Metrics) -> Any:
    from rich.table import Table

    table = Table(title=title, show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name in sorted(values):
        table.add_row(name, _text(values[name]))
    return table


def _text(value: float | int | str | bool) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
