"""The wrappers of environments, in their order, as data.

An environment's spec does not suffice: of its time limits it has only the outermost, without its
place among the wrappers, and nothing of classes derived from the wrappers of `gymnasium.make`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gymnasium.envs.registration import EnvSpec, WrapperSpec
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from fastpg.rollouts.wrappers import layers

LIMIT = TimeLimit.__name__
PASSING = (PassiveEnvChecker.__name__, OrderEnforcing.__name__)  # they change nothing
_UNRECORDED = (TimeLimit, PassiveEnvChecker, OrderEnforcing)  # in no list of a spec

# Innermost first: name of the class; of a time limit its steps, too.
Chain = tuple[tuple[str, int | None], ...]


class ObstacleError(ValueError):
    """Why an environment cannot be made again."""


def chain_of(env: Any, spec: EnvSpec) -> Chain:
    """The wrappers that all environments of a vector environment have.

    Args:
        env: a `SyncVectorEnv`, or an `AsyncVectorEnv` with the usual workers.
        spec: the spec of each of its environments.

    Returns:
        All wrappers.

    Raises:
        ObstacleError: the environments differ, or the wrappers are unknown.
    """
    if isinstance(env, SyncVectorEnv):
        chains = {_chain(one) for one in env.envs}
    else:
        chains = {_chain_elsewhere(env, text, spec) for text in set(env.call("__str__"))}
    if len(chains) > 1:
        raise ObstacleError("its environments were not all made alike")
    return chains.pop()


def _chain(env: Any) -> Chain:
    outermost_first = [_layer(one) for one in layers(env)]
    return tuple(outermost_first[-2::-1])  # without the environment itself


def _layer(wrapper: Any) -> tuple[str, int | None]:
    kind = type(wrapper)
    if kind is TimeLimit:
        return LIMIT, wrapper._max_episode_steps
    # A user's class may be called as one of Gymnasium's.
    taken = kind not in _UNRECORDED and kind.__name__ in (LIMIT, *PASSING)
    return f"{kind.__module__}.{kind.__name__}" if taken else kind.__name__, None


def _chain_elsewhere(env: Any, text: str, spec: EnvSpec) -> Chain:
    """The chain of the environments with a text, in other processes, which tell nothing else."""
    found = re.fullmatch(rf"((?:<\w+)*)<\w+<{re.escape(spec.id)}>+", text)
    names = [] if found is None else found[1].split("<")[:0:-1]
    if found is None or names.count(LIMIT) > 1:  # the spec has only one limit
        return _chain_of_one_more(env, text)
    return tuple((name, spec.max_episode_steps if name == LIMIT else None) for name in names)


def _chain_of_one_more(env: Any, text: str) -> Chain:
    """The chain of an additional environment, made as those in other processes."""
    try:
        one = env.env_fns[0]()
        chain, same = _chain(one), str(one) == text
        one.close()
    except Exception as error:  # of the user's, whatever it is
        raise ObstacleError(f"its callable raises {type(error).__name__}: {error}") from error
    if not same:
        raise ObstacleError("its callables do not always make the same environment")
    return chain


def with_keywords(chain: Chain, recorded: Sequence[WrapperSpec]) -> list[WrapperSpec]:
    """The wrappers of a chain that matter, time limits among them, with their keywords.

    Args:
        chain: wrappers.
        recorded: those of them that a spec holds.

    Returns:
        The wrappers, innermost first.

    Raises:
        ObstacleError: it is not known how a wrapper was made.
    """
    left = list(recorded)
    wrappers = []
    for name, limit in chain:
        if name == LIMIT:
            wrappers.append(TimeLimit.wrapper_spec(max_episode_steps=limit))
        elif left and left[0].name == name:
            wrappers.append(left.pop(0))
        elif name not in PASSING:
            raise ObstacleError(f"it was wrapped in {name}")
    if left:
        raise ObstacleError(f"its spec names {left[0].name}, which does not wrap it")
    return wrappers
