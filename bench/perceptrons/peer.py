"""What stable-baselines3 and sb3-contrib are asked for, with one thread."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv

from perceptrons import clock, runs, settings

torch.set_num_threads(1)
warnings.filterwarnings("ignore", "Mean of empty slice|invalid value encountered")
NETWORKS = {
    "net_arch": {"pi": settings.HIDDEN, "vf": settings.HIDDEN},
    "activation_fn": torch.nn.Tanh,
}


class Robot(gymnasium.Env[Any, Any]):
    """The spaces of a walking robot, observed as noise."""

    observation_space = spaces.Box(-np.inf, np.inf, (settings.OBSERVATION,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (settings.ACTION,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._noise(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._noise(), float(self.np_random.normal()), False, False, {}

    def _noise(self) -> Any:
        return self.np_random.normal(size=settings.OBSERVATION).astype(np.float32)


def versions() -> str:
    """What is installed."""
    return runs.versions("stable-baselines3", "sb3-contrib", "torch", "gymnasium", "mujoco")


def _ppo(env: Any, **options: Any) -> Any:
    return stable_baselines3.PPO(
        "MlpPolicy", env, policy_kwargs=NETWORKS, device="cpu", **settings.PPO, **options
    )


def ppo(env_id: str, sizes: dict[str, int], steps: int, seed: int) -> list[float]:
    """Seconds and CPU seconds of PPO, construction included."""

    def call() -> None:
        own = {name: value for name, value in sizes.items() if name != "n_envs"}
        env = DummyVecEnv([lambda: gymnasium.make(env_id)] * sizes["n_envs"])
        _ppo(env, seed=seed, **own).learn(steps)
        env.close()

    return clock.spent(call)


@functools.cache
def _trpo() -> Callable[[], None]:
    """An update with the same policy and samples at every call; the values are not fitted."""
    model = sb3_contrib.TRPO(
        "MlpPolicy", Robot(), policy_kwargs=NETWORKS, device="cpu", seed=0,
        n_steps=settings.TRPO_SAMPLES, n_critic_updates=0, **settings.TRPO,
    )  # fmt: skip
    start = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.learn(settings.TRPO_SAMPLES)  # collects; the update that follows is undone

    def update() -> None:
        model.policy.load_state_dict(start)
        model.train()

    return update


def trpo_update() -> float:
    """CPU seconds of the gradient, conjugate gradient and line search."""
    return clock.of_call(_trpo())


@functools.cache
def _predictor(env_id: str) -> Callable[[], Any]:
    env = gymnasium.make(env_id)
    model = _ppo(env, seed=0)
    observation, _ = env.reset(seed=0)
    return lambda: model.predict(observation, deterministic=True)


def predict(env_id: str) -> float:
    """CPU seconds of a prediction for one observation."""
    return clock.of_call(_predictor(env_id))


@functools.cache
def _minibatch(samples: int) -> Callable[[], None]:
    """Forward, backward and Adam's step of both networks, with the loss of PPO."""
    policy = _ppo(Robot(), seed=0).policy
    observations = torch.randn(samples, settings.OBSERVATION)
    with torch.no_grad():
        actions, values, old = policy(observations)
    advantages, returns = torch.randn(samples), values.flatten() + torch.randn(samples)

    def step() -> None:
        value, log_prob, _ = policy.evaluate_actions(observations, actions)
        ratio = torch.exp(log_prob - old)
        clipped = torch.clamp(ratio, 0.8, 1.2)
        surrogate = torch.min(advantages * ratio, advantages * clipped).mean()
        loss = torch.nn.functional.mse_loss(returns, value.flatten()) / 2 - surrogate
        policy.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), settings.PPO["max_grad_norm"])
        policy.optimizer.step()

    return step


def minibatch(samples: int) -> float:
    """CPU seconds of a minibatch."""
    return clock.of_call(_minibatch(samples))


COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (versions, ppo, trpo_update, predict, minibatch)
}
