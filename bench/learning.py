"""Learning results for docs/learning.md, evaluated on Gymnasium's own environments.

python bench/learning.py                    default options on CartPole-v1, as in the README
python bench/learning.py --task NAME ...    default options on another task
python bench/learning.py --kl               use of the KL bound by TRPO
python bench/learning.py --target-kl        return of TRPO against target_kl, with a figure
python bench/learning.py --tuned [FILE]     tuned settings of the package or of a file

With --write docs/learning.md a table replaces its section of the page.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported; seeds run in processes

from tables import kl, target_kl, tasks, tuned
from tables.sections import Section, write
from tables.tasks import TASKS, VARIANTS

FIRST_SEED = 20_000  # no option was chosen with seeds from this one on
ORDER = [task.title for task in TASKS.values()] + [kl.HEADING, target_kl.HEADING, *tuned.SEEDS]


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--task", nargs="+", default=["cartpole-default"], choices=TASKS)
    which.add_argument("--kl", action="store_true")
    which.add_argument("--target-kl", action="store_true")
    which.add_argument("--tuned", nargs="?", const=True, metavar="FILE")
    parser.add_argument(
        "--algorithms", nargs="+", choices=VARIANTS, help="only these rows of a task"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="ALGORITHM:ENV", help="only these tuned settings"
    )
    parser.add_argument("--seeds", type=int, help="number of seeds; default: that of the table")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="first of the seeds")
    parser.add_argument(
        "--total-timesteps", type=int, help="environment steps; default: those of the table"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count(),
        help="number of processes; with fewer, times are more reliable",
    )
    parser.add_argument("--write", type=Path, help="page in which to replace the section")
    given = parser.parse_args()
    if given.only is not None and given.tuned is None:
        parser.error("--only: allowed only with --tuned")
    if given.algorithms is not None and (given.kl or given.target_kl or given.tuned is not None):
        parser.error("--algorithms: allowed only with --task")
    if given.total_timesteps is not None and given.tuned is not None:
        parser.error("--total-timesteps: allowed only with other tables than --tuned")
    if given.write is not None and not given.write.is_file():
        parser.error(f"--write: expected an existing page, got {given.write}")
    return given


def sections(given: argparse.Namespace) -> Iterator[Section]:
    """The sections that the command line selects, one by one."""

    def seeds(default: int) -> range:
        return range(given.first_seed, given.first_seed + (given.seeds or default))

    steps, workers = given.total_timesteps, given.workers
    if given.kl:
        text = kl.text(steps, seeds(kl.SEEDS), workers)
        yield Section(kl.HEADING, command(given, "--kl"), text)
    elif given.target_kl:
        text = target_kl.text(steps, seeds(target_kl.SEEDS), workers, given.write)
        yield Section(target_kl.HEADING, command(given, "--target-kl"), text)
    elif given.tuned is not None:
        file = None if given.tuned is True else given.tuned
        chosen = "--tuned" if file is None else f"--tuned {file}"
        for heading, count, rows in tuned.parts(tuned.chosen(file, given.only)):
            text = tuned.text(rows, seeds(count), workers)
            yield Section(heading, command(given, chosen), text)
    else:
        for name in given.task:
            task = TASKS[name]
            if (missing := task.missing()) is not None:
                print(f"{task.title}: left out, {missing}")
                continue
            rows = tuple(given.algorithms or task.variants)
            text = tasks.text(name, rows, steps, seeds(task.seeds), workers)
            yield Section(task.title, command(given, f"--task {name}"), text)


def command(given: argparse.Namespace, chosen: str) -> str:
    """The command that makes the table again."""
    words = ["python bench/learning.py", chosen]
    for name in ("algorithms", "only"):
        if (values := getattr(given, name)) is not None:
            words.append(f"--{name} {' '.join(values)}")
    if given.seeds:
        words.append(f"--seeds {given.seeds}")
    if given.first_seed != FIRST_SEED:
        words.append(f"--first-seed {given.first_seed}")
    if given.total_timesteps:
        words.append(f"--total-timesteps {given.total_timesteps}")
    return " ".join(words)


def main() -> None:
    """Print the tables; with --write, replace their sections."""
    given = parsed()
    for section in sections(given):
        print(f"## {section.heading}\n\n{section.text}\n", flush=True)
        if given.write is not None:
            write(given.write, section, ORDER)


if __name__ == "__main__":
    main()
