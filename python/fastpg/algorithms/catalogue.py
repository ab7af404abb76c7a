"""The algorithms by name, and loading one from a checkpoint."""

from __future__ import annotations

import os
from typing import Any

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.npg import NPG
from fastpg.algorithms.ppo import PPO
from fastpg.algorithms.reinforce import REINFORCE
from fastpg.algorithms.resuming import loaded, resumed
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
        name: one of the keys of `ALGORITHMS`.

    Returns:
        The class.

    Raises:
        ValueError: unknown name; the message suggests the nearest known one.
    """
    return ALGORITHMS[one_of("algorithm", name, ALGORITHMS)]


def load(
    path: str | os.PathLike[str],
    env: Any = None,
    *,
    features: Function | None = None,
    **options: Any,
) -> Algorithm:
    """Load an algorithm from a file that `save` or `save_checkpoint` wrote.

    Args:
        path: path of the file.
        env: environment in which to continue learning, as in the algorithm's constructor. Without
            one the algorithm can predict, but `learn` raises. The environment's options are not
            restored: pass an environment that has them. Learning continues from new start states,
            drawn from the seed and the number of steps taken so far.
        features: the feature function, if the policy has one; a file cannot hold it.
        **options: options of the algorithm with other values than those of the file, such as
            `learning_rate`. Not those on which the values in the file depend: `baseline`,
            `baseline_time`, `optimizer`, `whiten_features`.

    Returns:
        The algorithm, with its policy, baseline, optimizer and history.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: a file that is damaged, of another program or of another version.
        ValueError: `env` has other spaces than the policy; or the policy needs a feature function
            and got none, or one that gives another number of columns; or a wrong option.
        TypeError: `features` is not a function, or an unknown argument.
    """
    return loaded(path, find, env, features, options)


def resume(
    path: str | os.PathLike[str],
    env: Any = None,
    *,
    features: Function | None = None,
    num_threads: int | None = None,
    **options: Any,
) -> Algorithm:
    """Resume a `learn` from a checkpoint that `save_checkpoint` wrote.

    `resume(path).learn()` finishes the `learn` of the checkpoint. In native environments every bit
    is that of a run without a break, for any number of threads, with the same instruction set and,
    for networks, the same compiler of fastpg (`build_info`); only the times in the history differ.
    In environments stepped from Python new episodes start, whose seeds depend on the seed of the
    run and the number of steps taken; a warning says so.

    Args:
        path: path of the checkpoint; the suffix ".npz" may be left out.
        env: the environment of the run, as in the algorithm's constructor; native environments get
            the state of the checkpoint. None: it is made again, with its parameters, time limit and
            number of copies. It must be given if it cannot be made by its id alone.
        features: the feature function, if the policy has one; a file cannot hold it.
        num_threads: threads of the kernels, in [1, 256]; None: as in the run.
        **options: the options that were functions, since a file cannot hold them; and options with
            other values from now on, as in `load`, but for `n_envs`.

    Returns:
        The algorithm, with everything on which the rest of the run depends.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: a file that is damaged, of another program or another version, or one of
            `save`, which has no running state.
        ValueError: `env` is not like that of the run, or must be given; a function is missing; or
            a wrong option.
        TypeError: `features` is not a function, or an unknown argument.
    """
    return resumed(path, find, env, features, num_threads, options)
