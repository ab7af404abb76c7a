"""Training that SIGKILL ends at any moment: no checkpoint is damaged, and nothing is lost."""

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import fastpg
from fastpg.training import checkpoints
from killed_runs import STEPS, run
from processes import python, started_python
from trainings import everything

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork and kill -9")

HERE = Path(__file__).parent  # children import from here

OPERATIONS = """
import json, os, signal, sys
from pathlib import Path
import fastpg
from killed_runs import STEPS, run

path = Path(sys.argv[1])
before = {}
algo = run(0, 1)

def callback(record):
    algo.save_checkpoint(path)
    return record["time/iterations"] < 2

algo.learn(STEPS, callback)
for file in path.parent.iterdir():
    before[file] = file.read_bytes()

def killed_before(count):
    pid = os.fork()
    if pid == 0:
        left = [count]

        def hook(event, arguments):
            if event in ("open", "os.link", "os.rename", "os.remove", "os.scandir", "os.listdir"):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        def once(record):
            sys.addaudithook(hook)
            algo.save_checkpoint(path)
            os._exit(0)

        algo.learn(callback=once)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])

found = []
while killed_before(len(found)):
    previous = path.with_name("x.previous.npz")
    found.append((len(fastpg.resume(path).history), len(fastpg.resume(previous).history)))
    fastpg.resume(path).save_checkpoint(path)
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["x.npz", "x.previous.npz"], names
    for file, content in before.items():
        file.write_bytes(content)
print(json.dumps(found))
"""


def test_killed_before_each_operation_on_files(tmp_path):
    done = python(OPERATIONS, tmp_path / "x.npz", cwd=HERE)
    assert done.returncode == 0, done.stderr
    found = [tuple(each) for each in json.loads(done.stdout)]
    assert len(found) > 5
    assert found[0] == (2, 1)
    assert found[-1] == (3, 2)
    assert set(found) == {(2, 1), (2, 2), (3, 2)}
    assert found == sorted(found)


TRAINER = """
import os, signal, sys, time
from pathlib import Path
import fastpg
from killed_runs import STEPS, run

def train(number, seed, path, log):
    def callback(record):
        algo.save_checkpoint(path)
        os.write(log, b"%d\\n" % record["time/iterations"])

    algo = fastpg.resume(path) if path.exists() else run(number, seed)
    algo.learn(None if len(algo.history) else STEPS, callback)

for line in sys.stdin:
    number, seed, delay, path = line.split()
    path = Path(path)
    log = os.open(path.with_suffix(".log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    pid = os.fork()
    if pid == 0:
        train(int(number), int(seed), path, log)
        os._exit(0)
    os.close(log)
    time.sleep(float(delay))
    os.kill(pid, signal.SIGKILL)  # at worst it has ended, and is not waited for yet
    print(os.WIFSIGNALED(os.waitpid(pid, 0)[1]), flush=True)
"""


class Run:
    """A run without a break, and what is on disk of one that is killed again and again."""

    def __init__(self, number, seed, folder):
        self.number, self.seed = number, seed
        self.path = folder / f"{number}.npz"
        self.newest = 0  # iterations that the last checkpoint was seen to have
        self.states = []
        algo, start = run(number, seed), time.perf_counter()

        def callback(record):
            algo.save_checkpoint(folder / "straight.npz")
            self.states.append(everything(algo))

        algo.learn(STEPS, callback)
        self.seconds = (time.perf_counter() - start) / len(self.states)  # of an iteration

    def require_intact(self):
        """Check both files; returns the number of iterations of the newest one."""
        reported = [int(line) for line in self.path.with_suffix(".log").read_text().split()]
        assert reported == sorted(set(reported)), "an iteration was lost and made again"
        last = max([self.newest, *reported])
        if not self.path.exists():
            assert last == 0
            return 0
        self.newest = self.require_straight(self.path)
        assert last <= self.newest <= last + 1  # killed before the report
        previous = checkpoints.previous_of(self.path)
        if previous.exists():
            assert self.require_straight(previous) in (self.newest - 1, self.newest)
        return self.newest

    def require_straight(self, path):
        resumed = fastpg.resume(path)
        arrays, meta = everything(resumed)
        expected, expected_meta = self.states[len(resumed.history) - 1]
        assert arrays.keys() == expected.keys()
        assert all(np.array_equal(arrays[name], expected[name]) for name in arrays)
        assert meta == expected_meta
        return len(resumed.history)


def killed_often(folder, kills, runs, seed):
    """Kill training at least `kills` times, and finish at least as many runs as `runs`."""
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    current, count, finished, patience = Run(0, seed, folder), 0, 0, 5.0
    with started_python(TRAINER, cwd=HERE, stdin=subprocess.PIPE) as trainer:
        while count < kills or finished < runs:
            before = current.newest
            delay = rng.uniform(0.0, patience) * current.seconds
            line = f"{current.number} {current.seed} {delay} {current.path}\n"
            trainer.stdin.write(line)
            trainer.stdin.flush()
            killed = trainer.stdout.readline()
            assert killed, trainer.stderr.read()
            count += killed == "True\n"
            newest = current.require_intact()
            patience = 5.0 if newest > before else 1.2 * patience  # a busy machine needs more
            if newest == len(current.states):
                finished += 1
                current = Run(finished, seed + finished, folder)


def test_a_few_random_kills(tmp_path):
    killed_often(tmp_path, 10, 1, seed=0)


@pytest.mark.slow
def test_random_kills(tmp_path):
    killed_often(tmp_path, 200, 10, seed=1)
