"""Training in one call: an algorithm by its name, with the tuned settings of its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from fastpg import arrays, threads
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.catalogue import DEFAULT_TIMESTEPS, find
from fastpg.algorithms.settings import TunedSettings, tuned_settings
from fastpg.policies.base import LinearPolicy
from fastpg.rollouts.make_env import make_env
from fastpg.training.callbacks import Callback

Tuned = bool | str | os.PathLike[str]


def train(
    algorithm: str,
    env: Any,
    *,
    total_timesteps: int | None = None,
    seed: int | None = None,
    policy: str | LinearPolicy = "linear",
    policy_kwargs: Mapping[str, Any] | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    tuned: Tuned = True,
    callback: Callback | None = None,
    **options: Any,
) -> Algorithm:
    """Build an algorithm, let it learn, return it.

    Where `env` is an id that has `tuned_settings` and the policy is "linear", they are used, and a
    line on standard error says so. What is given here wins: options one by one, `policy_kwargs`
    and `env_kwargs` each as a whole.

    Args:
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env: as of the algorithm.
        total_timesteps: environment steps; by default the tuned ones, or else 100,000 (REINFORCE
            300,000).
        seed: as of the algorithm.
        policy: as of the algorithm.
        policy_kwargs: as of the algorithm.
        env_kwargs: with an id, keywords of `make_vec` where it is native, else of
            `gymnasium.make`.
        tuned: False uses the defaults. A file's path uses its settings, in the form of
            `fastpg/algorithms/tuned.toml`, and the built-in ones where it has none.
        callback: as of `learn`.
        **options: the algorithm's own.

    Raises:
        ValueError: an unknown algorithm, a value out of range, or a file of settings with something
            unknown or wrong; the message says where.
        TypeError: an unknown option, or an argument of the wrong type.
        OSError: a file of settings that cannot be read.
    """
    settings = settings_for(algorithm, env, policy, tuned)
    _tell(algorithm, env, settings, tuned)
    algo = build(
        algorithm,
        env,
        settings,
        seed=seed,
        policy=policy,
        policy_kwargs=policy_kwargs,
        env_kwargs=env_kwargs,
        **options,
    )
    return algo.learn(timesteps(algorithm, settings, total_timesteps), callback)


def settings_for(
    algorithm: str, env: Any, policy: Any = "linear", tuned: Tuned = True
) -> TunedSettings | None:
    """The tuned settings that `train` uses; None for the defaults."""
    find(algorithm)
    if tuned is False:
        return None
    if not isinstance(tuned, bool | str | os.PathLike):
        raise TypeError(f"tuned: expected True, False or the path of a file, got {tuned!r}")
    file = None if isinstance(tuned, bool) else tuned
    named = env if isinstance(env, str) and policy == "linear" else ""  # "" has none
    return tuned_settings(algorithm, named, file)


def build(
    algorithm: str,
    env: Any,
    settings: TunedSettings | None,
    *,
    seed: int | None = None,
    policy: str | LinearPolicy = "linear",
    policy_kwargs: Mapping[str, Any] | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Algorithm:
    """The algorithm that `train` lets learn: with these settings, but for what is given."""
    kind = find(algorithm)
    kind.options_class.build(kind.__name__, options)  # what is given is explained by itself
    if settings is not None:
        options = {**settings.options, **options}
        policy_kwargs = settings.policy_kwargs if policy_kwargs is None else policy_kwargs
        env_kwargs = settings.env_kwargs if env_kwargs is None else env_kwargs
    keywords = arrays.keywords("env_kwargs", env_kwargs)
    try:
        made = _made_with(keywords, env, kind, options) if keywords else env
        return kind(policy, made, policy_kwargs=policy_kwargs, seed=seed, **options)
    except ValueError as error:
        if settings is None:
            raise
        raise ValueError(f"{error} (with the settings {settings})") from error


def timesteps(algorithm: str, settings: TunedSettings | None, given: int | None = None) -> int:
    """Environment steps of a training: as given, as tuned, or the algorithm's default."""
    if given is not None:
        return given
    tuned = None if settings is None else settings.total_timesteps
    return DEFAULT_TIMESTEPS[algorithm] if tuned is None else tuned


def _made_with(
    keywords: dict[str, Any], env: Any, kind: type[Algorithm], given: Mapping[str, Any]
) -> Any:
    options = kind.options_class.build(kind.__name__, dict(given))
    count = threads.num_threads(options.num_threads)
    return make_env(env, options.n_envs, num_threads=count, env_kwargs=keywords)


def _tell(algorithm: str, env: Any, settings: TunedSettings | None, tuned: Tuned) -> None:
    if settings is not None:
        line = f"settings {settings}; tuned=False: the defaults"
    elif isinstance(tuned, bool):
        return
    else:
        line = f"the defaults, since {os.fspath(tuned)} has no settings for {algorithm} on {env}"
    print(f"fastpg: {line}", file=sys.stderr)
