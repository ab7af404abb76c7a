"""Information on the compiled core and this machine."""

from __future__ import annotations

import os
from typing import Any

from fastpg import _core
from fastpg.threads import default_num_threads


def build_info() -> dict[str, Any]:
    """Version, compiler and instruction set of the compiled core.

    Returns:
        A dict with the keys: version, architecture and compiler; isa, the instruction set that the
            kernels use, and isa_reason, why it was chosen; isas, the instruction sets that this
            machine supports (the environment variable FASTPG_ISA, set before the import, selects
            one); num_threads, the default number of threads (FASTPG_NUM_THREADS); cores, the number
            of processors this process may use.

    Raises:
        ValueError: FASTPG_NUM_THREADS is not an integer in [1, 256].
    """
    usable = getattr(os, "sched_getaffinity", None)
    return {
        "version": _core.__version__,
        **_core.build,
        "isas": list(_core.build["isas"]),
        "num_threads": default_num_threads(),
        "cores": len(usable(0)) if usable else os.cpu_count(),
    }
