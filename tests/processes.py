"""Programs that tests run as child processes."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

# Seconds after which a process counts as hanging. This is far longer than any working process
# needs, even on a busy machine; a test then fails instead of waiting for ever.
GUARD = 600.0
PROGRAM = "from fastpg.cli import main; main()"
# The output of the command without colours, on long lines.
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def python(code, *arguments, cwd=None, **environment):
    """Run a program to its end, with empty standard input."""
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
def started_python(code, *arguments, cwd=None, stdin=subprocess.DEVNULL, **environment):
    """Start a program with pipes from it, and to it if asked for; it is ended in any case."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        stdin=stdin,
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
