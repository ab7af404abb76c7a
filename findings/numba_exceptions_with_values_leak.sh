#!/usr/bin/env bash
# Guess: an exception that a function compiled by numba.njit raises, and that its caller catches, leaves
# no memory behind.
# Fact: with constant arguments it leaves none; with an argument that is known only at run time, such as
# ValueError("too far", x), about 500 bytes of each are never freed.
# Version: numba 0.68.1 (the same in 0.61.0).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6
cat > "$folder/leak.py" <<'PY'
import resource
import sys

import numba


@numba.njit
def fails(x, with_value):
    if with_value:
        raise ValueError("too far", x)
    raise ValueError("too far")


def raised(count, with_value):
    for _ in range(count):
        try:
            fails(1.5, with_value)
        except ValueError:
            pass


def growth(with_value, count=100_000):
    """Bytes by which the process grows for each exception."""
    raised(1_000, with_value)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raised(count, with_value)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / count


constant, value = growth(False), growth(True)
print("numba", numba.__version__)
print(f"bytes of each exception: {constant:.0f} with constants, {value:.0f} with a value")
sys.exit(not (constant < 50 and value > 300))
PY
"$folder/venv/bin/python" "$folder/leak.py"
