"""The algorithm that the options of `fastpg train` describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.settings import TunedSettings
from fastpg.algorithms.train import build, settings_for, timesteps
from fastpg.cli.options import OF_POLICY, OF_VALUES, keywords


class Training(NamedTuple):
    """A training that may begin.

    Attributes:
        algo: the algorithm, new.
        steps: environment steps to train for.
        settings: the row "settings" of the summary.
        tuned: whether tuned settings are used.
    """

    algo: Algorithm
    steps: int
    settings: str
    tuned: bool


def built(name: str, env_id: str, given: dict[str, Any]) -> Training:
    """The training of the given options, else tuned settings, else the defaults.

    Args:
        name: name of the algorithm.
        env_id: id of the environment.
        given: options by name, without those that say where files are.

    Raises:
        TypeError, ValueError: wrong options.
        OSError: a file of settings that cannot be read.
    """
    given = dict(given)
    seed, total = given.pop("seed", 0), given.pop("total_timesteps", None)
    config = given.pop("config", None)  # its options are among the given ones
    policy, file = given.pop("policy", "linear"), given.pop("tuned", None)
    no_tuned = given.pop("no_tuned", False)
    if no_tuned and file is not None:
        raise ValueError("--no-tuned: expected without --tuned, got both")
    settings = settings_for(name, env_id, policy, file or not no_tuned)
    policy_kwargs = _policy_kwargs(given, settings)
    value_kwargs = _value_kwargs(given)
    algo = build(
        name,
        env_id,
        settings,
        seed=seed,
        policy=policy,
        policy_kwargs=policy_kwargs,
        value_kwargs=value_kwargs,
        **given,
    )
    described = _settings_text(settings, file, f"{name} on {env_id}")
    if config is not None:
        described = f"{config}; for the rest {described}"
    return Training(algo, timesteps(name, settings, total), described, settings is not None)


def _policy_kwargs(given: dict[str, Any], settings: TunedSettings | None) -> dict[str, Any] | None:
    """Move the policy's options out of `given` and add tuned ones; None if none were given."""
    own = {key: given.pop(key) for key in OF_POLICY if key in given}
    if not own:
        return None
    if "features_kwargs" in own:
        own["features_kwargs"] = keywords(own["features_kwargs"])
    if "net_arch" in own:
        own["net_arch"] = _widths("net_arch", own["net_arch"])
    tuned = {} if settings is None else dict(settings.policy_kwargs)
    if "features" in own:
        tuned.pop("features_kwargs", None)  # they belong to the tuned features
    return tuned | own


def _value_kwargs(given: dict[str, Any]) -> dict[str, Any] | None:
    """Move the options of the value network out of `given`; None if none were given."""
    own = {key: given.pop(name) for name, key in OF_VALUES.items() if name in given}
    if "net_arch" in own:
        own["net_arch"] = _widths("value_net_arch", own["net_arch"])
    return own or None


def _widths(name: str, text: str) -> list[int]:
    """The widths in "64,64"; "none" has no hidden layer."""
    try:
        return [] if text.lower() == "none" else [int(width) for width in text.split(",")]
    except ValueError:
        raise ValueError(f"{name}: expected integers with commas, or none, got {text!r}") from None


def _settings_text(settings: TunedSettings | None, file: Path | None, name: str) -> str:
    """The row "settings" of the summary."""
    if settings is not None:
        return f"{settings}; --no-tuned: the defaults"
    return "the defaults" + ("" if file is None else f"; {file} has none for {name}")
