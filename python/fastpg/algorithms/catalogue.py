"""The algorithms by name, and loading one from a checkpoint."""

from __future__ import annotations

import os
from typing import Any

from fastpg.algorithms import loading
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.npg import NPG
from fastpg.algorithms.ppo import PPO
from fastpg.algorithms.reinforce import REINFORCE
from fastpg.algorithms.trpo import TRPO
from fastpg.policies.function_features import Function
from fastpg.suggestions import one_of

ALGORITHMS: dict[str, type[Algorithm]] = {
    algorithm.name: algorithm for algorithm in (REINFORCE, NPG, TRPO, PPO)
}
DEFAULT_TIMESTEPS = {"reinforce": 300_000, "npg": 100_000, "trpo": 100_000, "ppo": 100_000}


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
    return loading.load(path, find, env, features)


def resume(
    path: str | os.PathLike[str],
    env: Any = None,
    *,
    features: Function | None = None,
    **schedules: Any,
) -> Algorithm:
    """Load an algorithm from a checkpoint of `save_checkpoint`, with its place in training.

    `learn()` then finishes the `learn` that was interrupted. In native environments this gives the
    bits of a training that was never interrupted. Environments stepped from Python begin new
    episodes, and a warning says so.

    Args:
        path: path of the checkpoint.
        env: environment to continue in, of the same kind and number; None: it is made again.
        features: the feature function, if the policy has one; a file cannot hold it.
        **schedules: options that were functions, such as `learning_rate`; a file cannot hold them.

    Returns:
        The algorithm.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: a file that is damaged, of another program or of another version, or that
            `save` wrote.
        ValueError: the environment cannot be made again, or `env` has other spaces or states; a
            function is missing, or one is given that the training did not have.
        TypeError: `features` is not a function.
    """
    return loading.resume(path, find, env, features, schedules)
