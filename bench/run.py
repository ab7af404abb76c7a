"""Time every kernel beside its baseline: python bench/run.py [--json FILE] [--filter TEXT]."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from rich.console import Console
from rich.table import Table

import fastpg
from kernels import Case, cases
from timing import compare

COLUMNS = ("kernel", "size", "median", "spread", "throughput", "answer", "baseline", "times faster")


def measure(case: Case, repeats: int, min_seconds: float) -> dict[str, Any]:
    """Check the answer, then time both sides in turn."""
    case.check()
    calls = {"ours": case.ours, **case.baselines}
    timings = compare(calls, repeats=repeats, min_seconds=min_seconds)
    ours = timings.pop("ours")
    return {
        "kernel": case.name,
        "size": case.size,
        "seconds": ours.median,
        "quartiles": [ours.low, ours.high],
        "throughput": case.work / ours.median,
        "unit": case.unit,
        "answer": "right",
        "baselines": {
            name: {
                "seconds": case.scale * t.median,
                "times_faster": case.scale * t.median / ours.median,
            }
            for name, t in timings.items()
        },
    }


def machine() -> dict[str, Any]:
    """What a speed depends on."""
    return {
        "fastpg": fastpg.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gymnasium": gymnasium.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": 1,
    }


def _row(result: dict[str, Any]) -> list[str]:
    low, high = (1e6 * s for s in result["quartiles"])
    names = list(result["baselines"])
    return [
        result["kernel"],
        result["size"],
        f"{1e6 * result['seconds']:,.1f} us",
        f"{low:,.1f} - {high:,.1f}",
        f"{result['throughput'] / 1e6:,.2f} M {result['unit']}/s",
        result["answer"],
        "\n".join(names),
        "\n".join(f"{result['baselines'][n]['times_faster']:.1f}" for n in names),
    ]


def import_seconds() -> float:
    """Median wall time of `import fastpg` in a fresh interpreter, numpy and gymnasium included."""
    code = "import time; t = time.perf_counter(); import fastpg; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        for _ in range(5)
    ]
    return float(np.median([float(r.stdout) for r in runs]))


def main() -> None:
    """Print the table, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--filter", default="", help="only kernels whose name contains this text")
    parser.add_argument("--quick", action="store_true", help="one short round: does it run?")
    given = parser.parse_args()
    results = []
    table = Table(*COLUMNS)
    for case in cases(given.filter):
        repeats, seconds = (1, 0.0) if given.quick else (9, 0.02)
        results.append(measure(case, repeats, seconds))
        table.add_row(*_row(results[-1]))
    console = Console()
    console.print(table) if console.is_terminal else Console(width=150).print(table)
    imported = import_seconds()
    print(f"import fastpg: {imported:.3f} s")
    if given.json is not None:
        given.json.write_text(
            json.dumps(
                {"machine": machine(), "import_seconds": imported, "results": results}, indent=2
            )
        )


if __name__ == "__main__":
    main()
