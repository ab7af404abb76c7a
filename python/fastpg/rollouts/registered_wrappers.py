"""Which wrappers of an environment come with its id, and which are around what its id makes."""

from __future__ import annotations

import inspect
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, WrapperSpec, load_env_creator

from fastpg.rollouts.wrapper_chain import LIMIT, PASSING, Chain, ObstacleError, with_keywords


def time_limit_and_wrappers(
    chain: Chain, spec: EnvSpec
) -> tuple[int | None, tuple[WrapperSpec, ...]]:
    """What `gymnasium.make` has to be given, and what has to be wrapped around its environment.

    `gymnasium.make` wraps what the entry point returns in the time limit, and this in the wrappers
    that were registered with the id.

    Args:
        chain: all wrappers of the environment.
        spec: its spec.

    Returns:
        The time limit, in steps (None: none), and the wrappers, innermost first.

    Raises:
        ObstacleError: it is not known how a wrapper was made, or the environment lacks one of its
            id.
    """
    inside = _count_of_entry_point(chain, spec)
    taken = _count_recorded(chain[:inside], spec)
    wrappers = with_keywords(chain[inside:], spec.additional_wrappers[taken:])
    limits = []
    while wrappers and wrappers[0].name == LIMIT:  # the first of nested limits ends an episode
        limits.append((wrappers.pop(0).kwargs or {})["max_episode_steps"])
    registered = gymnasium.registry.get(spec.id)
    for each in () if registered is None else registered.additional_wrappers[taken:]:
        if not wrappers or not _is_made_by(wrappers.pop(0), each):
            raise ObstacleError(f"it is not wrapped in {each.name} as its id wraps it")
    return min(limits, default=None), tuple(wrappers)


def _count_of_entry_point(chain: Chain, spec: EnvSpec) -> int:
    """How many of the innermost wrappers are of what the id's entry point returns.

    Raises:
        ObstacleError: this is unknown.
    """
    creator: Any = spec.entry_point
    if isinstance(creator, str):
        creator = load_env_creator(creator)
    if isinstance(creator, type) and not issubclass(creator, gymnasium.Wrapper):
        return 0
    names = [name for name, _ in chain]
    # The first that `gymnasium.make` adds; the entry point may have called it, too.
    if PASSING[0] in names:
        return len(names) - 1 - names[::-1].index(PASSING[0])
    if PASSING[1] in names:
        return names.index(PASSING[1])
    if set(names) - {LIMIT}:
        raise ObstacleError("it is unknown which of its wrappers its id makes")
    return 0


def _count_recorded(chain: Chain, spec: EnvSpec) -> int:
    """How many wrappers of a spec belong to the innermost part of a chain."""
    recorded, count = spec.additional_wrappers, 0
    for name, _ in chain:
        count += count < len(recorded) and recorded[count].name == name
    return count


def _is_made_by(wrapper: WrapperSpec, registered: WrapperSpec) -> bool:
    """Whether a wrapper is one that was registered, as far as it has kept its keywords."""
    creator: Any = load_env_creator(registered.entry_point)
    if not isinstance(creator, type):
        return False
    # The registered keywords lack those that have their defaults.
    usual = {p.name: p.default for p in inspect.signature(creator).parameters.values()}
    expected = usual | (registered.kwargs or {})
    kept = wrapper.kwargs or {}
    return wrapper.entry_point == f"{creator.__module__}:{creator.__name__}" and all(
        repr(expected[name]) == repr(value) for name, value in kept.items() if name in expected
    )
