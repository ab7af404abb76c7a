"""What the compiled core was built for and chose here, and how many threads it may use."""

from __future__ import annotations

import os
from typing import Any

from fastpg import _core, arrays

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


def build_info() -> dict[str, Any]:
    """The build and what it chose on this machine.

    Keys: version, architecture, compiler; isa, the instruction set that kernels run in, and
    isa_reason, why it was chosen; isas, those that this machine can run, any of which the
    environment variable FASTPG_ISA forces when it is set before the import; num_threads, the
    default (FASTPG_NUM_THREADS); cores, what this process may run on.
    """
    usable = getattr(os, "sched_getaffinity", None)
    return {
        "version": _core.__version__,
        **_core.build,
        "isas": list(_core.build["isas"]),
        "num_threads": default_num_threads(),
        "cores": len(usable(0)) if usable else os.cpu_count(),
    }
