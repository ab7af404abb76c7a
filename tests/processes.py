"""Programs run beside the tests."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

# Seconds after which something hangs. Nothing that works takes as long, however busy the machine
# is: the only use of the number is that a test fails instead of waiting for ever.
GUARD = 600.0


def python(code, *arguments, cwd=None, **environment):
    """Runs a program to its end, with a standard input that is empty."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=GUARD,
    )


@contextmanager
def started_python(code, *arguments, cwd=None, **environment):
    """Starts a program, to be spoken with, and ends it in any case."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(GUARD, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.kill()
