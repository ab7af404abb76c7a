"""Callbacks of `learn`: ready ones, and the base class for your own."""

from fastpg.public_names import suggest_names
from fastpg.training.callbacks.base import Callback, CallbackList
from fastpg.training.callbacks.evaluation import EvalCallback
from fastpg.training.callbacks.progress import ProgressBarCallback
from fastpg.training.callbacks.saving import CheckpointCallback
from fastpg.training.callbacks.stopping import (
    StopTrainingAfterSeconds,
    StopTrainingOnMaxEpisodes,
    StopTrainingOnNoModelImprovement,
    StopTrainingOnRewardThreshold,
)

__all__ = [
    "Callback",
    "CallbackList",
    "CheckpointCallback",
    "EvalCallback",
    "ProgressBarCallback",
    "StopTrainingAfterSeconds",
    "StopTrainingOnMaxEpisodes",
    "StopTrainingOnNoModelImprovement",
    "StopTrainingOnRewardThreshold",
]

suggest_names(__name__)
