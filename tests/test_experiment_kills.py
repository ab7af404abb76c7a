"""A sweep that SIGKILL ends at any moment: nothing that is finished is lost, and no line is wrong.

The command goes on after each kill, until it is finished; its table is then that of a sweep that
nobody has stopped. Every second kill is of the whole sweep, the others are of its first process
alone, whose workers must end by themselves.
"""

import importlib.util
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from fastpg.experiments import load_results, train_many
from processes import started_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork and kill -9")
SEVERAL = pytest.mark.skipif(
    importlib.util.find_spec("joblib") is None, reason="joblib is not installed"
)

HERE = Path(__file__).parent  # children import from here
SEEDS = 20

# Each line is a sweep: its folder, its processes, and after how many seconds who is killed. What a
# call of `add` has kept is reported to a file that no kill of the sweep harms.
SWEEPER = """
import os, signal, sys, time
from fastpg.cli import main
from fastpg.experiments.folder import ExperimentFolder

def sweep(folder, jobs, seeds):
    log = os.open(folder + ".log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    add = ExperimentFolder.add

    def reported(self, outcome):
        add(self, outcome)
        os.write(log, b"%d %d\\n" % (outcome["setting"], outcome["seed"]))

    ExperimentFolder.add = reported
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.argv = (
        f"fastpg sweep npg CartPole-v1 --seeds {seeds} --gae-lambda 0.9 0.95 --total-timesteps "
        f"3000 --evaluations 2 --episodes 3 --no-tuned --jobs {jobs} --run {folder}"
    ).split()
    main()

for line in sys.stdin:
    folder, jobs, seeds, delay, everybody = line.split()
    pid = os.fork()
    if pid == 0:
        os.setsid()  # a group of its own
        sweep(folder, jobs, seeds)
        os._exit(0)
    time.sleep(float(delay))
    if everybody == "True":
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:  # it has no group yet
            os.kill(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)  # at worst it has ended, and is not waited for yet
    status = os.waitpid(pid, 0)[1]
    print(os.WIFSIGNALED(status), os.waitstatus_to_exitcode(status), flush=True)
"""


def equal(one, two):
    return all(
        np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)
        for name in ("points", "returns", "steps", "train_returns")
    ) and (one.settings, one.seeds, one.failures) == (two.settings, two.seeds, two.failures)


class Sweep:
    """A sweep that is killed again and again, beside one that was not."""

    def __init__(self, folder, straight):
        self.folder, self.straight = folder, straight
        self.kept = 0

    def require_intact(self):
        """Check all that is kept; returns the number of finished trainings."""
        if not (self.folder / "experiment.json").exists():
            assert self.kept == 0
            return 0
        found, reported = load_results(self.folder), self.reported()
        done = np.isfinite(found.seconds)
        for name in ("returns", "steps", "train_returns"):
            assert np.array_equal(getattr(found, name)[done], getattr(self.straight, name)[done])
        assert all(done[setting, seed] for setting, seed in reported), "a finished one was lost"
        assert len(set(reported)) == len(reported), "a finished one was trained again"
        assert found.finished in (len(reported), len(reported) + 1)  # killed before the report
        assert found.finished >= self.kept
        self.kept = found.finished
        return self.kept

    def reported(self):
        log = self.folder.with_name(self.folder.name + ".log")
        lines = log.read_text().splitlines() if log.exists() else []
        return [tuple(map(int, line.split())) for line in lines]


class Sweeper:
    """Starts sweeps and kills them."""

    def __init__(self, process, jobs):
        self.process, self.jobs = process, jobs

    def killed(self, folder, delay, everybody):
        """Whether the sweep was killed before its end."""
        self.process.stdin.write(f"{folder} {self.jobs} {SEEDS} {delay} {everybody}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer, self.process.stderr.read()
        killed, code = answer
        assert killed == "True" or code == "0"
        return killed == "True"


def kills_of_a_sweep(folder, jobs, rng):
    """Start a sweep and kill it until it is finished; returns the number of kills."""
    arguments = {
        "seeds": SEEDS, "grid": {"gae_lambda": [0.9, 0.95]}, "total_timesteps": 3000,
        "n_evaluations": 2, "n_eval_episodes": 3, "tuned": False, "n_jobs": 1,
    }  # fmt: skip
    start = time.perf_counter()
    straight = train_many("npg", "CartPole-v1", **arguments)
    patience = seconds = time.perf_counter() - start
    current, kills = Sweep(folder, straight), 0
    with started_python(SWEEPER, cwd=HERE, stdin=subprocess.PIPE) as process:
        sweeper = Sweeper(process, jobs)
        while current.kept < 2 * SEEDS:
            before, everybody = current.kept, bool(rng.integers(2))
            kills += sweeper.killed(folder, rng.uniform(0.0, patience), everybody)
            # A busy machine needs more time for a step forward.
            patience = seconds if current.require_intact() > before else 1.2 * patience
    assert equal(load_results(folder), straight)
    return kills


def require_nothing_lost(folder, jobs, kills, seed):
    rng = np.random.default_rng(seed)
    count = sweeps = 0
    while count < kills:
        count += kills_of_a_sweep(folder / str(sweeps), jobs, rng)
        sweeps += 1
    print(f"{count} kills, {sweeps} sweeps finished")


def test_a_few_random_kills(tmp_path):
    require_nothing_lost(tmp_path, 1, 5, seed=0)


@pytest.mark.slow
def test_random_kills(tmp_path):
    require_nothing_lost(tmp_path, 1, 80, seed=1)


@SEVERAL
@pytest.mark.slow
def test_random_kills_of_a_sweep_on_two_processes(tmp_path):
    require_nothing_lost(tmp_path, 2, 10, seed=2)


@SEVERAL
@pytest.mark.exhaustive
def test_many_random_kills_of_a_sweep_on_two_processes(tmp_path):
    require_nothing_lost(tmp_path, 2, 200, seed=3)
