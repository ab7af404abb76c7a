"""One side's process: python -m perceptrons.worker ours, or peer."""

from __future__ import annotations

import importlib
import sys

from comparison.pipe import serve

if __name__ == "__main__":
    serve(importlib.import_module(f"perceptrons.{sys.argv[1]}").COMMANDS)
