"""A worker thread that gets no memory."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import fastpg
from processes import GUARD

# Worker threads start when there is hardly any memory, and get work that needs some.
SCARCE = """
import resource, sys
import numpy as np
import fastpg
rng = np.random.default_rng(0)
n = 100_000
phi, weights = rng.normal(size=(n, 30)), np.ones(n)
dist, actions = np.log(np.full((n, 10), 0.1)), np.zeros((n, 1), np.int32)
kind, network = fastpg._core.Categorical([10]), fastpg._core.Linear(30, 10)
theta = np.zeros((30, 10))
one, four = (fastpg._core.PolicyBatch(kind, network, phi, actions, None, k) for k in (1, 4))
expected = one.score_gradient(theta, dist, weights, 0.1)
env = fastpg.make_vec("CartPole-v1", 2048, num_threads=4)
policy = fastpg.LinearSoftmax.for_env(env)
collector = fastpg.rollouts.collector.NativeCollector(env, policy, 1)
collector.reset(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = resource.getrlimit(resource.RLIMIT_AS)
scarce = used + int(sys.argv[1])
outcomes = []
for _ in range(3):
    before = env.native.snapshot()
    resource.setrlimit(resource.RLIMIT_AS, (scarce, limit[1]))
    try:
        found = four.score_gradient(theta, dist, weights, 0.1)
    except MemoryError:
        found = expected
    try:
        collector.steps(20)
        moved = True
    except MemoryError:
        moved = False
    resource.setrlimit(resource.RLIMIT_AS, limit)
    outcomes.append(np.array_equal(found, expected))
    after = env.native.snapshot()
    outcomes.append(moved or all(np.array_equal(before[k], after[k]) for k in before))
print(*outcomes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize(
    "kibibytes",
    [
        1000,
        *(
            pytest.param(k, marks=pytest.mark.slow)
            for k in (300, 500, 800, 900, 1100, 2000, 2900, 3500, 3800)
        ),
    ],
)
def test_without_memory_helpers_raise_and_the_process_goes_on(kibibytes):
    command = [sys.executable, "-c", SCARCE, str(1024 * kibibytes)]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -s 256; exec "$@"', "sh", *command],
        capture_output=True, text=True, timeout=GUARD, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"True"}


def test_threads_that_come_and_go_keep_nothing():
    policy = fastpg.LinearSoftmax(3, 2)
    phi = policy.features(np.ones((10, 3), np.float32))
    dist = policy.distribution(phi)
    found = []

    def work():
        found.append(policy.score_gradient(phi, dist, np.zeros(10, np.int32), np.ones(10)))

    for _ in range(50):
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    assert all(np.array_equal(found[0], other) for other in found)
