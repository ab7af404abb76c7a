"""The panels of `diagnostics`: each draws one aspect of a run, if its records have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.arrays import Floats
from fastpg.plots.ordering import Record
from fastpg.plots.runs import RETURN, Run, moving_mean
from fastpg.plots.style import COLOURS, INK, PALE_INK, key_above, separate_thousands
from fastpg.plots.words import LIMITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILION, _, _, ORANGE, SKY, _ = COLOURS
_BOUND: dict[str, Any] = {"color": INK, "linestyle": "--", "linewidth": 1.1}
_EXPLAINED = "train/explained_variance"
_MANY = 20.0  # a largest value this many times the median wants a logarithmic axis
_LEAST_VARIANCE = -1.0  # explained variance below this would flatten the rest
_TIMES = {"collecting": "time/collect", "estimates": "time/estimate", "update": "time/update"}


@dataclass(frozen=True)
class Panel:
    """A panel: its words, the keys of which it needs one, and how it is drawn."""

    title: str
    y_label: str
    keys: tuple[str, ...]
    draw: Callable[[Axes, Run, str, int], None]


def _line(
    axes: Axes, run: Run, key: str, x: str, smooth: int, *, sign: float = 1.0, **style: Any
) -> Floats:
    """A key as a line; with smoothing the values themselves are paler. Returns the values."""
    at, values = run.column(key, x)
    values = values * sign  # not in place, and no -0
    marker = {"marker": "o", "markersize": 3.5} if len(at) == 1 else {}
    look: dict[str, Any] = {"color": BLUE, "linewidth": 1.4} | marker | style
    if smooth > 1:
        axes.plot(at, values, **{**look, "alpha": 0.3, "linewidth": 0.8, "label": None})
    axes.plot(at, moving_mean(values, smooth), **look)
    return values


def _beside(axes: Axes, run: Run, key: str, x: str, smooth: int, **style: Any) -> None:
    """A key that another line is compared with: of both the same moving mean, and no values."""
    at, values = run.column(key, x)
    axes.plot(at, moving_mean(values, smooth), **style)


def _alone(key: str, sign: float = 1.0) -> Callable[[Axes, Run, str, int], None]:
    """A panel with one line."""

    def draw(axes: Axes, run: Run, x: str, smooth: int) -> None:
        _line(axes, run, key, x, smooth, sign=sign)
        separate_thousands(axes.yaxis)

    return draw


def _share(key: str) -> Callable[[Axes, Run, str, int], None]:
    """A panel with a fraction."""

    def draw(axes: Axes, run: Run, x: str, smooth: int) -> None:
        _line(axes, run, key, x, smooth)
        axes.set_ylim(-0.03, 1.03)

    return draw


def _returns(axes: Axes, run: Run, x: str, smooth: int) -> None:
    _line(axes, run, RETURN, x, smooth, label="mean")
    low, high = RETURN.replace("mean", "min"), RETURN.replace("mean", "max")
    if run.has(low) and run.has(high):
        (at, least), (_, most) = run.column(low, x), run.column(high, x)
        if len(least) == len(most):
            axes.fill_between(
                at, least, most, color=BLUE, alpha=0.15, linewidth=0, label="smallest to largest"
            )
    separate_thousands(axes.yaxis)
    key_above(axes)


def _kl(axes: Axes, run: Run, x: str, smooth: int) -> None:
    """The KL of each step beside its bound, or beside the predicted one if there is no bound."""
    values = _line(axes, run, "train/kl", x, smooth, label="KL")
    if run.has("train/target_kl"):
        _beside(axes, run, "train/target_kl", x, smooth, label="bound", **_BOUND)
    elif run.has("train/predicted_kl"):
        look = {"color": ORANGE, "linewidth": 1.2, "label": "predicted"}
        _beside(axes, run, "train/predicted_kl", x, smooth, **look)
    positive = values[values > 0.0]
    if len(positive) and positive.max() > _MANY * np.median(positive):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0.0)
    key_above(axes)


def limits_of(run: Run, x: str) -> tuple[Floats, list[str]]:
    """What limited each step, in words; where there was no step, why.

    Args:
        run: any run; records without this are left out.
        x: as in `Run.column`.

    Returns:
        (x, words), of one length.
    """
    found = [_limit_of(record) for record in run.records]
    known = [k for k, limit in enumerate(found) if limit is not None]
    return run.times(x)[known], [str(found[k]) for k in known]


def _limit_of(record: Record) -> str | None:
    status, limit = record.get("train/status"), record.get("train/step_limited_by")
    if isinstance(status, str) and status != "accepted":
        return LIMITS.get(status, status)
    if isinstance(limit, str):
        return LIMITS.get(limit, limit)
    return None if status is None else "step taken"


def _limits(axes: Axes, run: Run, x: str, smooth: int) -> None:
    """A row for each limit, with a mark for each iteration."""
    at, named = limits_of(run, x)
    counts = Counter(named)
    order = [name for name in dict.fromkeys(LIMITS.values()) if name in counts]
    order += [name for name in counts if name not in order]
    for row, name in enumerate(order):
        where = at[[other == name for other in named]]
        axes.plot(where, np.full(len(where), row), "|", color=_shade(name), markersize=11.0)
    texts = [f"{name}\n{100 * counts[name] / len(named):.0f} % of iterations" for name in order]
    axes.set_yticks(range(len(order)), texts)
    axes.set_ylim(len(order) - 0.4, -0.6)


def _shade(name: str) -> str:
    if name.startswith("no step"):
        return VERMILION
    return ORANGE if name == LIMITS["line_search"] else BLUE


def _residual(axes: Axes, run: Run, x: str, smooth: int) -> None:
    _line(axes, run, "train/cg_residual", x, smooth, label="residual")
    options = run.config.get("options")
    tolerance = options.get("cg_tol") if isinstance(options, dict) else None
    if isinstance(tolerance, int | float) and tolerance > 0:
        axes.axhline(tolerance, label="tolerance", **_BOUND)
    axes.set_yscale("log")
    key_above(axes)


def _variance(axes: Axes, run: Run, x: str, smooth: int) -> None:
    values = _line(axes, run, _EXPLAINED, x, smooth)
    axes.axhline(0.0, color=PALE_INK, linewidth=0.9)
    least = max(float(values.min()), _LEAST_VARIANCE)
    axes.set_ylim(min(least, 0.0) - 0.05, 1.05)
    separate_thousands(axes.yaxis)
    if values.min() < _LEAST_VARIANCE:
        axes.set_ylabel("fraction of the variance\n(cut off below −1)")


def _times(axes: Axes, run: Run, x: str, smooth: int) -> None:
    """The parts of an iteration, one upon the other, in milliseconds."""
    found = {name: run.column(key, x) for name, key in _TIMES.items() if run.has(key)}
    at = max((times for times, _ in found.values()), key=len)
    whole = {name: values for name, (times, values) in found.items() if len(times) == len(at)}
    parts = [1e3 * moving_mean(values, smooth) for values in whole.values()]
    axes.stackplot(at, parts, labels=list(whole), colors=[SKY, ORANGE, BLUE], linewidth=0)
    separate_thousands(axes.yaxis)
    axes.set_ylim(bottom=0.0)
    key_above(axes)


def _lined(title: str, y_label: str, key: str, sign: float = 1.0) -> Panel:
    """A panel with one line."""
    return Panel(title, y_label, (key,), _alone(key, sign))


def _fraction(title: str, y_label: str, key: str) -> Panel:
    """A panel with one line between 0 and 1."""
    return Panel(title, y_label, (key,), _share(key))


PANELS = (
    Panel("Return", "sum of rewards,\nlast 100 episodes", (RETURN,), _returns),
    Panel("KL of the step", "nats", ("train/kl",), _kl),
    Panel("What limited the step", "", ("train/status", "train/step_limited_by"), _limits),
    _fraction("Signal share", "fraction of the gradient", "train/signal_share"),
    Panel("Residual of the linear solve", "relative residual", ("train/cg_residual",), _residual),
    Panel("Explained variance", "fraction of the variance", (_EXPLAINED,), _variance),
    _lined("Entropy", "nats", "train/entropy_loss", -1.0),
    _lined("Sigma", "mean over actions", "train/std"),
    _fraction("Clipped ratios", "fraction of samples", "train/clip_fraction"),
    _fraction("Clipped actions", "fraction of actions", "rollout/clipped_actions"),
    Panel("Time", "milliseconds per iteration", tuple(_TIMES.values()), _times),
)
