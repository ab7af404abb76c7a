"""The wrappers of environments, in their order, as data.

An environment's spec does not suffice: of its time limits it has only the outermost, without its
place among the wrappers, and nothing of classes derived from the wrappers of `gymnasium.make`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gymnasium.envs.registration import WrapperSpec
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


@contextmanager
def examples(env: Any) -> Iterator[list[Any]]:
    """The environments of a vector environment; of those in other processes one more, made here.

    A process that is asked for what cannot be pickled ends.

    Args:
        env: a `SyncVectorEnv`, or an `AsyncVectorEnv` with the usual workers.

    Yields:
        At least one environment.

    Raises:
        ObstacleError: its callable raises an error.
    """
    if isinstance(env, SyncVectorEnv):
        yield list(env.envs)
        return
    try:
        one = env.env_fns[0]()
    except Exception as error:  # of the user's, whatever it is
        raise ObstacleError(f"its callable raises {type(error).__name__}: {error}") from error
    try:
        yield [one]
    finally:
        one.close()


def chain_of(envs: Sequence[Any]) -> Chain:
    """The wrappers that all of some environments have.

    Args:
        envs: environments.

    Returns:
        All wrappers.

    Raises:
        ObstacleError: the environments differ.
    """
    chains = {tuple(_layer(one) for one in layers(env))[-2::-1] for env in envs}  # without itself
    if len(chains) > 1:
        raise ObstacleError("its environments were not all made alike")
    return chains.pop()


def _layer(wrapper: Any) -> tuple[str, int | None]:
    kind = type(wrapper)
    if kind is TimeLimit:
        return LIMIT, wrapper._max_episode_steps
    # A user's class may be called as one of Gymnasium's.
    taken = kind not in _UNRECORDED and kind.__name__ in (LIMIT, *PASSING)
    return f"{kind.__module__}.{kind.__name__}" if taken else kind.__name__, None


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
