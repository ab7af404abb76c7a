"""Learning results of multilayer perceptrons with default options, and stable-baselines3's.

python bench/learning_networks.py FILE [--tasks ...]           PPO("mlp") and TRPO("mlp")
python bench/learning_networks.py FILE --peer stable-baselines3    its PPO, sb3-contrib's TRPO
python bench/learning_networks.py FILE --write docs/learning.md    the table of what FILE holds

Every finished run is a line of FILE, and runs that are there are not run again: the command goes
on where an earlier one stopped. Both sides write the same lines, each with the interpreter that
has it installed; --peer needs neither fastpg nor its dependencies. --write runs nothing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported; seeds run in processes
os.environ["OMP_NUM_THREADS"] = "1"

from perceptrons import learned
from perceptrons.runs import ALGORITHMS, FASTPG, PEER, TASKS, Run, finish, read
from tables.sections import Section, write

FIRST_SEED = 9000
HEADING = "Multilayer perceptrons"


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, metavar="FILE", help="finished runs, a line for each")
    parser.add_argument("--peer", choices=[PEER], help="run this package instead of fastpg")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=ALGORITHMS)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="first of the seeds")
    parser.add_argument(
        "--total-timesteps", type=int, help="environment steps; default: those of the task"
    )
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    parser.add_argument("--write", type=Path, help="page in which to replace the section")
    given = parser.parse_args()
    if given.write is not None and not given.write.is_file():
        parser.error(f"--write: expected an existing page, got {given.write}")
    return given


def wanted(given: argparse.Namespace) -> list[Run]:
    """The runs that the command line selects; the first seed of every task before the second."""
    side = given.peer or FASTPG
    return [
        Run(side, algorithm, env_id, given.total_timesteps or TASKS[env_id], seed)
        for seed in range(given.first_seed, given.first_seed + given.seeds)
        for env_id in given.tasks
        for algorithm in given.algorithms
    ]


def main() -> None:
    """Run what is missing, or write the table."""
    given, failed = parsed(), 0
    if given.write is None:
        failed = finish(given.runs, wanted(given), given.workers)
    text = learned.text(read(given.runs))
    print(f"\n{text}")
    if given.write is not None:
        command = "python bench/learning_networks.py FILE"
        write(given.write, Section(HEADING, command, text), [])
    if failed:
        raise SystemExit(f"{failed} runs failed")


if __name__ == "__main__":
    main()
