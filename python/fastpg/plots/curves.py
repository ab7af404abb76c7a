"""Curves of several runs: which belong together, their names, and what is drawn of each group."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from fastpg.arrays import Floats
from fastpg.plots.runs import Run, moving_mean

# The parts of a configuration that runs of one group share; the seed is none of them.
_SHARED = ("algorithm", "env_id")
_DETAILS = ("options", "policy", "env", "value_kwargs")  # dicts, in which groups may differ
# What does not tell groups apart: seeds, what follows from them, and where something is.
_NO_MATTER = (
    "seed", "initial_seed", "num_threads", "class", "module", "obstacle", "id",
)  # fmt: skip
_COUNT = "normalizer_count"
_MOST_NAMED = 3  # details in a name


@dataclass(frozen=True)
class Group:
    """Runs that are drawn as one curve."""

    name: str
    runs: list[Run]

    @property
    def env_id(self) -> str | None:
        """The environment, if it is known."""
        return self.runs[0].env_id


@dataclass(frozen=True)
class Curve:
    """The curve of a group: the median of its runs, and their range if they are several."""

    x: Floats
    middle: Floats
    low: Floats | None = None
    high: Floats | None = None


def grouped(runs: Sequence[Run], labels: Sequence[str] | None, group: bool) -> list[Group]:
    """Put runs of the same configuration together and name the groups.

    Args:
        runs: the runs.
        labels: one for each run; runs with the same label and environment are a group. None: groups
            by configuration.
        group: False makes a group of each run; ignored with `labels`.

    Returns:
        The groups, in the order of their first runs.

    Raises:
        ValueError: another number of labels than of runs.
    """
    if labels is not None and len(labels) != len(runs):
        raise ValueError(f"labels: expected {len(runs)}, one for each run, got {len(labels)}")
    members: dict[str, list[Run]] = {}
    for k, run in enumerate(runs):
        if labels is not None:
            key = json.dumps([run.env_id, labels[k]])
        else:
            key = _signature(run) if group and "algorithm" in run.config else str(k)
        members.setdefault(key, []).append(run)
    together = list(members.values())
    names = _names(together) if labels is None else [json.loads(key)[1] for key in members]
    return [Group(name, of_one) for name, of_one in zip(names, together, strict=True)]


def _signature(run: Run) -> str:
    shared = {name: run.config.get(name) for name in _SHARED}
    return json.dumps([shared, _details(run)], sort_keys=True, default=str)


def _details(run: Run) -> dict[str, Any]:
    """Options, and arguments of the policy and the environment, by names that a legend may have."""
    found: dict[str, Any] = {}
    for part in _DETAILS:
        _add_leaves(found, run.config.get(part), part)
    return found


def _add_leaves(found: dict[str, Any], value: Any, name: str) -> None:
    """Add the values in nested dicts; one whose name is taken has that of its dict in front."""
    if not isinstance(value, Mapping):
        found[name] = value
        return
    for key, each in value.items():
        if key == _COUNT:  # of observations, which depends on how long it has learned
            found["normalized"] = each is not None
        elif key not in _NO_MATTER:
            own = str(key)
            _add_leaves(found, each, f"{name}.{own}" if own in found else own)


def legend_name(groups: Sequence[Group]) -> str:
    """The entry of the legend for groups of one name, which may be in several panels.

    Args:
        groups: at least one, all of the same name.

    Returns:
        The name, with the number of runs if a group has several.
    """
    counts = sorted({len(group.runs) for group in groups})
    if counts == [1]:
        return groups[0].name
    known = all(_seeds_differ(group.runs) for group in groups)
    span = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{groups[0].name} ({span} {'seeds' if known else 'runs'})"


def _seeds_differ(runs: list[Run]) -> bool:
    seeds = {str(run.config.get("seed")) for run in runs}
    return len(seeds) == len(runs)


def _names(groups: list[list[Run]]) -> list[str]:
    """Algorithm or file name; where these are equal, what differs is added."""
    plain = [_plain_name(runs[0]) for runs in groups]
    keys = [(runs[0].env_id, name) for runs, name in zip(groups, plain, strict=True)]
    alike = [
        [other for other, k in zip(groups, keys, strict=True) if k == key and len(other)]
        for key in keys
    ]
    return [
        name if len(others) == 1 else f"{name}, {_difference(runs, others)}"
        for name, runs, others in zip(plain, groups, alike, strict=True)
    ]


def _plain_name(run: Run) -> str:
    algorithm = run.config.get("algorithm")
    return str(algorithm).upper() if algorithm is not None else _short(run.name)


def _short(name: str) -> str:
    return PurePath(name).name or name


def _difference(runs: list[Run], others: list[list[Run]]) -> str:
    """The details in which a group differs from others of its name; else the seed or the file."""
    each = [_details(other[0]) for other in others]
    mine = _details(runs[0])
    differ = [name for name in mine if any(other.get(name) != mine[name] for other in each)]
    if 0 < len(differ) <= _MOST_NAMED:
        return ", ".join(f"{name}={mine[name]}" for name in differ)
    seeds = {str(run.config.get("seed")) for other in others for run in other}
    if not differ and "None" not in seeds and len(seeds) == sum(map(len, others)):
        return f"seed {runs[0].config['seed']}"
    names = {_short(other[0].name) for other in others}
    return _short(runs[0].name) if len(names) == len(others) else runs[0].name


def curve_of(runs: Sequence[Run], y: str, x: str, smooth: int = 1) -> Curve:
    """The curve of a group.

    Several runs are drawn where all have values, each linear between its records.

    Args:
        runs: the runs of a group.
        y: key of the records.
        x: "steps", "seconds" or "iterations".
        smooth: number of records in the moving mean of each run.

    Returns:
        The curve.

    Raises:
        ValueError: a run lacks the key, or no part of the axis is common to all.
    """
    each = [(at, moving_mean(values, smooth)) for at, values in (run.column(y, x) for run in runs)]
    if len(each) == 1:
        return Curve(*each[0])
    first, last = max(at[0] for at, _ in each), min(at[-1] for at, _ in each)
    if first > last:
        raise ValueError(
            f"{y}: expected runs with a common part of the axis {x!r}, got {_spans(runs, each)}"
        )
    grid = np.unique(np.concatenate([at[(at >= first) & (at <= last)] for at, _ in each]))
    values = np.array([np.interp(grid, at, of_run) for at, of_run in each])
    return Curve(grid, np.median(values, axis=0), values.min(axis=0), values.max(axis=0))


def _spans(runs: Sequence[Run], each: list[tuple[Floats, Floats]]) -> str:
    spans = (
        f"{at[0]:,.6g} to {at[-1]:,.6g} ({_short(run.name)})"
        for run, (at, _) in zip(runs, each, strict=True)
    )
    return ", ".join(spans)
