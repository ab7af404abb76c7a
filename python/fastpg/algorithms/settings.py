"""Tuned settings: for an algorithm and an environment, from the built-in file or a user's own."""

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
from fastpg.algorithms.options import described
from fastpg.policies.linear import LinearGaussian
from fastpg.suggestions import one_of, unknown

BUILT_IN = Path(__file__).with_name("tuned.toml")

# Keys of a row that are no options of the algorithm.
_OTHERS = ("total_timesteps", "level", "policy_kwargs", "env_kwargs")

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TunedSettings:
    """Settings tuned to an environment; of no one seed.

    Attributes:
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env_id: as registered with Gymnasium.
        total_timesteps: environment steps that are enough; None: the algorithm's default.
        level: mean greedy return that counts as learned; None: the threshold Gymnasium registers.
        options: of the algorithm, where they are given.
        policy_kwargs: as of the algorithm.
        env_kwargs: of the environment while it learns; an evaluation has none of them.
        file: that they are from; None for the built-in ones.
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
        """What is used, in a few words."""
        name = f"{self.algorithm} on {self.env_id}"
        return f"tuned for {name}" if self.file is None else f"of {self.file} for {name}"


Table = Mapping[tuple[str, str], TunedSettings]


def tuned_settings(
    algorithm: str, env_id: str, file: str | os.PathLike[str] | None = None
) -> TunedSettings | None:
    """The tuned settings of an algorithm in an environment; None where there are none.

    Args:
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env_id: an id, as "CartPole-v1"; one with a module, "module:id", has none.
        file: a TOML file of your own, in the form of `fastpg/algorithms/tuned.toml`. Its settings
            win over the built-in ones.

    Raises:
        ValueError: an unknown algorithm, or a file with something unknown or wrong; the message
            has the row.
        OSError: a file that cannot be read.
    """
    one_of("algorithm", algorithm, ALGORITHMS)
    if not isinstance(env_id, str):
        raise TypeError(f"env_id: expected an id, got {env_id!r}")
    key = (algorithm, env_id)
    own = {} if file is None else read_file(file)
    return own.get(key) or copy.deepcopy(built_in().get(key))


@functools.cache
def built_in() -> Table:
    """The settings that come with the package, by algorithm and id; all callers share them."""
    return MappingProxyType(_read(BUILT_IN, None))


def read_file(file: str | os.PathLike[str]) -> Table:
    """The settings of a user's file, by algorithm and id; errors as of `tuned_settings`."""
    return _read(Path(file), os.fspath(file))


def _read(path: Path, name: str | None) -> dict[tuple[str, str], TunedSettings]:
    import tomllib  # not short to load, and many runs read no settings

    content = path.read_bytes()
    try:
        tables = tomllib.loads(content.decode())
    except ValueError as error:  # of the encoding too
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
    options_class.build(algorithm, options)
    return options


def _policy_kwargs(given: Any) -> Settings:
    """What a file can hold of them, checked in a policy of one number for either."""
    keywords = arrays.keywords("policy_kwargs", given)
    known = ("features", "features_kwargs", "normalize_observations", "log_std_init")
    for name in keywords:
        if name not in known:
            raise ValueError(unknown("policy argument", name, known))
    LinearGaussian(1, 1, **keywords)
    return keywords
