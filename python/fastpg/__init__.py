"""Policy gradients on a CPU: REINFORCE, NPG, TRPO and PPO with a C++/Eigen core."""

from typing import TYPE_CHECKING, Any

from fastpg._core import NativeEnvError, __version__
from fastpg.algorithms import NPG, PPO, REINFORCE, TRPO, load, resume
from fastpg.algorithms.diagnose import diagnose
from fastpg.algorithms.settings import TunedSettings, tuned_settings
from fastpg.algorithms.train import train
from fastpg.build_info import build_info
from fastpg.deprecated import MODULES, install
from fastpg.envs import EnvState, NativeVectorEnv, UserEnvironment, make_vec, register_env
from fastpg.export import export
from fastpg.functional.advantages import discounted_returns, gae
from fastpg.functional.importance_sampling import (
    ImportanceSamplingEstimate,
    effective_sample_size,
    importance_sampling_estimate,
    importance_weights,
)
from fastpg.functional.solvers import conjugate_gradient, natural_gradient
from fastpg.pickling import register_reducers
from fastpg.policies.features import (
    Identity,
    Polynomial,
    RandomFourier,
    RunningNormalizer,
    length_scale,
)
from fastpg.policies.linear import LinearGaussian, LinearSoftmax
from fastpg.policies.mlp import MlpGaussian, MlpSoftmax
from fastpg.public_names import PUBLIC, missing
from fastpg.rollouts.check_env import check_env
from fastpg.rollouts.collect import EndlessEpisodeError, collect
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.rollouts.rollout import Rollout
from fastpg.training.checkpoints import CheckpointError
from fastpg.values.mean import MeanBaseline
from fastpg.values.mlp import MlpBaseline
from fastpg.values.ridge import LinearBaseline

__all__ = [
    "NPG",
    "PPO",
    "REINFORCE",
    "TRPO",
    "BuildError",
    "CheckpointError",
    "EndlessEpisodeError",
    "EnvCheckError",
    "EnvState",
    "Identity",
    "ImportanceSamplingEstimate",
    "LinearBaseline",
    "LinearGaussian",
    "LinearSoftmax",
    "MeanBaseline",
    "MlpBaseline",
    "MlpGaussian",
    "MlpSoftmax",
    "NativeEnvError",
    "NativeVectorEnv",
    "NumbaEnv",
    "Polynomial",
    "RandomFourier",
    "Results",
    "Rollout",
    "RunningNormalizer",
    "TunedSettings",
    "Tuning",
    "UserEnvironment",
    "__version__",
    "build_env",
    "build_info",
    "check_env",
    "check_native_env",
    "collect",
    "conjugate_gradient",
    "diagnose",
    "discounted_returns",
    "effective_sample_size",
    "evaluate_policy",
    "export",
    "gae",
    "get_include",
    "importance_sampling_estimate",
    "importance_weights",
    "length_scale",
    "load",
    "load_env",
    "load_results",
    "make_vec",
    "natural_gradient",
    "numba_env",
    "register_env",
    "resume",
    "train",
    "train_many",
    "tune",
    "tuned_settings",
]

register_reducers()
install()

if TYPE_CHECKING:
    from fastpg.experiments import Results, load_results, train_many
    from fastpg.native_envs import (
        BuildError,
        EnvCheckError,
        NumbaEnv,
        build_env,
        check_native_env,
        get_include,
        load_env,
        numba_env,
    )
    from fastpg.tuning import Tuning, tune
else:  # type checkers would accept any name
    _NATIVE = ("BuildError", "EnvCheckError", "NumbaEnv", "build_env", "check_native_env")
    _MODULES = {
        "fastpg.experiments": ("Results", "load_results", "train_many"),
        "fastpg.native_envs": (*_NATIVE, "get_include", "load_env", "numba_env"),
        "fastpg.tuning": ("Tuning", "tune"),
    }
    _LATER = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name: str) -> Any:
        """What is imported where it is first used; errors that suggest names."""
        import importlib

        if name in PUBLIC or name in MODULES:
            return importlib.import_module(f"fastpg.{name}")
        if name in _LATER:
            return getattr(importlib.import_module(_LATER[name]), name)
        raise missing("fastpg", name)
