"""The figures of bench/run.py as a page of the documentation."""

from __future__ import annotations

from typing import Any

PAGE = """# Speed

`{command}` makes this page.

Machine: {machine}.

Every row checks the answer before the clock starts. Both sides run in turn in one process (PyTorch
in its own), and times are medians. "times faster" is the baseline's time over ours, for the same
work.

| kernel | size | time | throughput | baseline: times faster |
|---|---|---|---|---|
{rows}

Whole tasks, and what the machine itself does:

| figure | value | |
|---|---|---|
{whole}

## What bounds it

- **Collecting.** A step of CartPole with a linear softmax writes 35 bytes and needs an exponential,
  a sine, a cosine and a division; all else stays in the first cache. At 100 million steps a second
  that is 3.5 GB/s written, far from the copy above: arithmetic bounds it. With `exact=True` there
  are four divisions, and the C library's sine and cosine, one number at a time, take more than
  half.
- **Two threads** share nothing but the way to memory, and run nearly twice as fast as one where
  they have two cores. Two virtual cores that are one real one give 1.2.
- **Single steps** of few environments: Python and the border take 1 to 2 us of a step. Of 1,024 the
  physics takes 1.7 us, the resets of those that ended 1 us, the rest is copying and booking.
- **Few environments.** With 8 or 16 of them one vector register holds all: each step waits for the
  one before, and neither width nor threads help.
- **GAE** over large windows moves 42 bytes a sample (58 with the lines that plain stores read) at
  the speed of the copy. Small windows stay in cache, and the recursion bounds them.
- **Fisher products** with few actions do 4 A multiply-adds a feature that is read: at A = 4 in
  float32 that is between the copy's and the multiplier's limit once the features no longer fit in
  the last cache.
- **Small batches.** What is left of an iteration of 16 x 64 steps beside the kernels is the
  interpreter: about 15 calls into the core and the record of the iteration.
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
    """Markdown of what `--json` writes."""
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
