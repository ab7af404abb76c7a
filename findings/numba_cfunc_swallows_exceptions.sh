#!/usr/bin/env bash
# Guess: an exception in a function compiled by numba.cfunc reaches the caller in some way, or ends the
# process; the caller can tell that the result is none.
# Fact: the callback returns 0, as after success, and the exception is only printed on standard error
# ("Exception ignored in"). A caller in C, or one that reads a status, cannot know. With a status of its
# own the callback must catch the exception itself: then it is 1.
# Version: numba 0.68.1 (the same in 0.61.0).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6
cat > "$folder/callback.py" <<'PY'
import sys

import numba


@numba.cfunc("int64(int64)")
def plain(x):
    if x > 0:
        raise ValueError("too large")
    return x


@numba.njit
def checked(x):
    if x > 0:
        raise ValueError("too large")
    return x


@numba.cfunc("int64(int64)")
def caught(x):
    try:
        checked(x)
    except Exception:
        return 1
    return 0


seen = []
sys.unraisablehook = lambda raised: seen.append(repr(raised.exc_value))
print("numba", numba.__version__)
print("without an exception:", plain.ctypes(-3))
print("after an exception:", plain.ctypes(3), "and on standard error", seen)
print("caught:", caught.ctypes(-3), caught.ctypes(3))
fact = (plain.ctypes(-3), plain.ctypes(3), caught.ctypes(-3), caught.ctypes(3)) == (-3, 0, 0, 1)
sys.exit(not (fact and "ValueError" in seen[0]))
PY
"$folder/venv/bin/python" "$folder/callback.py"
