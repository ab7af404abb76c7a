"""Trainings on the processes of joblib's backend, whichever is set."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any

from fastpg.experiments.trial import Outcome, Trial, run_seeds

Call = tuple[Trial, list[int]]  # what a worker trains

_ENDED = ("KilledWorker", "WorkerCrashedError", "RayActorError")  # errors of Dask and Ray
_LOOK_SECONDS = 2.0  # between looks at a cluster that answers nothing
_PATIENCE_SECONDS = 60.0  # with a cluster that has no worker


def outcomes_of(calls: Iterable[Call], jobs: int | None) -> Iterator[list[Outcome]]:
    """Outcomes of calls, in the order of their ends.

    Args:
        calls: read as workers become free.
        jobs: processes; None: those of the backend, or one for each core.

    Yields:
        The outcomes of a call.

    Raises:
        ImportError: joblib is not installed.
        TimeoutError: the cluster has no worker.
        Exception: `ended_processes` says whether it is the end of a process.
    """
    try:
        from joblib import Parallel, delayed
        from joblib.parallel import get_active_backend
    except ImportError as error:
        raise ImportError(
            "train_many: several processes need joblib: pip install '.[many]', or n_jobs=1"
        ) from error
    backend, active = get_active_backend()
    if type(backend).__name__ == "DaskDistributedBackend":
        yield from _on_dask(backend, iter(calls))
        return
    count = jobs
    if count is None:
        count = active if active not in (None, 1) else (os.cpu_count() or 1)
    way = "generator_unordered" if backend.supports_return_generator else "list"
    parallel = Parallel(n_jobs=count, return_as=way, pre_dispatch="2*n_jobs", batch_size=1)
    with _open_streams():
        yield from parallel(delayed(run_seeds)(*call) for call in calls)


@contextmanager
def _open_streams() -> Iterator[None]:
    """A context for joblib 1.6, which flushes the standard streams: None where they are closed."""
    closed = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        for name in closed:
            setattr(sys, name, nothing)
        try:
            yield
        finally:
            for name in closed:
                setattr(sys, name, None)


def ended_processes(error: Exception) -> int:
    """How many processes have ended, one after the other, at the call of an error; often 0."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if not isinstance(error, BrokenProcessPool) and names.isdisjoint(_ENDED):
        return 0
    return 1 + int(getattr(error, "allowed_failures", 0))  # Dask has tried as often by itself


def _on_dask(backend: Any, calls: Iterator[Call]) -> Iterator[list[Outcome]]:
    """The same by the client itself: joblib 1.6 does not hear of a task that Dask gives up."""
    client, done, pending = backend.client, queue.SimpleQueue[Any](), set()

    def submit(call: Call) -> None:
        future = client.submit(run_seeds, *call, pure=False, **backend.submit_kwargs)
        pending.add(future)
        future.add_done_callback(done.put)

    try:
        for call in islice(calls, 2 * backend.effective_n_jobs(-1)):
            submit(call)
        while pending:
            future = _next(client, done)
            pending.remove(future)
            yield future.result()
            for call in islice(calls, 1):
                submit(call)
    finally:
        if pending:
            client.cancel(list(pending))


def _next(client: Any, done: queue.SimpleQueue[Any]) -> Any:
    """The next future that is done; TimeoutError where there has been no worker for long."""
    seen = time.monotonic()
    while True:
        try:
            return done.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            now = time.monotonic()
            if client.ncores():
                seen = now
            elif now - seen > _PATIENCE_SECONDS:
                raise TimeoutError(
                    f"the Dask cluster has had no worker for {_PATIENCE_SECONDS:g} s"
                ) from None
