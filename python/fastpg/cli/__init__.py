"""The command line: fastpg train, eval, enjoy, export, plot, lecture, info."""

from fastpg.cli.program import app, main

__all__ = ["app", "main"]
