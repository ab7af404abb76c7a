"""Settings as TOML: a row of tuned settings, and options of the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.option_texts import described
from fastpg.algorithms.settings import LINEAR
from fastpg.experiments.identity import name_of, plain
from fastpg.experiments.trial import Trial
from fastpg.policies.factory import kind_of

# Keys of policy_kwargs that `fastpg train` takes.
_OF_COMMAND = (
    "features", "features_kwargs", "net_arch", "activation_fn", "normalize_observations",
    "log_std_init", "state_dependent_std",
)  # fmt: skip


def row_of(trial: Trial, algo: Algorithm) -> str:
    """A table of tuned settings, in the form of `fastpg/algorithms/tuned.toml`.

    Args:
        trial: with the settings.
        algo: built with them.

    Returns:
        The table; what a table cannot hold, such as a function, stands in a comment.
    """
    kind = kind_of(trial.arguments.get("policy", LINEAR)) or LINEAR
    group = trial.algorithm if kind == LINEAR else f"{kind}.{trial.algorithm}"
    lines = [f'[{group}."{_id(trial)}"]']
    lines += _lines(_options(trial, algo))
    if trial.tuned is not None and trial.tuned.level is not None:
        lines.insert(2, f"level = {_toml(trial.tuned.level)}")
    for name in ("policy_kwargs", "env_kwargs"):
        if keywords := _keywords(trial, name):
            lines += _lines({name: keywords})
    if not isinstance(trial.arguments.get("policy", LINEAR), str):
        lines.append("# policy: one that was given, which a table cannot hold")
    if given := trial.arguments.get("value_kwargs"):
        lines += [f"# {line}" for line in _lines({"value_kwargs": given})]
    return "\n".join(lines) + "\n"


def config_of(trial: Trial, algo: Algorithm) -> str:
    """The options of `fastpg train` that train with the settings, for `--config`.

    Args:
        trial: with the settings.
        algo: built with them.

    Returns:
        TOML; what the command does not take stands in a comment.
    """
    content: dict[str, Any] = {}
    if trial.tuned is None:
        content["no_tuned"] = True
    elif trial.tuned.file is not None:
        content["tuned"] = trial.tuned.file
    policy = trial.arguments.get("policy", LINEAR)
    content["policy"] = kind_of(policy) or LINEAR
    content |= _options(trial, algo)
    keywords = _keywords(trial, "policy_kwargs")
    content |= {name: value for name, value in keywords.items() if name in _OF_COMMAND}
    values = trial.arguments.get("value_kwargs") or {}
    content |= {f"value_{name}": value for name, value in values.items()}
    rest = {n: v for n, v in keywords.items() if n not in _OF_COMMAND}
    if env_kwargs := trial.arguments.get("env_kwargs"):
        rest["env_kwargs"] = env_kwargs
    return "\n".join([*_lines(content), *(f"# {line}" for line in _lines(rest))]) + "\n"


def _options(trial: Trial, algo: Algorithm) -> dict[str, Any]:
    """The number of steps, and every option that is read."""
    names = [spec.name for spec in described(algo.options_class)]
    options = algo.options
    read = [name for name in names if name != "num_threads" and options.is_read(name)]
    return {"total_timesteps": trial.total_timesteps} | {n: getattr(options, n) for n in read}


def _keywords(trial: Trial, name: str) -> dict[str, Any]:
    """Keywords of the policy or of the environment: those given, or else the tuned ones."""
    given = trial.arguments.get(name)
    if given is None and trial.tuned is not None:
        given = getattr(trial.tuned, name)
    return dict(given or {})


def _id(trial: Trial) -> str:
    """The id, without a module; of a callable its name."""
    return name_of(trial.env).rpartition(":")[2]


def _lines(values: Mapping[str, Any]) -> list[str]:
    """A line for each value; a comment for one that TOML does not have."""
    return [
        f"{name} = {_toml(value)}"
        if value is None or _holds(value)
        else f"# {name}: {plain(value)}, which TOML cannot hold"
        for name, value in values.items()
    ]


def _holds(value: Any) -> bool:
    """Whether TOML can give the value back; a tuple is a list there."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _holds(each) for k, each in value.items())
    if isinstance(value, list | tuple):
        return all(map(_holds, value))
    return isinstance(value, str | bool | int | float | np.bool_ | np.integer | np.floating)


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:_}" if isinstance(value, int) else repr(float(value))
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_key(name)} = {_toml(each)}" for name, each in value.items()) + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
