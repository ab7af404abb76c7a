"""Making a policy by name, checking that it fits an environment, and restoring it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from gymnasium import spaces

from fastpg import arrays
from fastpg.policies.base import Policy
from fastpg.policies.env_spaces import single_space
from fastpg.policies.feature_choice import restore_features
from fastpg.policies.function_features import Function
from fastpg.policies.gaussian import LOG_STD_RANGE, Gaussian
from fastpg.policies.linear import LinearGaussian, LinearSoftmax
from fastpg.policies.mlp import MlpGaussian, MlpSoftmax, Perceptron
from fastpg.suggestions import unknown

# By the name of the policy and the class of the action space.
POLICIES: dict[str, dict[type[spaces.Space[Any]], type[Policy]]] = {
    "linear": {
        spaces.Discrete: LinearSoftmax,
        spaces.MultiDiscrete: LinearSoftmax,
        spaces.Box: LinearGaussian,
    },
    "mlp": {
        spaces.Discrete: MlpSoftmax,
        spaces.MultiDiscrete: MlpSoftmax,
        spaces.Box: MlpGaussian,
    },
}
# Arguments of a policy that is made by name; `log_std_init` is for a Box.
POLICY_ARGUMENTS = {
    "linear": ("features", "features_kwargs", "normalize_observations", "log_std_init"),
    "mlp": (
        "net_arch",
        "activation_fn",
        "ortho_init",
        "normalize_observations",
        "log_std_init",
        "seed",
    ),
}
_MLP_DEFAULTS = {"normalize_observations": True}  # of a perceptron that is made by name
_SAME = {"MlpPolicy": "mlp"}  # as stable-baselines3 writes it
_KINDS = {kind.kind: kind for kinds in POLICIES.values() for kind in kinds.values()}


def make_policy(
    policy: str | Policy, env: Any, policy_kwargs: Mapping[str, Any] | None = None, seed: int = 0
) -> Policy:
    """The given policy, or a new one by name; it fits the environment.

    Args:
        policy: a policy, "linear" or "mlp" ("MlpPolicy" is the same).
        env: environment whose spaces it must fit.
        policy_kwargs: with a name, arguments of `for_env`; "mlp" normalises observations unless
            they say otherwise.
        seed: of the initial parameters of a perceptron, unless `policy_kwargs` has another.
    """
    if isinstance(policy, str):
        arguments = arrays.keywords("policy_kwargs", policy_kwargs)
        name = _SAME.get(policy, policy)
        if name not in POLICIES:
            classes = "; ".join(f"{each!r} is {_classes_in_words(each)}" for each in POLICIES)
            raise ValueError(f"{unknown('policy', policy, list(POLICIES))}: {classes}")
        defaults = {"seed": seed} | _MLP_DEFAULTS if name == "mlp" else {}
        kind = policy_class(name, single_space(env, "action"))
        return kind.for_env(env, **defaults | arguments)
    if not isinstance(policy, Policy):
        raise TypeError(f"policy: expected a policy or its name, got {policy!r}")
    if policy_kwargs is not None:
        raise TypeError(
            f"policy_kwargs: allowed only with the name of a policy, got {policy!r} too"
        )
    require_fit(policy, env)
    keep_within(policy, env)
    return policy


def kind_of(policy: Any) -> str | None:
    """The key of `POLICIES` that a name stands for; None for anything else."""
    name = _SAME.get(policy, policy) if isinstance(policy, str) else None
    return name if name in POLICIES else None


def is_mlp(policy: Any) -> bool:
    """Whether it is a perceptron, or the name of one."""
    if isinstance(policy, str):
        return kind_of(policy) == "mlp"
    return isinstance(policy, Perceptron)


def policy_class(name: str, space: spaces.Space[Any]) -> type[Policy]:
    """The class of the policy of this name for such actions.

    Args:
        name: a key of `POLICIES`.
        space: the action space of one environment.

    Raises:
        ValueError: no policy has such actions.
    """
    for kind_of_space, policy in POLICIES[name].items():
        if isinstance(space, kind_of_space):
            return policy
    *others, last = (kind_of_space.__name__ for kind_of_space in POLICIES[name])
    known = f"{', '.join(others)} or {last}"
    raise ValueError(f"policy {name!r}: expected a {known} action space, got {space}")


def require_policy_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    """Check arguments of a policy whose action space is not known, by making small policies.

    Args:
        name: a key of `POLICIES`.
        arguments: keywords of its classes; they need to fit one of these.

    Raises:
        TypeError: an argument has another type, or no class has all of them.
        ValueError: an argument has a wrong value.
    """
    classes = dict.fromkeys(POLICIES[name].values())
    able = [kind for kind in classes if set(arguments) <= {*kind._arguments()}]
    if not able:
        raise TypeError(
            f"policy {name!r}: expected arguments of one class, got {', '.join(arguments)}: "
            f"no one of {', '.join(kind.__name__ for kind in classes)} has all of them"
        )
    for kind in able:
        kind(1, 1, **arguments)


def _classes_in_words(name: str) -> str:
    """Each class with its actions, such as "LinearGaussian for Box"."""
    found: dict[str, list[str]] = {}
    for space, kind in POLICIES[name].items():
        found.setdefault(kind.__name__, []).append(space.__name__)
    return ", ".join(f"{kind} for {' and '.join(of)}" for kind, of in found.items())


def require_fit(policy: Policy, env: Any) -> None:
    """Raise ValueError unless the policy's sizes are those of the environment's spaces."""
    for name, expected in type(policy)._sizes(env).items():
        got = getattr(policy, name)
        if expected != got:
            raise ValueError(f"env: expected spaces of a policy with {name} {got}, got {expected}")


def keep_within(policy: Policy, env: Any) -> None:
    """Narrow the bounds of a Gaussian policy to those of the environment's Box."""
    space = single_space(env, "action")
    if isinstance(policy, Gaussian) and isinstance(space, spaces.Box):
        policy.keep_within(space)


