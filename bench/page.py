"""The results of bench/run.py as a page of the documentation."""

from __future__ import annotations

from typing import Any

PAGE = """# Speed

`{command}` makes this page.

Machine: {machine}.

Before it is timed, every kernel is checked against its baseline. Both run alternately in one
process (PyTorch in its own process); times are medians. "times faster" is the baseline's time
divided by ours, for the same work.

| kernel | size | time | throughput | baseline: times faster |
|---|---|---|---|---|
{rows}

Whole tasks, and the speed of the machine:

| quantity | value | |
|---|---|---|
{whole}

## What limits the speed

- **Collecting.** A step of CartPole with a linear softmax writes 35 bytes and computes an
  exponential, a sine, a cosine and a division; all other data stay in the first-level cache. At 100
  million steps per second this writes 3.5 GB/s, far less than the copy above: arithmetic is the
  limit. With `exact=True` there are four divisions, and more than half of the time goes to the C
  library's sine and cosine, which compute one number at a time.
- **Two threads** share only the memory bandwidth, and are nearly twice as fast as one on two cores.
  On two virtual cores of one real core the factor is 1.2.
- **Single steps** of few environments: the Python call takes 1 to 2 us per step. With 1,024
  environments the physics takes 1.7 us and the resets of ended episodes 1 us; copying and
  bookkeeping take the rest.
- **Few environments.** One vector register holds 8 or 16 environments. Each step waits for the
  previous one, so that neither wider registers nor threads help.
- **GAE** on large windows moves 42 bytes per sample (58 with the cache lines that ordinary stores
  read first) at the speed of the copy. Small windows stay in cache; the recursion limits them.
- **Fisher products** with A actions do 4 A multiply-adds per feature read. With A = 4 and
  features that do not fit in the last-level cache, the limit is between that of memory and
  that of arithmetic.
- **Small batches.** In an iteration of 16 x 64 steps, the time outside the kernels is that of the
  Python interpreter: about 15 calls into the core, and the log entry.
"""


def _row(result: dict[str, Any]) -> str:
    baselines = ", ".join(
        f"{name} {_figure(figures['times_faster'])}"
        for name, figures in result["baselines"].items()
    )
    return (
        f"| {result['kernel']} | {result['size']} | {_time(result['seconds'])} "
        f"| {_figure(result['throughput'] / 1e6)} M {result['unit']}/s | {baselines} |"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:,.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:,.3g} us"


def page(content: dict[str, Any], command: str) -> str:
    """The Markdown page.

    Args:
        content: results, as `--json` writes them.
        command: the command that makes the page.
    """
    machine = content["machine"]
    build = machine["build"]
    described = (
        f"{machine['cores']} cores of {build['architecture']}, instruction set {build['isa']}, "
        f"{build['compiler']}, Python {machine['python']}, NumPy {machine['numpy']}, Gymnasium "
        f"{machine['gymnasium']}"
    )
    return PAGE.format(
        command=command,
        machine=described,
        rows="\n".join(_row(result) for result in content["results"]),
        whole="\n".join(
            f"| {w['name']} | {_figure(w['value'])} {w['unit']} | {w['detail']} |"
            for w in content["whole"]
        ),
    )
