"""Policy gradients on a CPU: REINFORCE, NPG, TRPO and PPO with a C++/Eigen core."""

from fastpg._core import __version__
from fastpg.algorithms import NPG, PPO, REINFORCE, TRPO, load
from fastpg.baselines import LinearBaseline, MeanBaseline
from fastpg.checkpoints import CheckpointError
from fastpg.collection import EndlessEpisodeError, collect
from fastpg.diagnosis import diagnose
from fastpg.envs import EnvState, NativeVectorEnv, make_vec
from fastpg.estimators import discounted_returns, gae
from fastpg.evaluation import evaluate_policy
from fastpg.features import (
    Identity,
    Polynomial,
    RandomFourier,
    RunningNormalizer,
    length_scale,
)
from fastpg.machine import build_info
from fastpg.pickling import register_reducers
from fastpg.policies import LinearGaussian, LinearSoftmax
from fastpg.rollouts.rollout import Rollout
from fastpg.sampling import (
    ImportanceSamplingEstimate,
    effective_sample_size,
    importance_sampling_estimate,
    importance_weights,
)
from fastpg.solvers import conjugate_gradient, natural_gradient
from fastpg.train_by_name import train
from fastpg.tuned import TunedSettings, tuned_settings

__all__ = [
    "NPG",
    "PPO",
    "REINFORCE",
    "TRPO",
    "CheckpointError",
    "EndlessEpisodeError",
    "EnvState",
    "Identity",
    "ImportanceSamplingEstimate",
    "LinearBaseline",
    "LinearGaussian",
    "LinearSoftmax",
    "MeanBaseline",
    "NativeVectorEnv",
    "Polynomial",
    "RandomFourier",
    "Rollout",
    "RunningNormalizer",
    "TunedSettings",
    "__version__",
    "build_info",
    "collect",
    "conjugate_gradient",
    "diagnose",
    "discounted_returns",
    "effective_sample_size",
    "evaluate_policy",
    "gae",
    "importance_sampling_estimate",
    "importance_weights",
    "length_scale",
    "load",
    "make_vec",
    "natural_gradient",
    "train",
    "tuned_settings",
]

register_reducers()
