"""Methods beside one another: curves of the interquartile mean, and performance profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.arrays import Floats
from fastpg.experiments.results import Results
from fastpg.experiments.statistics import Intervals, curve_intervals, profile_intervals
from fastpg.plots.style import dress, key_below, line_styles, new_figure, separate_thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 10.0, 4.2  # inches
_THRESHOLDS = 200  # of a profile


def comparison(methods: Mapping[str, Results], *, confidence: float = 0.95) -> Figure:
    """Compare methods over their seeds.

    Left, the interquartile mean of the returns at each evaluation, with its bootstrap interval;
    right, the fraction of runs whose final return is above a threshold, with its interval (Agarwal
    et al. 2021).

    Args:
        methods: results by name, each of a single setting, as `methods_of` gives them.
        confidence: of the intervals, in (0, 1).

    Returns:
        A matplotlib figure with two panels.

    Raises:
        ValueError: no method, or one without a finished training.
        ImportError: matplotlib is missing.
    """
    if not methods:
        raise ValueError("methods: expected at least one, got none")
    for name, results in methods.items():
        if not len(results.of(0)):
            raise ValueError(f"methods: {name} has no finished training")
    figure = new_figure(_WIDTH, _HEIGHT)
    left, right = figure.subplots(1, 2)
    span = _span(list(methods.values()))
    for (name, results), style in zip(methods.items(), line_styles(), strict=False):
        _curve(left, name, results, confidence, style)
        profile = profile_intervals(results.of(0)[:, -1], span, confidence=confidence)
        right.plot(span, profile.value, linewidth=1.6, **style)
        _band(right, span, profile, style)
    level = f"{100.0 * confidence:g} %"
    dress(left, f"Return, with {level} intervals", "environment steps", "interquartile mean")
    dress(right, f"Final returns, with {level} intervals", "return", "fraction of runs above it")
    right.set_ylim(-0.03, 1.03)
    separate_thousands(left.xaxis)
    separate_thousands(right.xaxis)
    key_below(figure)
    return figure


def _curve(
    axes: Axes, name: str, results: Results, confidence: float, style: dict[str, Any]
) -> None:
    found = curve_intervals(results.of(0), confidence=confidence)
    dot: dict[str, Any] = {"marker": "o", "markersize": 4.0} if len(found.value) == 1 else {}
    axes.plot(results.points, found.value, label=name, linewidth=1.6, **style, **dot)
    if len(found.value) == 1:
        axes.vlines(results.points, found.low, found.high, color=style["color"], linewidth=1.2)
    else:
        _band(axes, results.points, found, style)


def _band(axes: Axes, at: Any, found: Intervals, style: dict[str, Any]) -> None:
    axes.fill_between(at, found.low, found.high, color=style["color"], alpha=0.18, linewidth=0)


def _span(methods: list[Results]) -> Floats:
    finals = np.concatenate([results.of(0)[:, -1] for results in methods])
    low, high = float(finals.min()), float(finals.max())
    margin = 0.03 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, _THRESHOLDS)
