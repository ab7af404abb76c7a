"""The arguments of a value network: checked, and refused where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastpg import arrays
from fastpg.policies.mlp import ACTIVATIONS, layer_sizes
from fastpg.suggestions import one_of, unknown

_NAMES = ("net_arch", "activation_fn", "normalize_observations")


def value_arguments(given: Any, baseline: str) -> dict[str, Any]:
    """The checked argument `value_kwargs` of an algorithm.

    Args:
        given: "net_arch", "activation_fn" and "normalize_observations" of `MlpBaseline`, or some of
            them; None: none of them.
        baseline: the option.

    Returns:
        A copy, of values that JSON can hold.

    Raises:
        TypeError: not a mapping, or an unknown key.
        ValueError: arguments with another baseline.
    """
    arguments = arrays.keywords("value_kwargs", given)
    for name in arguments:
        if name not in _NAMES:
            raise TypeError(unknown("value argument", name, _NAMES))
    if arguments and baseline != "mlp":
        raise ValueError(
            f"value_kwargs: allowed only with baseline='mlp', got {arguments!r} and "
            f"baseline={baseline!r}"
        )
    if "net_arch" in arguments:
        name = "value_kwargs['net_arch']"
        arguments["net_arch"] = layer_sizes(name, arguments["net_arch"])
    if "activation_fn" in arguments:
        name = "value_kwargs['activation_fn']"
        arguments["activation_fn"] = one_of(name, arguments["activation_fn"], ACTIVATIONS)
    if "normalize_observations" in arguments:
        name = "value_kwargs['normalize_observations']"
        arguments["normalize_observations"] = arrays.boolean(
            name, arguments["normalize_observations"]
        )
    return arguments


def require_effect(
    policy_kwargs: Mapping[str, Any] | None, value_kwargs: Mapping[str, Any], baseline: str
) -> None:
    """Raise ValueError if widths for a value network stand among a policy's, in vain.

    Args:
        policy_kwargs: argument of an algorithm, from which a policy was made.
        value_kwargs: result of `value_arguments`.
        baseline: the option.

    Raises:
        ValueError: `net_arch` has "vf", and there is no value network, or it has other widths.
    """
    net_arch = (policy_kwargs or {}).get("net_arch")
    if not isinstance(net_arch, Mapping):
        return
    name, widths = "net_arch['vf']", net_arch["vf"]
    if baseline != "mlp":
        raise ValueError(
            f"{name}: allowed only with baseline='mlp', got {widths!r} and baseline={baseline!r}"
        )
    if "net_arch" in value_kwargs:
        raise ValueError(
            f"{name}: allowed only without a net_arch in value_kwargs, got {widths!r} and "
            f"{value_kwargs['net_arch']!r}"
        )
