"""Many trainings on every kind of processes: the same numbers, also when workers are killed."""

import functools
import os
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from fastpg.experiments import backends
from processes import GUARD
from test_experiments import Line, equal, many

joblib = pytest.importorskip("joblib")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9"),
]


class Deadly(Line):
    """One seed ends its process."""

    def reset(self, *, seed=None, options=None):
        seen = super().reset(seed=seed, options=options)
        if seed == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return seen


class DeadlyOnce(Line):
    """The first process that comes to a seed is killed.

    Args:
        mark: file that says that it was.
    """

    def __init__(self, mark):
        self.mark = mark

    def reset(self, *, seed=None, options=None):
        seen = super().reset(seed=seed, options=options)
        if seed == 3 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return seen


class Waiting(Line):
    """Never begins.

    Args:
        mark: file that says that a process has come here.
    """

    def __init__(self, mark):
        self.mark = mark

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.mark.touch()
            time.sleep(GUARD)
        return super().reset(seed=seed, options=options)


@contextmanager
def processes():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        yield None


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed")
    from dask import config

    # A cluster on one machine gives up workers that are away a quarter of a minute after they were
    # lost, also where they are just being started for another time.
    kept = {"distributed.deploy.lost-worker-timeout": f"{GUARD} s"}
    with (
        config.set(kept | {"distributed.scheduler.allowed-failures": 1}),
        distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client,
        joblib.parallel_config(backend="dask"),
    ):
        yield client


@contextmanager
def ray():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # workers find this file
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config(backend="ray"):
            yield None
    finally:
        ray.shutdown()


@pytest.fixture(scope="module", params=[processes, dask, ray])
def cluster(request):
    with request.param():
        yield


def test_the_same_numbers_and_a_killed_worker_loses_nothing(cluster, tmp_path):
    alone = many("npg", Line, seeds=8, n_jobs=1, n_envs=1)
    mark = tmp_path / "mark"
    assert equal(alone, many("npg", Line, seeds=8, n_envs=1))
    once = functools.partial(DeadlyOnce, mark)
    killed = many("npg", once, seeds=8, n_envs=1, run=tmp_path / "run")
    assert mark.exists()
    assert equal(alone, killed)


def test_a_seed_that_always_kills_its_worker_is_named_and_takes_nobody_with_it(cluster, tmp_path):
    found = many("npg", Deadly, seeds=10, n_envs=1, run=tmp_path / "run")
    assert list(found.failures) == [("default", 7)]
    assert re.search(r"its process has ended \d times", found.failures["default", 7])
    others = [k for k in range(10) if k != 7]
    alone = many("npg", Line, seeds=10, n_jobs=1, n_envs=1)
    assert np.array_equal(found.returns[:, others], alone.returns[:, others])


def test_a_dask_cluster_that_has_lost_all_workers_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(backends, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(backends, "_PATIENCE_SECONDS", 0.2)
    mark = tmp_path / "mark"

    def stop(client):
        while not mark.exists():
            time.sleep(0.01)
        client.cluster.scale(0)

    with dask() as client:
        stopper = threading.Thread(target=stop, args=(client,))
        stopper.start()
        with pytest.raises(TimeoutError, match="no worker"):
            many("npg", functools.partial(Waiting, mark), seeds=2, n_envs=1)
        stopper.join()
