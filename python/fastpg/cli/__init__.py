"""The command line: fastpg train, eval, enjoy, export, plot, sweep, compare, check,
lecture, info.
"""

from fastpg.cli.program import app, main

__all__ = ["app", "main"]
