"""What fastpg is asked for, with one thread, and the speed of the machine."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

import fastpg
from fastpg.rollouts.collect import make_collector
from perceptrons import clock, kernels, runs, settings

PERCEPTRONS = {
    "policy": "mlp",
    "baseline": "mlp",
    "policy_kwargs": {
        "net_arch": settings.HIDDEN,
        "activation_fn": "tanh",
        "normalize_observations": False,  # "mlp" does so by default, the other side does not
    },
    "normalize_reward": False,
}
LINEAR = {"policy": "linear", "baseline": "linear"}
OF_NETWORKS = ("vf_coef",)  # options that a linear baseline does not have


def versions() -> str:
    """What is installed."""
    return runs.versions("fastpg-rl", "numpy", "gymnasium", "mujoco")


def missing(env_id: str) -> str | None:
    """Why the environment cannot be made; None if it can."""
    try:
        gymnasium.make(env_id).close()
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        return str(error)
    return None


def ppo(env_id: str, sizes: dict[str, int], steps: int, seed: int) -> list[float]:
    """Seconds and CPU seconds of PPO with perceptrons, construction included.

    Environments that fastpg does not have itself are Gymnasium's, one after another.
    """
    return clock.spent(lambda: _learn(PERCEPTRONS | settings.PPO, env_id, sizes, steps, seed))


def linear_ppo(env_id: str, sizes: dict[str, int], steps: int, seed: int) -> list[float]:
    """The same with a linear policy and baseline."""
    options = {name: value for name, value in settings.PPO.items() if name not in OF_NETWORKS}
    return clock.spent(lambda: _learn(LINEAR | options, env_id, sizes, steps, seed))


def _learn(
    options: dict[str, Any], env_id: str, sizes: dict[str, int], steps: int, seed: int
) -> None:
    env: Any = env_id
    if env_id in settings.SIMULATIONS:
        env = SyncVectorEnv([lambda: gymnasium.make(env_id)] * sizes["n_envs"])
        sizes = {name: value for name, value in sizes.items() if name != "n_envs"}
    fastpg.PPO(env=env, seed=seed, **options, **sizes).learn(steps)


@functools.cache
def _predictor(env_id: str) -> Callable[[], Any]:
    algo = fastpg.PPO(env=env_id, seed=0, **PERCEPTRONS)
    observation = fastpg.make_vec(env_id, 1).reset(seed=0)[0][0]
    return lambda: algo.predict(observation, deterministic=True)


def predict(env_id: str) -> float:
    """CPU seconds of a prediction for one observation."""
    return clock.of_call(_predictor(env_id))


@functools.cache
def _collecting() -> Callable[[], Any]:
    env = fastpg.make_vec("CartPole-v1", settings.COLLECTING_ENVS)
    policy = fastpg.PPO(env=env, seed=0, **PERCEPTRONS).policy
    collector = make_collector(env, policy, 0)
    collector.reset(0)
    return lambda: collector.steps(settings.COLLECTED_ROWS)


def collect() -> float:
    """CPU seconds of a step of one environment of many."""
    steps = settings.COLLECTING_ENVS * settings.COLLECTED_ROWS
    return clock.of_call(_collecting()) / steps


@functools.cache
def _square() -> Callable[[], Any]:
    a = np.ones((1024, 1024), np.float32)
    return lambda: a @ a


def rate() -> float:
    """Products and sums per CPU second of NumPy's float32 matrix product."""
    return 2 * 1024**3 / clock.of_call(_square())


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        versions,
        missing,
        ppo,
        linear_ppo,
        kernels.trpo_update,
        kernels.policy_minibatch,
        kernels.value_minibatch,
        predict,
        collect,
        rate,
    )
}
