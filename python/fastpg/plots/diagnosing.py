"""Panels that show what happened inside a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.plots.panels import PANELS
from fastpg.plots.reading import read_run
from fastpg.plots.runs import AXES, Run, checked_smooth
from fastpg.plots.style import INK, LARGE, dress, new_figure, separate_thousands, whole_numbers
from fastpg.suggestions import one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 2
_WIDTH, _HEIGHT = 5.6, 2.5  # inches of a panel


def diagnostics(run: Any, *, x: str = "steps", smooth: int = 1) -> Figure:
    """Draw what happened inside a run: a panel for each aspect that its records have.

    The aspects: returns, the KL against its bound, what limited each step, the signal share, the
    residual of the linear solve, the explained variance, the entropy (of a Gaussian also sigma and
    the clipped actions), the clipped ratios of PPO, and the times of an iteration.

    Args:
        run: as `read_run` takes it.
        x: "steps" (of the environment), "seconds" (of training) or "iterations".
        smooth: number of iterations in a moving mean, whose values themselves are drawn paler.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is missing.
        OSError: the run cannot be read.
        ValueError: a file that is no run, or a run whose records have none of this.
        TypeError: an argument of the wrong type.
    """
    one_of("x", x, AXES)
    number = checked_smooth(smooth)
    read = read_run(run)
    panels = [panel for panel in PANELS if any(map(read.has, panel.keys))]
    if not panels:
        raise ValueError(f"{read.name}: expected records of training, found none of its quantities")
    rows = -(-len(panels) // _COLUMNS)
    figure = new_figure(_COLUMNS * _WIDTH, rows * _HEIGHT + 0.5)
    all_axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, panel in zip(all_axes, panels, strict=False):
        dress(axes, panel.title, AXES[x], panel.y_label)
        panel.draw(axes, read, x, number)
        (separate_thousands if x == "seconds" else whole_numbers)(axes.xaxis)
        axes.set_xlim(*_span(read, x))
    for axes in all_axes[len(panels) :]:
        axes.remove()
    figure.suptitle(_title(read, number), fontsize=LARGE + 1.5, color=INK)
    return figure


def _span(run: Run, x: str) -> tuple[float, float]:
    """Limits of the horizontal axis, the same in all panels."""
    at = run.times(x)
    first, last = float(np.nanmin(at)), float(np.nanmax(at))
    room = 0.02 * (last - first) or 0.5
    return first - room, last + room


def _title(run: Run, smooth: int) -> str:
    """Algorithm, environment and seed, as far as they are known; else the file."""
    config = run.config
    name = str(config["algorithm"]).upper() if "algorithm" in config else run.name
    text = name if run.env_id is None else f"{name} on {run.env_id}"
    if config.get("seed") is not None:
        text += f", seed {config['seed']}"
    return text if smooth == 1 else f"{text} (lines: means of {smooth:,} iterations)"
