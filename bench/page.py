"""The results of bench/run.py as a page of the documentation."""

from __future__ import annotations

from typing import Any

PAGE = """# Speed

`{command}` makes this page.

Machine: {machine}.

Before it is timed, every kernel is checked against its baseline. Both run alternately in one
process (PyTorch in its own process); times are medians. "times faster" is the baseline's time
divided by ours, for the same work. Each instruction set has a process of its own, in which NumPy
and its BLAS use the same one.

{notes}

"What bounds it": where that is multiply-adds or memory, the percentages are the share of the
machine's own rates below that the kernel reaches, {order}. Of multiply-adds
the products alone are counted, in float64; beside them the kernel computes exponentials and sums. A
share above 100 % stays in cache, where the copy did not, or needs fewer operations than were
counted.

| kernel | size | {columns} | what bounds it |
|---|---|{dashes}---|
{rows}

Whole tasks, and the speed of the machine:

| quantity | {wholes} | |
|---|{whole_dashes}---|
{whole}

## What limits the speed

- **Collecting.** A step of CartPole with a linear softmax writes 35 bytes and computes an
  exponential, a sine, a cosine and a division; all other data stay in the first-level cache. At 100
  million steps per second this writes 3.5 GB/s, far less than the copy above: arithmetic is the
  limit. With `exact=True` there are four divisions, and much of the time goes to the C
  library's sine and cosine, which compute one number at a time.
- **Two threads** share the memory bandwidth, and on two virtual cores of one real core its
  arithmetic too: the factor is then near 1.2. The table has this machine's.
- **Single steps** of few environments: the Python call takes most of the time, as the rows of one
  environment show. With many, the physics, the resets of ended episodes and copies share it.
- **Few environments.** One vector register holds 8 or 16 environments. Each step waits for the
  previous one, so that neither wider registers nor threads help.
- **GAE** on large windows moves 42 bytes per sample (58 with the cache lines that ordinary stores
  read first); the table says at what share of the copy's rate. Small windows stay in cache; the
  recursion limits them.
- **Fisher products** with A actions do 4 A multiply-adds per feature read. With A = 4 and
  features that do not fit in the last-level cache, the limit is between that of memory and
  that of arithmetic.
- **Small batches.** In an iteration of 16 x 64 steps, the time outside the kernels is that of the
  Python interpreter: the calls into the core, and the log entry.
"""


def _row(contents: dict[str, Any], number: int) -> str:
    results = [content["results"][number] for content in contents.values()]
    first = results[0]
    cells = [f"{first['kernel']}", first["size"]]
    for result in results:
        cells += [_time(result["seconds"]), _baselines(result)]
    shares = [_share(content, content["results"][number]) for content in contents.values()]
    shown = ", ".join(share for share in shares if share)
    cells.append(first["bound"] + (f": {shown}" if shown else ""))
    return f"| {' | '.join(cells)} |"


def _baselines(result: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {_figure(figures['times_faster'])}"
        for name, figures in result["baselines"].items()
        if name != "copy"
    )


def _share(content: dict[str, Any], result: dict[str, Any]) -> str:
    """Of the machine's rate that the kernel reaches; "" where none was counted."""
    rates = {figure["name"]: 1e9 * figure["value"] for figure in content["whole"]}
    floors = {
        "multiply-add, float64": result["flops"] / result["threads"],
        "copy": result["moved"] / result["threads"],
    }
    seconds = [work / rates[name] for name, work in floors.items() if work and name in rates]
    return f"{100 * max(seconds) / result['seconds']:.0f} %" if seconds else ""


def _whole(contents: dict[str, Any], number: int) -> str:
    figures = [content["whole"][number] for content in contents.values()]
    values = [f"{_figure(figure['value'])} {figure['unit']}" for figure in figures]
    return f"| {figures[0]['name']} | {' | '.join(values)} | {figures[0]['detail']} |"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:,.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:,.3g} us"


NAMES = {"avx512": "AVX-512", "avx2": "AVX2", "baseline": "SSE2"}


def _machine(content: dict[str, Any]) -> str:
    machine = content["machine"]
    build = machine["build"]
    return (
        f"{machine['cores']} cores of {build['architecture']}, {build['compiler']}, Python "
        f"{machine['python']}, NumPy {machine['numpy']}, Gymnasium {machine['gymnasium']}"
    )


def page(contents: dict[str, dict[str, Any]], command: str) -> str:
    """The Markdown page.

    Args:
        contents: results of each instruction set, as `--json` writes them, by its name.
        command: the command that makes the page.
    """
    first = next(iter(contents.values()))
    names = [NAMES[isa] for isa in contents]
    several = len(names) > 1
    return PAGE.format(
        command=command,
        machine=_machine(first),
        order=" and ".join(f"in {name}" for name in names),
        notes=(
            f"The columns of {names[1]} are of the same machine, with its clock and its caches."
            if several
            else f"Instruction set: {names[0]}."
        ),
        columns=" | ".join(f"{name} | times faster" for name in names),
        dashes="---|---|" * len(names),
        rows="\n".join(_row(contents, k) for k in range(len(first["results"]))),
        wholes=" | ".join(names),
        whole_dashes="---|" * len(names),
        whole="\n".join(_whole(contents, k) for k in range(len(first["whole"]))),
    )
