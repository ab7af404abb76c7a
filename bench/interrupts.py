"""Measure how long Ctrl-C takes to stop each long kernel.

python bench/interrupts.py [--filter TEXT]
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

GUARD = 300.0  # seconds after which a kernel that does not stop is killed
ENTER = 1.0  # seconds after which the child process is in its kernel

SETUP = """
import signal
import numpy as np
import fastpg
from fastpg import _core
from fastpg.functional import solvers
from fastpg.rollouts.collector import NativeCollector
signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
many = range(10**9)

def pendulum(n, threads=1):
    env = fastpg.make_vec("Pendulum-v1", n, max_episode_steps=-1, num_threads=threads)
    features = fastpg.RandomFourier(3, 2000)
    policy = fastpg.LinearGaussian.for_env(env, features=features)
    collector = NativeCollector(env, policy, 1)
    collector.reset(1)
    return collector

def samples(n):
    policy = fastpg.LinearSoftmax(3, 2, rng.normal(size=(4, 2)))
    phi = policy.features(rng.normal(size=(n, 3)).astype(np.float32))
    dist = policy.distribution(phi)
    return policy, phi, dist, np.zeros(n, np.int32), rng.normal(size=n)

"""

# The preparation, and the call that Ctrl-C stops.
KERNELS = {
    "collect by episodes": ("c = pendulum(1)", "c.episodes(1)"),
    "collect by steps": ("c = pendulum(16)", "c.steps(10**6)"),
    "collect by steps, 2 threads": ("c = pendulum(1200, 2)", "c.steps(10**4)"),
    "PPO's epochs": (
        "p, phi, _, actions, weights = samples(100_000); adam = solvers.Adam(8)",
        "solvers.ppo_epochs(p, phi, actions, weights, adam, seed=1, n_epochs=10_000)",
    ),
    "line search": (
        "p, phi, dist, actions, weights = samples(100_000)",
        "solvers.line_search(p, phi, dist, actions, weights, np.full((4, 2), 1e-3),"
        " target_kl=1e-300, shrinking_factor=1.0, max_iter=10_000)",
    ),
    "conjugate gradient": (
        "a = np.diag(np.geomspace(1e-12, 1.0, 2000)) + 1e-9",
        "[fastpg.conjugate_gradient(a, np.ones(2000), max_steps=10**6, tol=0.0) for _ in many]",
    ),
    "natural gradient, dense": (
        "p, phi, dist, *_ = samples(20_000); phi = rng.normal(size=(20_000, 1500));"
        "batch = _core.PolicyBatch(_core.Categorical([2]), _core.Linear(1500, 2), phi);"
        "g = np.ones(3000)",
        "[batch.natural_gradient(g, dist, g, False, True, 1, 0.0, 1.0) for _ in many]",
    ),
    "baseline": (
        "s = rng.normal(size=(500_000, 32)).astype(np.float32); b = fastpg.LinearBaseline(32)",
        "b.fit(s, np.zeros(500_000, np.int64), np.ones(500_000))",
    ),
    "dynamic programming": (
        "p = _core.Transitions(np.full((400, 200), 1 / 200), 2)",
        "[p.finite_values(np.ones((200, 2)), np.full((200, 2), 0.5), 10**5, 1.0) for _ in many]",
    ),
    "discounted values, 4,000 states": (
        "n = 4000; p = _core.Transitions(np.full((n, n), 1 / n), 1); one = np.ones((n, 1))",
        "[p.discounted_values(one, one, np.full(n, 1 / n), 0.9) for _ in many]",
    ),
    "average reward, nearly apart": (
        "n = 1500; a = np.kron(np.eye(2), np.full((n // 2, n // 2), 2 / n)) * (1 - 1e-11)"
        " + 1e-11 / n; p = _core.Transitions(a, 1); one = np.ones((n, 1))",
        "[p.average_values(one, one) for _ in many]",
    ),
    "learn, one long iteration": (
        "algo = fastpg.PPO('linear', 'CartPole-v1', n_epochs=10_000, n_steps=10_000)",
        "algo.learn(10**12)",
    ),
}


def seconds_to_stop(setup: str, call: str) -> float:
    """Seconds from Ctrl-C until KeyboardInterrupt ends the child process."""
    code = f"{SETUP}{setup}\nprint('ready', flush=True)\n{call}"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError(child.stderr.read())
        time.sleep(ENTER)
        if child.poll() is not None:
            raise RuntimeError(f"the kernel ended by itself: {call}")
        start = time.perf_counter()
        child.send_signal(signal.SIGINT)
        try:
            child.wait(GUARD)
        except subprocess.TimeoutExpired:
            child.kill()
            return float("inf")
        elapsed = time.perf_counter() - start
        if "KeyboardInterrupt" not in child.stderr.read():
            raise RuntimeError(f"expected KeyboardInterrupt from {call}")
        return elapsed


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="", help="only kernels whose name contains this text")
    wanted = parser.parse_args().filter
    table = Table("kernel", "seconds until Ctrl-C has ended it")
    for name, (setup, call) in KERNELS.items():
        if wanted in name:
            table.add_row(name, f"{seconds_to_stop(setup, call):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
