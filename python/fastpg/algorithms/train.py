"""Training in one call: an algorithm by name, with the tuned settings of the environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from fastpg import arrays, threads
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.catalogue import DEFAULT_TIMESTEPS, find
from fastpg.algorithms.settings import LINEAR, TunedSettings, tuned_settings
from fastpg.envs import UserEnvironment
from fastpg.policies.base import Policy
from fastpg.policies.factory import is_mlp, kind_of
from fastpg.rollouts.make_env import make_env
from fastpg.training.callbacks.base import CallbackLike

Tuned = bool | str | os.PathLike[str]


def train(
    algorithm: str,
    env: Any,
    *,
    total_timesteps: int | None = None,
    seed: int | None = None,
    policy: str | Policy = "linear",
    policy_kwargs: Mapping[str, Any] | None = None,
    value_kwargs: Mapping[str, Any] | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    tuned: Tuned = True,
    callback: CallbackLike = None,
    log: Any = None,
    progress_bar: bool = False,
    eval_env: Any = None,
    eval_freq: int | None = None,
    n_eval_episodes: int = 10,
    **options: Any,
) -> Algorithm:
    """Build an algorithm, train it and return it.

    If `env` is an id, `policy` a name, and there are `tuned_settings` for them, these are used, and
    a line on standard error says so. Arguments given here take precedence: options one by one,
    `policy_kwargs` and `env_kwargs` each as a whole. A tuned option that loses its effect by those
    given, or whose unit they change, is left out: a tuned `ridge` with `baseline="mlp"`, a tuned
    `target_kl` with another `kl_per`.

    Args:
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env: an id, a Gymnasium environment, a callable that makes one, a list of callables, or a
            vector environment.
        total_timesteps: environment steps; None: the tuned number, or else 100,000 (REINFORCE:
            300,000).
        seed: seed of everything random, in [0, 2^64); None draws one.
        policy: "linear", "mlp" or a policy.
        policy_kwargs: with a name, keywords of the policy's `for_env`.
        value_kwargs: with `baseline="mlp"`, its `net_arch`, `activation_fn` and
            `normalize_observations`.
        env_kwargs: with an id, keywords of `make_vec` for a native environment, otherwise of
            `gymnasium.make`.
        tuned: True uses tuned settings if there are any; False uses the defaults. The path of a
            TOML file, in the form of `fastpg/algorithms/tuned.toml`, uses its settings, or the
            built-in ones if it has none.
        callback: called after each iteration, as in `learn`.
        log: a run folder or loggers, as in `learn`.
        progress_bar: as in `learn`.
        eval_env: environment for evaluations during training, as in `learn`.
        eval_freq: environment steps from one evaluation to the next, as in `learn`.
        n_eval_episodes: episodes of an evaluation, as in `learn`.
        **options: options of the algorithm.

    Returns:
        The trained algorithm.

    Raises:
        ValueError: unknown algorithm, a value out of range, or a settings file with an unknown name
            or a wrong value; the message names the place.
        TypeError: unknown option, or an argument of the wrong type.
        OSError: the settings file cannot be read, or a log cannot be started.
    """
    settings = settings_for(algorithm, env, policy, tuned)
    _print_settings(algorithm, env, settings, tuned)
    algo = build(
        algorithm,
        env,
        settings,
        seed=seed,
        policy=policy,
        policy_kwargs=policy_kwargs,
        value_kwargs=value_kwargs,
        env_kwargs=env_kwargs,
        **options,
    )
    return algo.learn(
        timesteps(algorithm, settings, total_timesteps),
        callback,
        log=log,
        progress_bar=progress_bar,
        eval_env=eval_env,
        eval_freq=eval_freq,
        n_eval_episodes=n_eval_episodes,
    )


def settings_for(
    algorithm: str, env: Any, policy: Any = "linear", tuned: Tuned = True
) -> TunedSettings | None:
    """The tuned settings that `train` uses.

    Args:
        algorithm: its name.
        env: argument `env` of `train`.
        policy: argument `policy` of `train`.
        tuned: argument `tuned` of `train`.

    Returns:
        The settings; None for the defaults.

    Raises:
        ValueError, OSError: as for `tuned_settings`.
        TypeError: `tuned` is neither a flag nor a path.
    """
    find(algorithm)
    if tuned is False:
        return None
    if not isinstance(tuned, bool | str | os.PathLike):
        raise TypeError(f"tuned: expected True, False or the path of a file, got {tuned!r}")
    file = None if isinstance(tuned, bool) else tuned
    kind = kind_of(policy)
    env_id = env.id if isinstance(env, UserEnvironment) else env
    named = env_id if isinstance(env_id, str) and kind else ""  # "" has no settings
    return tuned_settings(algorithm, named, file, policy=kind or LINEAR)


def build(
    algorithm: str,
    env: Any,
    settings: TunedSettings | None,
    *,
    seed: int | None = None,
    policy: str | Policy = "linear",
    policy_kwargs: Mapping[str, Any] | None = None,
    value_kwargs: Mapping[str, Any] | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Algorithm:
    """The algorithm of `train`, before it learns.

    Args:
        algorithm: its name.
        env: argument `env` of `train`.
        settings: tuned settings; the arguments below take precedence. None: the defaults.
        seed: argument `seed` of `train`.
        policy: argument `policy` of `train`.
        policy_kwargs: argument `policy_kwargs` of `train`.
        value_kwargs: argument `value_kwargs` of `train`.
        env_kwargs: argument `env_kwargs` of `train`.
        **options: options of the algorithm.

    Returns:
        A new algorithm.

    Raises:
        ValueError: a value out of range, or an unknown or unusable environment.
        TypeError: unknown option, or an argument of the wrong type.
    """
    kind = find(algorithm)
    kind.options_class.build(kind.__name__, options, is_mlp(policy))  # its errors name no settings
    used: set[str] = set()  # names of tuned arguments that the user has not given
    if settings is not None:
        used = {*settings.options}.difference(options)
        used |= set() if policy_kwargs is not None else {*settings.policy_kwargs}
        used |= set() if env_kwargs is not None else {*settings.env_kwargs}
        options = _with_tuned(kind, settings, options, is_mlp(policy))
        policy_kwargs = settings.policy_kwargs if policy_kwargs is None else policy_kwargs
    tuned = {} if settings is None or env_kwargs is not None else dict(settings.env_kwargs)
    keywords = arrays.keywords("env_kwargs", tuned if env_kwargs is None else env_kwargs)
    try:
        made = _made_with(keywords, env, kind, options, is_mlp(policy)) if keywords else env
        if tuned:
            made.training_only = tuple(tuned)
        return kind(
            policy,
            made,
            policy_kwargs=policy_kwargs,
            value_kwargs=value_kwargs,
            seed=seed,
            **options,
        )
    except ValueError as error:
        if settings is None or not _concerns(str(error), used):
            raise
        raise ValueError(f"{error} (with the settings {settings})") from error


def _concerns(message: str, names: Iterable[str]) -> bool:
    """Whether an error may be of arguments with these names."""
    return not set(re.findall(r"\w+", message)).isdisjoint(names)


def _with_tuned(
    kind: type[Algorithm], settings: TunedSettings, given: dict[str, Any], mlp: bool
) -> dict[str, Any]:
    """The options given, and the tuned ones that have an effect and their unit beside them."""
    both = {**settings.options, **given}
    tuned, built = (
        kind.options_class.build(kind.__name__, options, mlp)
        for options in (dict(settings.options), both)
    )

    def fits(name: str) -> bool:
        return built.has_effect(name) and not built.changes_unit(name, tuned)

    return {name: value for name, value in both.items() if name in given or fits(name)}


def timesteps(algorithm: str, settings: TunedSettings | None, given: int | None = None) -> int:
    """Number of environment steps to train for.

    Args:
        algorithm: its name.
        settings: tuned settings, or None.
        given: the user's number, or None.

    Returns:
        The given number, or else the tuned one, or else the algorithm's default.
    """
    if given is not None:
        return given
    tuned = None if settings is None else settings.total_timesteps
    return DEFAULT_TIMESTEPS[algorithm] if tuned is None else tuned


def _made_with(
    keywords: dict[str, Any], env: Any, kind: type[Algorithm], given: Mapping[str, Any], mlp: bool
) -> Any:
    options = kind.options_class.build(kind.__name__, dict(given), mlp)
    count = threads.num_threads(options.num_threads)
    return make_env(env, options.n_envs, num_threads=count, env_kwargs=keywords)


def _print_settings(algorithm: str, env: Any, settings: TunedSettings | None, tuned: Tuned) -> None:
    if settings is not None:
        line = f"settings {settings}; tuned=False: the defaults"
    elif isinstance(tuned, bool):
        return
    else:
        line = f"the defaults, since {os.fspath(tuned)} has no settings for {algorithm} on {env}"
    print(f"fastpg: {line}", file=sys.stderr)
