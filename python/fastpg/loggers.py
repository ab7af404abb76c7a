"""Loggers for `learn(log=…)`, the base class for your own, and run folders."""

from fastpg.public_names import suggest_names
from fastpg.training.loggers.base import Logger
from fastpg.training.loggers.console import ConsoleLogger
from fastpg.training.loggers.csv_file import CsvLogger
from fastpg.training.loggers.json_lines import JsonLinesLogger
from fastpg.training.loggers.tensorboard import TensorBoardLogger
from fastpg.training.run_folder import RunFolder

__all__ = [
    "ConsoleLogger",
    "CsvLogger",
    "JsonLinesLogger",
    "Logger",
    "RunFolder",
    "TensorBoardLogger",
]

suggest_names(__name__)
