"""Compare two installed versions of fastpg, in turns in one run.

python bench/compare.py OLD_PYTHON NEW_PYTHON [--tree-old DIR --tree-new DIR] [--kernels]

OLD_PYTHON and NEW_PYTHON are the interpreters of two environments that have fastpg installed. Each
runs in a process of its own that lives as long as the comparison; they are asked alternately, so
that what disturbs the machine disturbs both. Every number is the median over the rounds. Both sides
get the same explicit options: the old version's defaults, where the new one has such an option.

- Iteration: from one call of the callback of `learn` to the next; 16 environments.
- Crossings: entries from Python into a function, method, static method, property or constructor
  of `fastpg._core`, whatever it calls inside (see comparison/crossings.py). Python calls: `call`
  events of sys.setprofile, of code in the package and of any code, resumed generators included,
  the callback left out. Both of the third of five iterations of NPG, 16 x 64.
- Interpreter's part: an iteration's time less the time within its crossings. That is measured
  in a second run with a function of Python before each, less what the clock shows of a crossing
  that does nothing.
- Solved: as in bench/whole.py, with the number of iterations the same on both sides, or an error.
- Wheel: the installed package with its extension, compressed as in a wheel.
- Build, with both trees: CPU seconds of a cold `pip install --no-deps` into a new environment, with
  the build isolated and one job, and the longest compile unit's share in the time of all.
- Kernels, with both trees and --kernels: each tree's own bench/kernels, for the cases that both
  have; those that got slower than 1.05 in three pairs of processes are printed. Both environments
  need what `fastpg-rl[bench]` lists.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from comparison.builds import cold_build
from comparison.partner import Partners, medians, partners

ITERATIONS = {"NPG": 100, "TRPO": 100, "PPO": 30}  # in a round
PREDICTIONS = 2000  # in a round
SOLVES = 4  # of every seed
SLOWER = 1.05
PAIRS = 3  # of processes in which a kernel must be slower


class Row(NamedTuple):
    """A line of the table; the numbers are in `unit`."""

    what: str
    old: float
    new: float
    unit: str


def common_options(both: Partners, name: str) -> dict[str, object]:
    """The old one's defaults, of the options that both have."""
    old, new = both.ask("options", name)
    return {key: value for key, value in old.items() if key in new}


def counts(both: Partners) -> Iterator[Row]:
    """What an iteration calls."""
    old, new = both.ask("counts", "NPG", common_options(both, "NPG"), 64)
    names = ("crossings into C++", "Python calls within fastpg", "Python calls")
    for name, *values in zip(names, old, new, strict=True):
        yield Row(f"NPG iteration, 16 x 64: {name}", *values, "")


def interpreters_part(both: Partners, rounds: int) -> Iterator[Row]:
    """Where an iteration's time goes."""
    arguments = ("NPG", common_options(both, "NPG"), 64, ITERATIONS["NPG"])
    found = [both.ask("interpreter", *arguments) for _ in range(rounds)]
    for k, name in enumerate(("whole", "within C++", "interpreter's part")):
        turns = iter([(1e6 * old[k], 1e6 * new[k]) for old, new in found])
        values = medians(rounds, lambda turns=turns: next(turns))
        yield Row(f"NPG iteration, 16 x 64: {name}", *values, "us")


def iterations(both: Partners, rounds: int) -> Iterator[Row]:
    """Time of an iteration."""
    for name, count in ITERATIONS.items():
        given = common_options(both, name)
        for n_steps in (64, 128):
            old, new = both.medians(rounds, "iteration", name, given, n_steps, count)
            yield Row(f"{name} iteration, 16 x {n_steps}", 1e6 * old, 1e6 * new, "us")


def solved(both: Partners, seeds: int) -> Iterator[Row]:
    """Time to a solved CartPole."""
    given = common_options(both, "NPG")
    both.ask("solve", 0, given)
    found = [both.ask("solve", seed, given) for seed in range(seeds) for _ in range(SOLVES)]
    for k, (old, new) in enumerate(found):
        assert old[1:] == new[1:], f"seed {k // SOLVES}: iterations and solved {old[1:]}, {new[1:]}"
    turns = iter([(1e3 * old[0], 1e3 * new[0]) for old, new in found])
    reached = sum(old[2] for old, _ in found[::SOLVES])
    name = f"CartPole-v1 solved by NPG, {reached} of {seeds} seeds"
    yield Row(name, *medians(len(found), lambda: next(turns)), "ms")


