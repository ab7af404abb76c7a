"""The algorithms by name, and the one that a file holds."""

from __future__ import annotations

import os
from typing import Any

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.checkpointing import restore
from fastpg.algorithms.npg import NPG
from fastpg.algorithms.ppo import PPO
from fastpg.algorithms.reinforce import REINFORCE
from fastpg.algorithms.trpo import TRPO
from fastpg.policies.feature_choice import FeatureFunctionError
from fastpg.policies.function_features import Function, FunctionFeatures, require_function
from fastpg.suggestions import one_of
from fastpg.training import checkpoints

ALGORITHMS: dict[str, type[Algorithm]] = {
    algorithm.name: algorithm for algorithm in (REINFORCE, NPG, TRPO, PPO)
}
DEFAULT_TIMESTEPS = {"reinforce": 300_000, "npg": 100_000, "trpo": 100_000, "ppo": 100_000}

# What a damaged or forged file may raise while its parts are made, in Gymnasium's spaces too.
_DAMAGE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    OverflowError,
    RecursionError,
)


def find(name: str) -> type[Algorithm]:
    """The algorithm's class of a name.

    Args:
        name: "reinforce", "npg", "trpo" or "ppo".

    Returns:
        The class.

    Raises:
        ValueError: an unknown name; the message has the nearest known one.
    """
    return ALGORITHMS[one_of("algorithm", name, ALGORITHMS)]


def load(
    path: str | os.PathLike[str], env: Any = None, *, features: Function | None = None
) -> Algorithm:
    """The algorithm that `save` wrote.

    Args:
        path: of the checkpoint.
        env: to go on learning in, as of the algorithm; without one it predicts, and `learn`
            raises. Options of the environment are not saved: give one that has them. Learning goes
            on from new start states, drawn from the seed and the steps taken so far.
        features: the function that the policy's features were, which no file can hold.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: damaged, foreign or of another version.
        ValueError: the spaces of `env` are not those of the policy, or features that are a function
            were not given, or give another number of columns.
        TypeError: features that are no function.
    """
    if features is not None:
        require_function(features)
    state = checkpoints.read(path)
    try:
        kind = find(state[1]["algorithm"])
        algo = restore(kind, state, features)
    except FeatureFunctionError:
        raise
    except _DAMAGE as error:
        raise checkpoints.CheckpointError(
            f"{os.fspath(path)}: expected a complete checkpoint, got {error}"
        ) from error
    if isinstance(algo.policy.feature_map, FunctionFeatures):
        algo.policy.feature_map.require_outputs()
    if env is not None:
        algo.use_env(env)
    return algo
