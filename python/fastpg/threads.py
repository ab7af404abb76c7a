"""How many threads kernels may use."""

from __future__ import annotations

import os

from fastpg import arrays

MOST_THREADS = 256


def default_num_threads() -> int:
    """The environment variable FASTPG_NUM_THREADS, else 1.

    Raises:
        ValueError: it is not an integer in [1, 256].
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
    """A number of threads in [1, 256]; None is `default_num_threads`."""
    if given is None:
        return default_num_threads()
    return arrays.integer("num_threads", given, 1, MOST_THREADS)