def predictions(both: Partners, rounds: int) -> Iterator[Row]:
    """Time of a prediction."""
    for env_id in ("CartPole-v1", "Pendulum-v1"):
        for deterministic, kind in ((True, "deterministic"), (False, "sampled")):
            old, new = both.medians(rounds, "predict", env_id, deterministic, PREDICTIONS)
            yield Row(f"predict, {env_id}, {kind}", 1e6 * old, 1e6 * new, "us")


def wheel(both: Partners) -> Iterator[Row]:
    """Size of the wheel."""
    old, new = both.ask("package_size")
    yield Row("wheel", old / 2**20, new / 2**20, "MiB")


def builds(pythons: tuple[str, str], trees: tuple[Path, Path]) -> Iterator[Row]:
    """Time of a build."""
    old, new = (cold_build(*side) for side in zip(pythons, trees, strict=True))
    yield Row("cold build, CPU", old.cpu, new.cpu, "s")
    name = f"longest compile unit ({old.longest}; {new.longest})"
    yield Row(name, 100 * old.share, 100 * new.share, "%")


def slower(both: Partners, names: list[str], rounds: int) -> Iterator[Row]:
    """Those of the kernels that got slower."""
    for name in names:
        old, new = both.medians(rounds, "kernel", name)
        if new > SLOWER * old:
            yield Row(name, 1e6 * old, 1e6 * new, "us")


def kernels(given: argparse.Namespace) -> Iterator[Row]:
    """Kernels that got slower in every one of several pairs of processes.

    Where a process has its arrays can make a tenth of a difference, for as long as it lives.
    """
    names, rows, count = None, [], 0
    for _ in range(PAIRS):
        with partners(given.old_python, given.new_python) as both:
            old = both.both[0].ask("load_kernels", str(given.tree_old))
            new = both.both[1].ask("load_kernels", str(given.tree_new))
            names = [name for name in old if name in new] if names is None else names
            rows = list(slower(both, names, given.rounds))
        count = max(count, len(names))
        names = [row.what for row in rows]
    yield from rows
    print(f"\n{count} kernels timed, {len(rows)} of them slower.")


def row_text(row: Row) -> str:
    """A line of Markdown."""
    old, new = (f"{value:,.4g} {row.unit}".rstrip() for value in (row.old, row.new))
    return f"| {row.what} | {old} | {new} | {row.new / row.old:.3f} |"


def measured(given: argparse.Namespace) -> Iterator[Row]:
    """Every row that was asked for."""
    trees = (given.tree_old, given.tree_new)
    pythons = (given.old_python, given.new_python)
    if None not in trees and not given.no_build:
        yield from builds(pythons, trees)
    with partners(*pythons) as both:
        yield from wheel(both)
        yield from counts(both)
        yield from interpreters_part(both, given.rounds)
        yield from iterations(both, given.rounds)
        yield from solved(both, given.seeds)
        yield from predictions(both, given.rounds)
    if given.kernels:
        yield from kernels(given)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old_python")
    parser.add_argument("new_python")
    parser.add_argument("--tree-old", type=Path, help="sources of the old version")
    parser.add_argument("--tree-new", type=Path, help="sources of the new one")
    parser.add_argument("--no-build", action="store_true", help="do not build the trees")
    parser.add_argument("--kernels", action="store_true", help="time the trees' kernels too")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=50)
    given = parser.parse_args()
    if given.kernels and None in (given.tree_old, given.tree_new):
        parser.error("--kernels needs --tree-old and --tree-new")
    return given


def main() -> None:
    """Print the table, a line as soon as it is known."""
    given = arguments()
    print("| what | old | new | new/old |\n|---|---:|---:|---:|", flush=True)
    for row in measured(given):
        print(row_text(row), flush=True)


if __name__ == "__main__":
    main()
