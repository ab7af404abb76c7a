"""The algorithms by name, and loading one from a checkpoint."""

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

# Errors that a damaged or forged file may cause while the algorithm is rebuilt from it.
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
    """The class of an algorithm.

    Args:
        name: "reinforce", "npg", "trpo" or "ppo".

    Returns:
        The class.

    Raises:
        ValueError: unknown name; the message suggests the nearest known one.
    """
    return ALGORITHMS[one_of("algorithm", name, ALGORITHMS)]


def load(
    path: str | os.PathLike[str], env: Any = None, *, features: Function | None = None
) -> Algorithm:
    """Load an algorithm from a checkpoint that `save` wrote.

    Args:
        path: path of the checkpoint.
        env: environment in which to continue learning, as in the algorithm's constructor. Without
            one the algorithm can predict, but `learn` raises. The environment's options are not
            restored: pass an environment that has them. Learning continues from new start states,
            drawn from the seed and the number of steps taken so far.
        features: the feature function, if the policy has one; a file cannot hold it.

    Returns:
        The algorithm, with its policy, baseline, optimizer and history.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: a file that is damaged, of another program or of another version.
        ValueError: `env` has other spaces than the policy; or the policy needs a feature function
            and got none, or one that gives another number of columns.
        TypeError: `features` is not a function.
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
