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
from fastpg.algorithms.catalogue import ALGORITHMS
from fastpg.algorithms.option_texts import described
from fastpg.files import path_of
from fastpg.policies.factory import POLICIES, POLICY_ARGUMENTS, require_policy_arguments
from fastpg.suggestions import one_of, unknown
from fastpg.training.plan import MOST_TIMESTEPS

BUILT_IN = Path(__file__).with_name("tuned.toml")

# Keys of a row that are not options of the algorithm.
_OTHERS = ("total_timesteps", "level", "policy_kwargs", "env_kwargs")
LINEAR = "linear"  # kind of policy of the tables that name none

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TunedSettings:
    """Settings tuned to an environment, over many seeds.

    Attributes:
        algorithm: its name, as in `train`.
        env_id: id registered with Gymnasium.
        policy: kind of the policy: "linear" or "mlp".
        total_timesteps: environment steps to train for; None: the algorithm's default.
        level: mean greedy return that counts as learned; None: the threshold Gymnasium registers.
        options: options of the algorithm; those not listed keep their defaults.
        policy_kwargs: argument `policy_kwargs` of the algorithm.
        env_kwargs: keywords of the training environment; evaluations do not use them.
        file: path of the user's file; None for the built-in settings.
    """

    algorithm: str
    env_id: str
    policy: str
    total_timesteps: int | None
    level: float | None
    options: Settings
    policy_kwargs: Settings
    env_kwargs: Settings
    file: str | None

    def __str__(self) -> str:
        """A short description of the settings, for messages."""
        kind = "" if self.policy == LINEAR else f" with policy {self.policy}"
        name = f"{self.algorithm} on {self.env_id}{kind}"
        return f"tuned for {name}" if self.file is None else f"of {self.file} for {name}"


Table = Mapping[tuple[str, str], TunedSettings]


def tuned_settings(
    algorithm: str,
    env_id: str,
    file: str | os.PathLike[str] | None = None,
    *,
    policy: str = LINEAR,
) -> TunedSettings | None:
    """The tuned settings of an algorithm in an environment.

    Args:
        algorithm: its name, as in `train`.
        env_id: an id such as "CartPole-v1". An id with a module, "module:id", has no settings.
        file: path of a TOML file in the form of `fastpg/algorithms/tuned.toml`. Its settings take
            precedence over the built-in ones.
        policy: kind of the policy, "linear" or "mlp".

    Returns:
        The settings; None if there are none.

    Raises:
        ValueError: unknown algorithm or policy, or a file with an unknown name or a wrong value;
            the message names the row.
        TypeError: `env_id` is not a string.
        OSError: the file cannot be read.
    """
    one_of("algorithm", algorithm, ALGORITHMS)
    if not isinstance(env_id, str):
        raise TypeError(f"env_id: expected an id, got {env_id!r}")
    one_of("policy", policy, POLICIES)
    key = (algorithm, env_id)
    own = {} if file is None else read_file(file, policy)
    return own.get(key) or copy.deepcopy(built_in(policy).get(key))


@functools.cache
def built_in(policy: str = LINEAR) -> Table:
    """The settings of the package by (algorithm, id); all callers share one table.

    Args:
        policy: kind of the policy.
    """
    return MappingProxyType(_read(BUILT_IN, None, policy))


def read_file(file: str | os.PathLike[str], policy: str = LINEAR) -> Table:
    """Read the settings of a user's file; all of its tables are checked.

    Args:
        file: path of a TOML file.
        policy: kind of the policy.

    Returns:
        Settings by (algorithm, id).

    Raises:
        ValueError: no TOML, an unknown name or a wrong value; the message names the row.
        OSError: the file cannot be read.
    """
    return _read(path_of(file), os.fspath(file), policy)


def _read(path: Path, name: str | None, policy: str) -> dict[tuple[str, str], TunedSettings]:
    import tomllib  # slow to import, and many runs read no settings

    content = path.read_bytes()
    try:
        tables = tomllib.loads(content.decode())
    except ValueError as error:  # a wrong encoding too
        raise ValueError(f"{path}: expected TOML, got {error}") from error
    rows = _rows(path, tables, name)
    return {(row.algorithm, row.env_id): row for row in rows if row.policy == policy}


def _rows(path: Path, tables: Settings, name: str | None) -> Iterator[TunedSettings]:
    """Every table: [ALGORITHM."ID"] for linear policies, [POLICY.ALGORITHM."ID"] for others."""
    for policy, algorithm, environments in _algorithms(tables):
        if algorithm not in ALGORITHMS:
            raise ValueError(f"{path}: {unknown('algorithm', algorithm, ALGORITHMS)}")
        if not isinstance(environments, dict):
            raise ValueError(f"{path}: {algorithm}: expected tables, got {environments!r}")
        for env_id, given in environments.items():
            try:
                yield _row(policy, algorithm, env_id, given, name)
            except (TypeError, ValueError) as error:
                group = algorithm if policy == LINEAR else f"{policy}.{algorithm}"
                raise ValueError(f'{path}: [{group}."{env_id}"]: {error}') from error


def _algorithms(tables: Settings) -> Iterator[tuple[str, str, Any]]:
    """Kind of policy, name of the algorithm, and its tables."""
    for key, value in tables.items():
        if key in POLICIES and key != LINEAR and isinstance(value, dict):
            yield from ((key, algorithm, inner) for algorithm, inner in value.items())
        else:
            yield LINEAR, key, value


def _row(policy: str, algorithm: str, env_id: str, given: Any, file: str | None) -> TunedSettings:
    if not isinstance(given, dict):
        raise TypeError(f"expected a table of settings, got {given!r}")
    if ":" in env_id:
        raise ValueError("expected an id without a module")
    steps, level = given.get("total_timesteps"), given.get("level")
    return TunedSettings(
        algorithm=algorithm,
        env_id=env_id,
        policy=policy,
        total_timesteps=(
            None if steps is None else arrays.integer("total_timesteps", steps, 1, MOST_TIMESTEPS)
        ),
        level=None if level is None else arrays.number("level", level),
        options=_options(algorithm, {k: v for k, v in given.items() if k not in _OTHERS}, policy),
        policy_kwargs=_policy_kwargs(policy, given.get("policy_kwargs")),
        env_kwargs=arrays.keywords("env_kwargs", given.get("env_kwargs")),
        file=file,
    )


def _options(algorithm: str, given: Settings, policy: str) -> Settings:
    options_class = ALGORITHMS[algorithm].options_class
    specs = {spec.name: spec for spec in described(options_class)}
    for name in given:
        if name not in specs:
            raise ValueError(unknown("option", name, [*specs, *_OTHERS]))
    options = {
        name: None if value == "none" and specs[name].takes_none else value
        for name, value in given.items()
    }
    options_class.build(algorithm, options, policy != LINEAR).require_effects(options)
    return options


def _policy_kwargs(policy: str, given: Any) -> Settings:
    """The policy arguments of a row, checked by making small policies with them."""
    keywords = arrays.keywords("policy_kwargs", given)
    known = POLICY_ARGUMENTS[policy]
    for name in keywords:
        if name not in known:
            raise ValueError(unknown("policy argument", name, known))
    require_policy_arguments(policy, keywords)
    return keywords
