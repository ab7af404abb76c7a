"""Names that the parameters and reset options of an environment of a user cannot have."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache

import gymnasium

from fastpg.envs.single import NativeEnv
from fastpg.envs.vector import NativeVectorEnv

_AS_MODEL = "CartPole-v1"
RESET_OPTIONS = frozenset(("reset_mask",))  # Gymnasium's own


def require_free(parameters: Iterable[str], options: Iterable[str]) -> None:
    """Raise ValueError for a name that environments, or the functions that make them, use.

    A parameter is a keyword of `make_vec` and `gymnasium.make`, and an attribute of the
    environment.

    Args:
        parameters: names of parameters.
        options: names of the numbers that a reset takes.

    Raises:
        ValueError: such a name.
    """
    for name in parameters:
        if name in _of_environments():
            raise ValueError(
                f"params: expected a name that environments do not use themselves, got {name!r}"
            )
    for name in options:
        if name in RESET_OPTIONS:
            raise ValueError(
                f"reset_options: expected a name that resets do not use themselves, got {name!r}"
            )


@cache
def _of_environments() -> frozenset[str]:
    """Attributes of environments, and arguments of the functions that make them."""
    single, several = NativeEnv(_AS_MODEL), NativeVectorEnv(_AS_MODEL)
    parameters = single.native.parameters()
    makers = (gymnasium.make, gymnasium.make_vec, NativeEnv, NativeVectorEnv)
    arguments = [
        name
        for maker in makers
        for name, one in inspect.signature(maker).parameters.items()
        if one.kind is not one.VAR_KEYWORD
    ]
    attributes = {*dir(single), *vars(single), *dir(several), *vars(several)}
    return frozenset({"self", *arguments, *attributes}.difference(parameters))
