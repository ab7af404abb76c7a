"""Many trainings, their results, and statistics of them."""

from fastpg.experiments import statistics
from fastpg.experiments.driver import train_many
from fastpg.experiments.results import Results, load_results
from fastpg.public_names import suggest_names

__all__ = ["Results", "load_results", "statistics", "train_many"]

suggest_names(__name__)
