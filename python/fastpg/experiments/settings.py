"""The settings of an experiment: every combination of the values of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import arrays

MOST_SETTINGS = 100_000
MOST_SEEDS = 10_000_000


@dataclass(frozen=True)
class Setting:
    """Arguments of `train` that are varied.

    Attributes:
        name: the varied arguments in words, such as "target_kl=0.01, gae_lambda=0.9"; "default" if
            there are none.
        arguments: their values by name.
    """

    name: str
    arguments: dict[str, Any]


def settings_of(grid: Mapping[str, Iterable[Any]] | None) -> list[Setting]:
    """Every combination of the values of a grid, the last argument changing fastest.

    Args:
        grid: the values of each argument that is varied; None: a single setting.

    Returns:
        The settings, in order.

    Raises:
        TypeError: no mapping, or an argument whose values are not several in a list or the like.
        ValueError: an argument without values, the same value twice, or more than 100,000 settings.
    """
    values = {name: _values(name, given) for name, given in arrays.keywords("grid", grid).items()}
    count = 1
    for several in values.values():
        count *= len(several)
    if count > MOST_SETTINGS:
        raise ValueError(f"grid: expected at most {MOST_SETTINGS:,} settings, got {count:,}")
    combined = (
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    )
    return [Setting(_name(arguments), arguments) for arguments in combined]


def seeds_of(seeds: int | Iterable[int], name: str = "seeds") -> list[int]:
    """The seeds of an experiment.

    Args:
        seeds: a number n, which stands for 0 … n - 1, or the seeds themselves.
        name: of the argument, for errors.

    Returns:
        The seeds, in order.

    Raises:
        TypeError: no integers.
        ValueError: none, more than 10,000,000, one out of range, or the same seed twice.
    """
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        return list(range(arrays.integer(name, seeds, 1, MOST_SEEDS)))
    if isinstance(seeds, str) or not isinstance(seeds, Iterable):
        raise TypeError(f"{name}: expected a number or several seeds, got {seeds!r}")
    if isinstance(seeds, range) and len(seeds) > MOST_SEEDS:
        raise ValueError(f"{name}: expected at most {MOST_SEEDS:,}, got {len(seeds):,}")
    found = [arrays.seed(seed) for seed in seeds]
    if not found:
        raise ValueError(f"{name}: expected at least one, got none")
    if len(set(found)) < len(found):
        raise ValueError(f"{name}: expected different ones, got one of them twice")
    return found


def _values(name: str, given: Any) -> list[Any]:
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"grid[{name!r}]: expected a list of values, got {given!r}")
    values = list(given)
    if not values:
        raise ValueError(f"grid[{name!r}]: expected at least one value, got none")
    shown = [_shown(value) for value in values]
    if len(set(shown)) < len(shown):
        raise ValueError(f"grid[{name!r}]: expected different values, got {values!r}")
    return values


def _name(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in arguments.items()) or "default"


def _shown(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str) else repr(value)
