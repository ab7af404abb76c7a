"""Making a policy by name, checking that it fits an environment, and restoring it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from gymnasium import spaces

from fastpg import arrays
from fastpg.policies.base import LinearPolicy
from fastpg.policies.env_spaces import single_space
from fastpg.policies.feature_choice import restore_features
from fastpg.policies.function_features import Function
from fastpg.policies.linear import LOG_STD_RANGE, LinearGaussian, LinearSoftmax
from fastpg.suggestions import unknown

POLICIES = ("linear",)


def make_policy(
    policy: str | LinearPolicy, env: Any, policy_kwargs: Mapping[str, Any] | None = None
) -> LinearPolicy:
    """The given policy, or a new one by name; it fits the environment.

    Args:
        policy: a policy, or "linear".
        env: environment whose spaces it must fit.
        policy_kwargs: with a name, arguments of `for_env`.
    """
    if isinstance(policy, str):
        if policy not in POLICIES:
            raise ValueError(
                f"{unknown('policy', policy, POLICIES)}: 'linear' is LinearSoftmax for discrete "
                "actions and LinearGaussian for a Box"
            )
        return linear_policy(env, **arrays.keywords("policy_kwargs", policy_kwargs))
    if not isinstance(policy, LinearPolicy):
        raise TypeError(f"policy: expected a policy or its name, got {policy!r}")
    if policy_kwargs is not None:
        raise TypeError(f"policy_kwargs: allowed only with policy='linear', got {policy!r} too")
    require_fit(policy, env)
    keep_within(policy, env)
    return policy


def linear_policy(env: Any, **arguments: Any) -> LinearPolicy:
    """LinearSoftmax for discrete actions and LinearGaussian for a Box, with its arguments."""
    continuous = isinstance(single_space(env, "action"), spaces.Box)
    return (LinearGaussian if continuous else LinearSoftmax).for_env(env, **arguments)


def require_fit(policy: LinearPolicy, env: Any) -> None:
    """Raise ValueError unless the policy's sizes are those of the environment's spaces."""
    fitting = type(policy).for_env(env)
    for name in ("observation_size", "single", "choices", "action_size"):
        expected, got = getattr(fitting, name, None), getattr(policy, name, None)
        if expected != got:
            raise ValueError(f"env: expected spaces of a policy with {name} {got}, got {expected}")


def keep_within(policy: LinearPolicy, env: Any) -> None:
    """Narrow the bounds of a Gaussian policy to those of the environment's Box."""
    space = single_space(env, "action")
    if isinstance(policy, LinearGaussian) and isinstance(space, spaces.Box):
        policy.keep_within(space)


def restore_policy(
    stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any], features: Function | None = None
) -> LinearPolicy:
    """The policy with a stored `state`; `features` is as in `restore_features`."""
    arguments: dict[str, Any] = {
        "observation_size": meta["observation_size"],
        "features": restore_features(meta["features"], features),
        "normalize_observations": meta["normalizer_count"] is not None,
        "theta": stored["theta"],
    }
    policy: LinearPolicy
    if meta["kind"] == LinearSoftmax.kind:
        policy = LinearSoftmax(n_actions=meta["n_actions"], **arguments)
    elif meta["kind"] == LinearGaussian.kind:
        # Files of 0.1.0 hold the number that the user gave; the policy clipped it to the bounds.
        least, most = LOG_STD_RANGE
        asked = arrays.number("log_std_init", meta["log_std_init"])
        policy = LinearGaussian(
            action_size=meta["action_size"],
            low=stored["low"],
            high=stored["high"],
            log_std_init=min(max(asked, least), most),
            **arguments,
        )
    else:
        raise ValueError(f"policy: unknown kind {meta['kind']!r}")
    policy._restore_normalizer(stored, meta["normalizer_count"])
    return policy
