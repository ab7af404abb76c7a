"""The number of threads that kernels use."""

from __future__ import annotations

import os

from fastpg import arrays

MOST_THREADS = 256


def default_num_threads() -> int:
    """The default number of threads: the environment variable FASTPG_NUM_THREADS, or 1.

    Returns:
        An integer in [1, 256].

    Raises:
        ValueError: the variable is not an integer in [1, 256].
    """
    given = os.environ.get("FASTPG_NUM_THREADS", "").strip()
    if not given:
        return 1
    if not given.isdecimal() or not 1 <= int(given) <= MOST_THREADS:
        raise ValueError(
            f"FASTPG_NUM_THREADS: expected an integer in [1, {MOST_THREADS}], got {given!r}"
        )
    return int(given)


def num_threads(given: int | None) -> int:
    """Check a number of threads.

    Args:
        given: in [1, 256]; None: `default_num_threads`.

    Returns:
        The number of threads.

    Raises:
        TypeError: not an integer.
        ValueError: out of range.
    """
    if given is None:
        return default_num_threads()
    return arrays.integer("num_threads", given, 1, MOST_THREADS)
