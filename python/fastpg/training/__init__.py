"""Metrics, checkpoints, diagnosis, Ctrl-C, and callbacks and logs, for the learn loop."""

from typing import TYPE_CHECKING

from fastpg.deprecated import moved

if not TYPE_CHECKING:  # type checkers would accept any name
    __getattr__ = moved("training")
