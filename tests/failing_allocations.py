"""Iterations in which one allocation fails after the other; failing_malloc.c is loaded before.

python tests/failing_allocations.py NAME THREADS LIBRARIES: trains the algorithm NAME of `CASES`. In
each iteration another allocation of the libraries fails; in a second round, all from it on. The
iteration raises MemoryError and everything is as before, or it does not need that memory and gives
the same bits. Then the iteration is made as if nothing had been. NAME "kernels": each kernel of the
catalogue raises MemoryError or works, and works the next time.
"""

import ctypes
import sys
import traceback
from pathlib import Path

import numpy as np

import fastpg
from fastpg.rollouts.place import go_to, place_of
from kernel_catalogue import kernel_arguments
from trainings import everything

SMALL = {"seed": 0, "n_envs": 2, "n_steps": 32}
CASES = {
    "npg": lambda **more: fastpg.NPG("linear", "CartPole-v1", **SMALL, **more),
    "npg_sampled": lambda **more: fastpg.NPG(
        "linear", "Pendulum-v1", fisher="sampled", normalize_reward=True, **SMALL, **more
    ),
    "trpo": lambda **more: fastpg.TRPO("linear", "Acrobot-v1", baseline="mean", **SMALL, **more),
    "trpo_mlp": lambda **more: fastpg.TRPO(
        "mlp", "CartPole-v1", policy_kwargs={"net_arch": [8]}, **SMALL, **more
    ),
    "ppo": lambda **more: fastpg.PPO(
        "linear", "MountainCarContinuous-v0", batch_size=16, n_epochs=2, **SMALL, **more,
        policy_kwargs={"features": fastpg.RandomFourier(2, 50, nu=1.0, seed=1),
                       "normalize_observations": True},
    ),
    "ppo_mlp": lambda **more: fastpg.PPO(
        "mlp", "Pendulum-v1", batch_size=16, n_epochs=2, **SMALL, **more,
        policy_kwargs={"net_arch": [8], "state_dependent_std": True},
    ),
    "reinforce": lambda **more: fastpg.REINFORCE(
        "linear", "CartPole-v1", seed=0, n_envs=2, n_episodes=4, **more
    ),
}  # fmt: skip

_shim = ctypes.CDLL(None)


def watch(libraries):
    """The allocations of these libraries count: parts of their names."""
    found = set()
    for line in Path("/proc/self/maps").read_text().splitlines():
        name = line.rpartition("/")[2]
        for wanted in libraries:
            if wanted in name and line.split()[1][2] == "x":
                begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                _shim.failing_malloc_range(ctypes.c_size_t(begin), ctypes.c_size_t(end))
                found.add(wanted)
    assert found == set(libraries), f"{libraries}: found {found}"


class Trial:
    """One algorithm, and its iteration from one place again and again."""

    def __init__(self, algo):
        self.algo = algo
        algo.learn(10**6, self.stop)
        self.undo, self.place = algo._keep(), place_of(algo._collector)
        self.step_count = algo._collector.step_count
        self.before = self.digest()
        algo.learn(callback=self.stop)
        self.after = self.digest()
        self.go_back()

    @staticmethod
    def stop(_):
        return False

    def learned(self):
        stored, meta = everything(self.algo)
        del meta["step_count"]
        place = place_of(self.algo._collector)
        return {k: v.tobytes() for k, v in stored.items() if k not in place}, repr(meta)

    def digest(self):
        """(what was learned, the environments and how far they are)."""
        stored, meta = self.learned()
        collector = self.algo._collector
        place = {k: v.tobytes() for k, v in place_of(collector).items()}
        return (stored, meta), (place, collector.step_count)

    def go_back(self):
        self.undo()
        go_to(self.algo._collector, self.place)
        self.algo._collector.step_count = self.step_count
        assert self.digest() == self.before

    def fail(self, which, all_after):
        """Whether there was an allocation of this number; it fails."""
        _shim.failing_malloc_arm(ctypes.c_long(which), all_after)
        try:
            self.algo.learn(callback=self.stop)
            raised = False
        except MemoryError as error:
            raised, text = True, traceback.format_exception(error)
        finally:
            count = _shim.failing_malloc_disarm()
        (learned, place), place_before, place_after = self.digest(), self.before[1], self.after[1]
        if raised:
            assert learned == self.before[0], f"allocation {which}: learned something"
            assert place in (place_before, place_after), (
                f"allocation {which}: another place {''.join(text)}"
            )
        else:
            assert (learned, place) == self.after, f"allocation {which}: another result"
        self.go_back()
        self.algo.learn(callback=self.stop)
        assert self.digest() == self.after, f"allocation {which}: what follows differs"
        self.go_back()
        return count > which, raised


class Kernel:
    """One call of the core."""

    def __init__(self, name):
        self.name = name

    def fail(self, which, all_after):
        """As in `Trial`."""
        function, arguments = kernel_arguments()[self.name]
        again, others = kernel_arguments()[self.name]
        raised = False
        _shim.failing_malloc_arm(ctypes.c_long(which), all_after)
        try:
            function(*arguments)
        except MemoryError:
            raised = True
        finally:
            count = _shim.failing_malloc_disarm()
        again(*others)
        return count > which, raised


def failures(trial):
    """How many allocations there were, each of which has failed, and how many errors."""
    which = raised = 0
    for all_after in (0, 1):
        at = 0
        while True:
            there, error = trial.fail(at, all_after)
            if not there:
                break
            at, raised = at + 1, raised + error
        which += at
    return which, raised


def main():
    name, threads, libraries = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    watch(libraries)
    if name == "kernels":
        trials = [Kernel(each) for each in kernel_arguments()]
    else:
        trials = [Trial(CASES[name](num_threads=threads))]
    counts = np.array([failures(trial) for trial in trials])
    assert (counts[:, 1] > 0).sum() >= 0.9 * len(trials)
    print("{} failed allocations, {} MemoryErrors".format(*counts.sum(axis=0)))


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
