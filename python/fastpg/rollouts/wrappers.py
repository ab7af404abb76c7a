"""What surrounds an environment: its wrappers, by name, and those with a memory of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gymnasium import wrappers

# Wrappers that pass observations, rewards and ends on as they are, or only add a time limit.
_PASSIVE = (
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.RecordEpisodeStatistics,
    wrappers.TimeLimit,
)


def layers(env: Any) -> Iterator[Any]:
    """The environment and what it wraps, outermost first.

    Args:
        env: a single or a vector environment.

    Yields:
        Wrappers, and last the environment without any.
    """
    while env is not None:
        yield env
        env = getattr(env, "env", None) if env is not getattr(env, "unwrapped", env) else None


def all_layers(env: Any) -> Iterator[Any]:
    """The layers of a vector environment, and those of its environments in the same process.

    Args:
        env: a vector environment.

    Yields:
        As `layers`, for each of them.
    """
    inner = getattr(env.unwrapped, "envs", ())
    for outermost in (env, *(inner if isinstance(inner, list | tuple) else ())):
        yield from layers(outermost)


def title(env: Any) -> str:
    """Name of an environment's class, in those of the wrappers that may change what it returns.

    Args:
        env: a single or a vector environment.

    Returns:
        A text such as "PendulumEnv" or "NormalizeObservation(PendulumEnv)".
    """
    names = [type(one).__name__ for one in layers(env) if not isinstance(one, _PASSIVE)]
    return "(".join(names) + ")" * (len(names) - 1)


def running_normaliser(env: Any) -> str | None:
    """A wrapper that normalises observations by statistics of its own.

    Args:
        env: a vector environment.

    Returns:
        Name of its class, of which Gymnasium has two; None if none is known.
    """
    for layer in all_layers(env):
        if "obs_rms" in vars(layer):
            return type(layer).__name__
    return None


def statistics_outside(env: Any) -> str | None:
    """The warning about a `running_normaliser`.

    Args:
        env: a vector environment.

    Returns:
        The text; None without such a wrapper.
    """
    name = running_normaliser(env)
    if name is None:
        return None
    return (
        f"{name}: its running statistics are no part of the policy, so that evaluations in other "
        "environments, and saved files, lack them: leave it out, and give "
        "policy_kwargs=dict(normalize_observations=True)"
    )
