"""Tuned settings of an algorithm in an environment, from the built-in file or a user's file."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastpg import arrays
from fastpg.algorithms.base import MOST_TIMESTEPS
from fastpg.algorithms.catalogue import ALGORITHMS
from fastpg.algorithms.option_texts import described
from fastpg.policies.linear import LinearGaussian
from fastpg.suggestions import one_of, unknown

BUILT_IN = Path(__file__).with_name("tuned.toml")

# Keys of a row that are not options of the algorithm.
_OTHERS = ("total_timesteps", "level", "policy_kwargs", "env_kwargs")

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TunedSettings:
    """Settings tuned to an environment, over many seeds.

    Attributes:
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env_id: id registered with Gymnasium.
        total_timesteps: environment steps to train for; None: the algorithm's default.
        level: mean greedy return that counts as learned; None: the threshold Gymnasium registers.
        options: options of the algorithm; those not listed keep their defaults.
        policy_kwargs: argument `policy_kwargs` of the algorithm.
        env_kwargs: keywords of the training environment; evaluations do not use them.
        file: path of the user's file; None for the built-in settings.
    """

    algorithm: str
    env_id: str
    total_timesteps: int | None
    level: float | None
    options: Settings
    policy_kwargs: Settings
    env_kwargs: Settings
    file: str | None

    def __str__(self) -> str:
        """A short description of the settings, for messages."""
        name = f"{self.algorithm} on {self.env_id}"
        return f"tuned for {name}" if self.file is None else f"of {self.file} for {name}"


Table = Mapping[tuple[str, str], TunedSettings]


def tuned_settings(
    algorithm: str, env_id: str, file: str | os.PathLike[str] | None = None
) -> TunedSettings | None:
    """The tuned settings of an algorithm in an environment.

    Args:
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env_id: an id such as "CartPole-v1". An id with a module, "module:id", has no settings.
        file: path of a TOML file in the form of `fastpg/algorithms/tuned.toml`. Its settings take
            precedence over the built-in ones.

    Returns:
        The settings; None if there are none.

    Raises:
        ValueError: unknown algorithm, or a file with an unknown name or a wrong value; the message
            names the row.
        TypeError: `env_id` is not a string.
        OSError: the file cannot be read.
    """
    one_of("algorithm", algorithm, ALGORITHMS)
    if not isinstance(env_id, str):
        raise TypeError(f"env_id: expected an id, got {env_id!r}")
    key = (algorithm, env_id)
    own = {} if file is None else read_file(file)
    return own.get(key) or copy.deepcopy(built_in().get(key))


@functools.cache
def built_in() -> Table:
    """The settings of the package by (algorithm, id); all callers share one table."""
    return MappingProxyType(_read(BUILT_IN, None))


def read_file(file: str | os.PathLike[str]) -> Table:
    """Read the settings of a user's file.

    Args:
        file: path of a TOML file.

    Returns:
        Settings by (algorithm, id).

    Raises:
        ValueError: no TOML, an unknown name or a wrong value; the message names the row.
        OSError: the file cannot be read.
    """
    return _read(Path(file), os.fspath(file))


def _read(path: Path, name: str | None) -> dict[tuple[str, str], TunedSettings]:
    import tomllib  # slow to import, and many runs read no settings

    content = path.read_bytes()
    try:
        tables = tomllib.loads(content.decode())
    except ValueError as error:  # a wrong encoding too
        raise ValueError(f"{path}: expected TOML, got {error}") from error
    return {(row.algorithm, row.env_id): row for row in _rows(path, tables, name)}


def _rows(path: Path, tables: Settings, name: str | None) -> Iterator[TunedSettings]:
    for algorithm, environments in tables.items():
        if algorithm not in ALGORITHMS:
            raise ValueError(f"{path}: {unknown('algorithm', algorithm, ALGORITHMS)}")
        if not isinstance(environments, dict):
            raise ValueError(f"{path}: {algorithm}: expected tables, got {environments!r}")
        for env_id, given in environments.items():
            try:
                yield _row(algorithm, env_id, given, name)
            except (TypeError, ValueError) as error:
                raise ValueError(f'{path}: [{algorithm}."{env_id}"]: {error}') from error


def _row(algorithm: str, env_id: str, given: Any, file: str | None) -> TunedSettings:
    if not isinstance(given, dict):
        raise TypeError(f"expected a table of settings, got {given!r}")
    if ":" in env_id:
        raise ValueError("expected an id without a module")
    steps, level = given.get("total_timesteps"), given.get("level")
    return TunedSettings(
        algorithm=algorithm,
        env_id=env_id,
        total_timesteps=(
            None if steps is None else arrays.integer("total_timesteps", steps, 1, MOST_TIMESTEPS)
        ),
        level=None if level is None else arrays.number("level", level),
        options=_options(algorithm, {k: v for k, v in given.items() if k not in _OTHERS}),
        policy_kwargs=_policy_kwargs(given.get("policy_kwargs")),
        env_kwargs=arrays.keywords("env_kwargs", given.get("env_kwargs")),
        file=file,
    )


def _options(algorithm: str, given: Settings) -> Settings:
    options_class = ALGORITHMS[algorithm].options_class
    specs = {spec.name: spec for spec in described(options_class)}
    for name in given:
        if name not in specs:
            raise ValueError(unknown("option", name, [*specs, *_OTHERS]))
    options = {
        name: None if value == "none" and specs[name].takes_none else value
        for name, value in given.items()
    }
    options_class.build(algorithm, options).require_effects(options)
    return options


def _policy_kwargs(given: Any) -> Settings:
    """The policy arguments of a row, checked by making a small policy with them."""
    keywords = arrays.keywords("policy_kwargs", given)
    known = ("features", "features_kwargs", "normalize_observations", "log_std_init")
    for name in keywords:
        if name not in known:
            raise ValueError(unknown("policy argument", name, known))
    LinearGaussian(1, 1, **keywords)
    return keywords