def restore_policy(
    stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any], features: Function | None = None
) -> Policy:
    """The policy with a stored `state`; `features` is as in `restore_features`."""
    if meta["kind"] not in _KINDS:
        raise ValueError(f"policy: unknown kind {meta['kind']!r}")
    kind = _KINDS[meta["kind"]]
    policy: Policy = kind(
        observation_size=meta["observation_size"],
        normalize_observations=meta["normalizer_count"] is not None,
        theta=stored["theta"],
        **_network_arguments(kind, meta, features),
        **_action_arguments(kind, stored, meta),
    )
    policy._restore_normalizer(stored, meta["normalizer_count"])
    return policy


def _network_arguments(
    kind: type[Policy], meta: dict[str, Any], features: Function | None
) -> dict[str, Any]:
    made = restore_features(meta["features"], features)
    if not issubclass(kind, Perceptron):
        return {"features": made}
    return {
        "net_arch": {"pi": meta["net_arch"], "vf": meta["value_arch"]},
        "activation_fn": meta["activation_fn"],
        "ortho_init": meta["ortho_init"],
        "seed": arrays.integer("initial_seed", meta["initial_seed"], 0),
    }


def _action_arguments(
    kind: type[Policy], stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]
) -> dict[str, Any]:
    if not issubclass(kind, Gaussian):
        return {"n_actions": meta["n_actions"]}
    # Files of 0.1.0 hold the number that the user gave; the policy clipped it to the bounds.
    least, most = LOG_STD_RANGE
    asked = arrays.number("log_std_init", meta["log_std_init"])
    found = {
        "action_size": meta["action_size"],
        "low": stored["low"],
        "high": stored["high"],
        "log_std_init": min(max(asked, least), most),
    }
    if issubclass(kind, MlpGaussian):  # files of earlier versions have no such sigma
        found["state_dependent_std"] = meta.get("state_dependent_std", False)
    return found
