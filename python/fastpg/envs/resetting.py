"""Seeds and bounds of resets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpg import arrays
from fastpg.envs.environment import Environment
from fastpg.suggestions import unknown

_MOST_BOUND = 1e38  # what a float32 observation can hold


def reset_bounds(
    environment: Environment, options: dict[str, Any], others: Sequence[str] = ()
) -> tuple[float, ...] | None:
    """The bounds of the start state in the options of a reset.

    Args:
        environment: class of the environment.
        options: bounds by name; the default replaces one that is missing.
        others: names of options that the caller reads itself, for the list in the error.

    Returns:
        One number for each of the environment's `reset_options`; None if `options` is empty.

    Raises:
        ValueError: an unknown option, a value that is not a finite number, or wrong bounds.
    """
    names = environment.reset_options
    for name in options:
        if name not in names:
            raise ValueError(unknown("option", name, [*names, *others]))
    if not options:
        return None
    bounds = {
        name: _bound(name, options.get(name, default))
        for name, default in environment.reset_defaults().items()
    }
    environment.check_bounds(bounds)
    if max(map(abs, bounds.values())) > _MOST_BOUND:
        raise ValueError(f"{', '.join(names)}: expected magnitudes of at most {_MOST_BOUND:g}")
    return tuple(bounds.values())


def _bound(name: str, value: Any) -> float:
    """A bound, from any value that `float` accepts, as in Gymnasium; otherwise ValueError."""
    try:
        bound = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: expected a number, got {value!r}") from None
    return arrays.number(name, bound)


def seed_list(seed: Any, num_envs: int) -> list[int | None]:
    """One seed for each environment.

    Args:
        seed: an integer s of at least 0 gives s + i to environment i; a sequence has a seed or None
            for each environment; None: no seeds.
        num_envs: number of environments.

    Returns:
        num_envs seeds; None: no seed.

    Raises:
        ValueError: another number of seeds, or a negative one.
        TypeError: seeds that are not integers.
    """
    if seed is None:
        return [None] * num_envs
    if isinstance(seed, int | np.integer):
        first = arrays.integer("seed", seed, 0)
        return [first + i for i in range(num_envs)]
    several = seed.ndim == 1 if isinstance(seed, np.ndarray) else isinstance(seed, Sequence)
    if isinstance(seed, str) or not several:
        raise TypeError(f"seed: expected an integer or a sequence of them, got {seed!r}")
    if len(seed) != num_envs:
        raise ValueError(f"seed: expected {num_envs} seeds, got {len(seed)}")
    return [None if one is None else arrays.integer("seed", one, 0) for one in seed]


def fresh_seed() -> int:
    """128 bits of entropy."""
    words = np.random.SeedSequence().generate_state(4, np.uint32)
    return int.from_bytes(words.tobytes(), "little")


def entropy_words(seeds: Sequence[int | None]) -> list[Any] | None:
    """Seeds as the 32-bit words that NumPy's SeedSequence would use.

    Args:
        seeds: integers of at least 0; None: no seed.

    Returns:
        An array of words, or None, for each seed; None for an empty sequence.
    """
    if not seeds:
        return None
    small = [seed for seed in seeds if seed is not None and seed < 2**32]
    if len(small) == len(seeds):  # faster: one word for each
        return list(np.array(small, dtype=np.uint32)[:, np.newaxis])
    return [None if seed is None else arrays.seed_words(seed) for seed in seeds]
