"""Learning curves of one or several runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium

from fastpg import arrays
from fastpg.envs import NATIVE
from fastpg.plots.curves import Curve, Group, curve_of, grouped, legend_name
from fastpg.plots.reading import read_run
from fastpg.plots.runs import AXES, LENGTH, RETURN, Run, checked_smooth
from fastpg.plots.style import (
    PALE_INK,
    dress,
    key_below,
    line_styles,
    new_figure,
    separate_thousands,
    whole_numbers,
)
from fastpg.plots.words import title, words
from fastpg.suggestions import one_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What evaluations measure beside the means of training.
_EVALUATED = {RETURN: "eval/mean_reward", LENGTH: "eval/mean_ep_length"}
_SPREAD = {"eval/mean_reward": "eval/std_reward"}
_MOST_COLUMNS = 3


def learning_curves(
    runs: Any,
    *,
    x: str = "steps",
    y: str = RETURN,
    smooth: int = 1,
    evaluations: bool = False,
    labels: Sequence[str] | None = None,
    group: bool = True,
) -> Figure:
    """Draw a quantity of one or several runs over time, with a panel for each environment.

    Runs that differ in their seed alone are drawn as one curve: their median, and as a band the
    range from the smallest to the largest, where all runs have values. A dashed line is the reward
    threshold that Gymnasium registers for the environment. Returns and lengths of training are
    means of the last 100 episodes, which lag behind the policy (docs/records.md); evaluations do
    not.

    Args:
        runs: a run, or a list of them, each as `read_run` takes it.
        x: "steps" (of the environment), "seconds" (of training) or "iterations".
        y: key of the records, such as "train/kl"; its part after the slash is enough.
        smooth: number of records in a moving mean; 1 leaves the values as they are.
        evaluations: add the means of evaluations to those of training, for returns and lengths; of
            a single run with their standard deviation.
        labels: names for the legend, one for each run; runs with the same name are a group.
        group: False draws every run as a curve of its own.

    Returns:
        The figure; `figure.savefig` or `save_figure` writes it.

    Raises:
        ImportError: matplotlib is missing.
        OSError: a run cannot be read.
        ValueError: no runs, a file that is no run, an unknown key, or a key without numbers.
        TypeError: an argument of the wrong type.
    """
    one_of("x", x, AXES)
    number = checked_smooth(smooth)
    read = [read_run(run) for run in _listed(runs)]
    if not read:
        raise ValueError("runs: expected at least one, got none")
    key = read[0].key(y)
    if arrays.boolean("evaluations", evaluations) and key not in _EVALUATED:
        names = " or ".join(_EVALUATED)
        raise ValueError(f"evaluations: expected with y={names}, got y={key!r}")
    groups = grouped(read, labels, arrays.boolean("group", group))
    panels, looks = _by_environment(groups), _looks(groups)
    figure = _empty(len(panels))
    for axes, (env_id, of_env) in zip(figure.axes, panels.items(), strict=True):
        dress(axes, _title(key, env_id), _label(AXES[x], number), words(key))
        _fill(axes, of_env, looks, key, x, number, evaluations)
        _scales(axes, x)
        _threshold(axes, env_id, key)
    bands = any(len(group.runs) > 1 for group in groups)
    key_below(figure, "line: median; band: smallest to largest" if bands else "")
    return figure


def _empty(panels: int) -> Figure:
    """A figure with panels."""
    columns = min(_MOST_COLUMNS, panels)
    rows = -(-panels // columns)
    figure = new_figure(7.5 if columns == 1 else 4.6 * columns, 4.4 if rows == 1 else 3.6 * rows)
    for axes in figure.subplots(rows, columns, squeeze=False).ravel()[panels:]:
        axes.remove()
    return figure


def _listed(runs: Any) -> list[Any]:
    """One run as a list of one; a list of records is one run."""
    if isinstance(runs, list | tuple) and not (runs and isinstance(runs[0], Mapping)):
        return list(runs)
    if isinstance(runs, Iterator):
        return list(runs)
    return [runs]


def _by_environment(groups: list[Group]) -> dict[str | None, list[Group]]:
    """Groups by environment; those of unknown environments go where there is only one known."""
    known = {group.env_id for group in groups if group.env_id is not None}
    only = next(iter(known)) if len(known) == 1 else None
    panels: dict[str | None, list[Group]] = {}
    for group in groups:
        panels.setdefault(only if group.env_id is None else group.env_id, []).append(group)
    return panels


def _looks(groups: list[Group]) -> dict[str, dict[str, Any]]:
    """Label and style by name: the same in all panels."""
    alike: dict[str, list[Group]] = {}
    for group in groups:
        alike.setdefault(group.name, []).append(group)
    return {
        name: {"label": legend_name(of_name), **style}
        for (name, of_name), style in zip(alike.items(), line_styles(), strict=False)
    }


def _title(key: str, env_id: str | None) -> str:
    return title(key) if env_id is None else f"{title(key)} on {env_id}"


def _label(axis: str, smooth: int) -> str:
    return axis if smooth == 1 else f"{axis} (means of {smooth:,} records)"


def _scales(axes: Axes, x: str) -> None:
    (separate_thousands if x == "seconds" else whole_numbers)(axes.xaxis)
    separate_thousands(axes.yaxis)
    axes.margins(x=0.02)


def _fill(
    axes: Axes,
    groups: list[Group],
    looks: dict[str, dict[str, Any]],
    key: str,
    x: str,
    smooth: int,
    evaluations: bool,
) -> None:
    for group in groups:
        look = looks[group.name]
        curve = curve_of(group.runs, key, x, smooth)
        marker: dict[str, Any] = {"marker": "o", "markersize": 4.0} if len(curve.x) == 1 else {}
        axes.plot(curve.x, curve.middle, linewidth=1.6, **look, **marker)
        if curve.low is not None and curve.high is not None:
            axes.fill_between(
                curve.x, curve.low, curve.high, color=look["color"], alpha=0.18, linewidth=0
            )
        if evaluations:
            _add_evaluations(axes, group, _EVALUATED[key], x, look)


def _add_evaluations(axes: Axes, group: Group, key: str, x: str, look: Mapping[str, Any]) -> None:
    for run in group.runs:
        if not any(key in record for record in run.evaluations):
            raise ValueError(
                f"{run.name}: expected a run with evaluations, got one without: "
                "learn(…, log=FOLDER, eval_freq=STEPS), or fastpg train … --run FOLDER "
                "--eval-freq STEPS, makes and keeps them"
            )
    curve = curve_of(group.runs, key, x)
    axes.errorbar(
        curve.x,
        curve.middle,
        yerr=_spread(group.runs, _SPREAD.get(key), curve),
        color=look["color"],
        linestyle="none",
        marker="o",
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        elinewidth=0.9,
        label=f"{look['label']}: evaluations",
    )


def _spread(runs: list[Run], key: str | None, curve: Curve) -> Any:
    """Standard deviations of a single run's evaluations; the range of several runs."""
    if curve.low is not None and curve.high is not None:
        return [curve.middle - curve.low, curve.high - curve.middle]
    if key is None:
        return None
    found = [record.get(key) for record in runs[0].evaluations]
    complete = all(isinstance(value, int | float) for value in found)
    return found if complete and len(found) == len(curve.x) else None


def _threshold(axes: Axes, env_id: str | None, key: str) -> None:
    """A line at the return that counts as solved, if there is one."""
    level = _registered_threshold(env_id)
    if level is None or key not in (RETURN, _EVALUATED[RETURN]):
        return
    name = f"threshold of {env_id}: {level:,g}"
    axes.axhline(level, color=PALE_INK, linestyle=(0, (6, 3)), linewidth=1.0, label=name)


def _registered_threshold(env_id: str | None) -> float | None:
    spec: Any = NATIVE.get(env_id or "") or gymnasium.registry.get(env_id or "")
    return None if spec is None else spec.reward_threshold
