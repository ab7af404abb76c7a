"""Time every kernel and its baseline, then whole tasks.

python bench/run.py [--json FILE] [--write FILE] [--filter TEXT] [--quick]

With --write this runs once for each instruction set that the machine has and most machines have,
each in a process of its own, and NumPy and its BLAS use the same one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from rich.console import Console
from rich.table import Table

import fastpg
from kernels import Case, cases
from page import page
from timing import compare
from whole import figures

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
        "bound": case.bound,
        "flops": case.flops,
        "moved": case.moved,
        "threads": case.threads,
        "baselines": {
            name: {
                "seconds": case.scale * t.median,
                "times_faster": case.scale * t.median / ours.median,
            }
            for name, t in timings.items()
        },
    }


def machine() -> dict[str, Any]:
    """Versions and hardware, on which speed depends."""
    return {
        "fastpg": fastpg.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gymnasium": gymnasium.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "build": fastpg.build_info(),
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


def print_table(console: Console, results: list[dict[str, Any]]) -> None:
    """Print kernels and their baselines."""
    table = Table(*COLUMNS)
    for result in results:
        table.add_row(*_row(result))
    console.print(table)


# What makes OpenBLAS and NumPy 2.4 use no more than an instruction set.
SETS: dict[str, dict[str, str]] = {
    "avx512": {},
    "avx2": {
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    },
}


def write_page(given: argparse.Namespace) -> None:
    """Run once for each instruction set, and write docs/speed.md."""
    contents = {}
    for isa, settings in SETS.items():
        if isa not in fastpg.build_info()["isas"]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "results.json"
            arguments = ["--json", str(file), "--filter", given.filter]
            subprocess.run(
                [sys.executable, __file__, *arguments, *["--quick"] * given.quick],
                env={k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
                | {"FASTPG_ISA": isa}
                | settings,
                check=True,
            )
            contents[isa] = json.loads(file.read_text())
    command = f"python bench/run.py --write {given.write}" + (
        f" --filter {given.filter}" if given.filter else ""
    )
    given.write.write_text(page(contents, command), encoding="utf-8")


def main() -> None:
    """Print the table; with --json and --write, write the results too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--write", type=Path, help="write the results as a page, docs/speed.md")
    parser.add_argument("--filter", default="", help="only kernels whose name contains this text")
    parser.add_argument("--quick", action="store_true", help="one short round, to test the program")
    given = parser.parse_args()
    if given.write is not None:
        write_page(given)
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    repeats, seconds = (1, 0.0) if given.quick else (9, 0.02)
    results = [measure(case, repeats, seconds) for case in cases(given.filter)]
    print_table(console, results)
    whole = list(figures(given.filter, quick=given.quick))
    for figure in whole:
        print(f"{figure.name}: {figure.value:,.3g} {figure.unit} ({figure.detail})")
    content = {
        "machine": machine(),
        "results": results,
        "whole": [vars(figure) for figure in whole],
    }
    if given.json is not None:
        given.json.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
