#!/usr/bin/env bash
# Guess: processes can be started where Python has no standard output, as after `>&-` or in a windowed
# program. Python's own multiprocessing starts them there: it looks whether the stream is None.
# Fact: joblib's default backend flushes sys.stdout and sys.stderr without looking, so that a Parallel
# of two processes is an AttributeError: 'NoneType' object has no attribute 'flush'.
# Version: joblib 1.6.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check joblib==1.6.0
cat > "$folder/streams.py" <<'PY'
import multiprocessing
import sys

import joblib


def of_multiprocessing():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.map(abs, [-1, -2])


def of_joblib():
    return joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(k) for k in (-1, -2))


def found(call, name):
    stream = getattr(sys, name)
    setattr(sys, name, None)
    try:
        return call()
    except AttributeError as error:
        return str(error)
    finally:
        setattr(sys, name, stream)


if __name__ == "__main__":
    print("joblib", joblib.__version__)
    seen = {
        (call.__name__, name): found(call, name)
        for name in ("stdout", "stderr")
        for call in (of_multiprocessing, of_joblib)
    }
    for (call, name), result in seen.items():
        print(f"{call}, sys.{name} None: {result}")
    wrong = "'NoneType' object has no attribute 'flush'"
    as_found = all(
        result == (wrong if call == "of_joblib" else [1, 2])
        for (call, _), result in seen.items()
    )
    sys.exit(0 if as_found else 1)
PY
"$folder/venv/bin/python" "$folder/streams.py"
