"""What the compiled core was built for and what it chose on this machine."""

from __future__ import annotations

import os
from typing import Any

from fastpg import _core
from fastpg.threads import default_num_threads


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
