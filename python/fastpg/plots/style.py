"""The look of all figures: light, with colours that the colour-blind tell apart.

Figures are made without pyplot, whose state, backend and open windows stay untouched, and every
colour is set here, so that a user's dark style does not make text invisible.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, without the yellow, which is too pale for lines on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
_DASHES = ("-", "--", "-.", ":")
INK, PALE_INK, GRID = "#1A1A1A", "#595959", "#D9D9D9"
SMALL, NORMAL, LARGE = 9.0, 10.0, 11.5  # points
DPI = 110


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; this imports matplotlib, and no pyplot.

    Args:
        width: in inches.
        height: in inches.

    Returns:
        The figure, whose layout makes room for labels and legends.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install '.[plot]'") from error
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def line_styles() -> Iterator[dict[str, Any]]:
    """Colours, then dashes: 28 lines that differ, and then the same again.

    Yields:
        Keywords of `Axes.plot`.
    """
    pairs = itertools.product(_DASHES, COLOURS)
    yield from itertools.cycle({"color": colour, "linestyle": dash} for dash, colour in pairs)


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Title, labels, grid and frame of a panel.

    Args:
        axes: the panel.
        title: stands at its upper left; "" has none.
        x_label: with its unit; "" has none.
        y_label: with its unit; "" has none.
    """
    axes.set_facecolor("white")
    axes.set_axisbelow(True)
    axes.grid(color=GRID, linewidth=0.6, linestyle="-")
    axes.set_title(title, loc="left", fontsize=LARGE, color=INK)
    axes.set_xlabel(x_label, fontsize=NORMAL, color=INK)
    axes.set_ylabel(y_label, fontsize=NORMAL, color=INK)
    axes.tick_params(which="both", labelsize=SMALL, color=PALE_INK, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(PALE_INK)


def number(value: float) -> str:
    """A number with separators of thousands and a minus sign, such as −1,000,000 or 0.05."""
    return f"{value:,.10g}".replace("-", "−")


def separate_thousands(axis: Any) -> None:
    """Ticks such as 1,000,000 instead of 1e6.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
    """
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only, with separators of thousands.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
    """
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    separate_thousands(axis)


def key_above(axes: Axes) -> None:
    """The legend of a panel above its upper right corner, outside the data.

    Args:
        axes: a panel whose lines have labels.
    """
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        names,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=max(1, len(names)),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        borderaxespad=0.15,
        handlelength=1.4,
        columnspacing=1.0,
    )


def key_below(figure: Figure, title: str = "") -> None:
    """One legend for all panels, below them, with each name once.

    Args:
        figure: a figure whose panels have lines with labels.
        title: stands above the names.
    """
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        handles, names = axes.get_legend_handles_labels()
        entries |= dict(zip(names, handles, strict=True))
    if not entries:
        return
    legend = figure.legend(
        list(entries.values()),
        list(entries),
        title=title or None,
        title_fontproperties={"size": SMALL},
        loc="outside lower center",
        ncols=_columns(list(entries), figure.get_figwidth()),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
    )
    legend.get_title().set_color(INK)


_LETTER, _HANDLE = 0.075, 0.6  # inches: width of a letter, and of a line with its spaces


def _columns(names: list[str], width: float) -> int:
    """How many names fit side by side."""
    longest = _HANDLE + _LETTER * max(map(len, names))
    return min(len(names), max(1, int(width / longest)))
