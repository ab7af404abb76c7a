"""Tuning: settings of an algorithm in an environment, found by trials (Optuna)."""

from fastpg.public_names import suggest_names
from fastpg.tuning.driver import tune
from fastpg.tuning.result import TrialRecord, Tuning
from fastpg.tuning.space import search_space

__all__ = ["TrialRecord", "Tuning", "search_space", "tune"]

suggest_names(__name__)
