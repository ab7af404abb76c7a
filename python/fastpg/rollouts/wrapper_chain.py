"""The wrappers of environments, in their order, as data.

An environment's spec does not suffice: of its time limits it has only the outermost, without its
place among the wrappers, and nothing of classes derived from the wrappers of `gymnasium.make`.
"""

from __future__ import annotations

import re
from typing import Any

from gymnasium.envs.registration import EnvSpec, WrapperSpec
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from fastpg.rollouts.wrappers import layers

_LIMIT = TimeLimit.__name__
_PASSING = (PassiveEnvChecker.__name__, OrderEnforcing.__name__)
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
        return _LIMIT, wrapper._max_episode_steps
    # A user's class may be called as one of Gymnasium's.
    taken = kind not in _UNRECORDED and kind.__name__ in (_LIMIT, *_PASSING)
    return f"{kind.__module__}.{kind.__name__}" if taken else kind.__name__, None


def _chain_elsewhere(env: Any, text: str, spec: EnvSpec) -> Chain:
    """The chain of the environments with a text, in other processes, which tell nothing else."""
    found = re.fullmatch(rf"((?:<\w+)*)<\w+<{re.escape(spec.id)}>+", text)
    names = [] if found is None else found[1].split("<")[:0:-1]
    if found is None or names.count(_LIMIT) > 1:  # the spec has only one limit
        return _chain_of_one_more(env, text)
    return tuple((name, spec.max_episode_steps if name == _LIMIT else None) for name in names)


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


def time_limit_and_wrappers(
    chain: Chain, spec: EnvSpec
) -> tuple[int | None, tuple[WrapperSpec, ...]]:
    """What `gymnasium.make` has to be given, and what has to be wrapped around its environment.

    Args:
        chain: all wrappers.
        spec: the environment's spec.

    Returns:
        The time limit, in steps (None: none), and the wrappers, innermost first.

    Raises:
        ObstacleError: the spec does not say how a wrapper was made.
    """
    wrappers = _with_keywords(chain, spec)
    limits = []
    while wrappers and wrappers[0].name == _LIMIT:  # the first of nested limits ends an episode
        limits.append((wrappers.pop(0).kwargs or {})["max_episode_steps"])
    return min(limits, default=None), tuple(wrappers)


def _with_keywords(chain: Chain, spec: EnvSpec) -> list[WrapperSpec]:
    """The wrappers that matter, time limits among them, with their keywords."""
    recorded = list(spec.additional_wrappers)
    wrappers = []
    for name, limit in chain:
        if name == _LIMIT:
            wrappers.append(TimeLimit.wrapper_spec(max_episode_steps=limit))
        elif recorded and recorded[0].name == name:
            wrappers.append(recorded.pop(0))
        elif name not in _PASSING:
            raise ObstacleError(f"it was wrapped in {name}")
    if recorded:
        raise ObstacleError(f"its spec names {recorded[0].name}, which does not wrap it")
    return wrappers
