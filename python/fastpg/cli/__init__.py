"""The command line: fastpg train, eval, enjoy, export, plot, check, lecture, info."""

from fastpg.cli.program import app, main

__all__ = ["app", "main"]
