"""Presets: settings known to learn an environment, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fastpg.algorithms import find
from fastpg.envs import make_vec
from fastpg.features import make_features
from fastpg.linear_policy import LinearPolicy, observation_size
from fastpg.naming import one_of
from fastpg.policies import linear_policy
from fastpg.training import Algorithm, Callback

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings of an algorithm, a policy and an environment to learn in; not of any one seed.

    Attributes:
        name: as of `train_preset`.
        doc: one line about it.
        algorithm: "reinforce", "npg", "trpo" or "ppo".
        env_id: the environment to learn, made natively.
        total_timesteps: environment steps that are enough.
        threshold: mean greedy return that counts as learned.
        n_envs: environments stepped together.
        options: the algorithm's own, where they are not its defaults.
        features: `kind` and arguments of the feature map; empty for the observation itself.
        policy: other arguments of the policy's `for_env`.
        env_options: arguments of `make_vec` while learning; evaluation has none.
    """

    name: str
    doc: str
    algorithm: str
    env_id: str
    total_timesteps: int
    threshold: float
    n_envs: int
    options: Settings = field(default_factory=dict)
    features: Settings = field(default_factory=dict)
    policy: Settings = field(default_factory=dict)
    env_options: Settings = field(default_factory=dict)

    def build(self, seed: int | None = None) -> Algorithm:
        """The algorithm, not trained yet; the seed as of every algorithm."""
        env = make_vec(self.env_id, self.n_envs, **self.env_options)
        return find(self.algorithm)(self._make_policy(env), env, seed=seed, **self.options)

    def _make_policy(self, env: Any) -> LinearPolicy:
        arguments = dict(self.policy)
        if self.features:
            state = {"observation_size": observation_size(env), **self.features}
            arguments["features"] = make_features(state)
        return linear_policy(env, **arguments)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="cartpole",
                doc="CartPole-v1 by TRPO with its default settings",
                algorithm="trpo",
                env_id="CartPole-v1",
                total_timesteps=100_000,
                threshold=475.0,
                n_envs=8,
            ),
            Preset(
                name="acrobot",
                doc="Acrobot-v1 by PPO, its learning rate falling to zero",
                algorithm="ppo",
                env_id="Acrobot-v1",
                total_timesteps=200_000,
                threshold=-100.0,
                n_envs=16,
                options={"learning_rate": "lin_0.02"},
            ),
            Preset(
                name="pendulum",
                doc="Pendulum-v1 by TRPO on cubic features, its KL bound falling to zero",
                algorithm="trpo",
                env_id="Pendulum-v1",
                total_timesteps=200_000,
                threshold=-200.0,  # Gymnasium registers none
                n_envs=16,
                options={
                    "n_steps": 200,
                    "gamma": 0.97,
                    "gae_lambda": 0.97,
                    "ent_coef": 0.0,
                    "ridge": 1e-3,
                    "target_kl": "lin_0.03",
                    "max_step_size": None,
                },
                features={"kind": "polynomial", "degree": 3},
            ),
            Preset(
                name="mountain-car",
                doc="MountainCar-v0 by TRPO on cubic features, in episodes of up to 5,000 steps",
                algorithm="trpo",
                env_id="MountainCar-v0",
                total_timesteps=2_000_000,
                threshold=-110.0,
                n_envs=16,
                options={
                    "n_steps": 1000,
                    "gamma": 0.99,
                    "gae_lambda": 1.0,
                    "ent_coef": "pow8_1",  # a goal is met by chance alone: explore, then do not
                    "ridge": 1e-3,
                    "target_kl": 0.02,
                    "max_step_size": None,
                },
                features={"kind": "polynomial", "degree": 3},
                policy={"normalize_observations": True},
                env_options={"max_episode_steps": 5000},
            ),
            Preset(
                name="mountain-car-continuous",
                doc="MountainCarContinuous-v0 by TRPO, from noise wide enough to meet the goal",
                algorithm="trpo",
                env_id="MountainCarContinuous-v0",
                total_timesteps=300_000,
                threshold=90.0,
                n_envs=16,
                options={
                    "n_steps": 999,
                    "gamma": 0.99,
                    "ent_coef": 0.0,
                    "ridge": 1e-3,
                    "target_kl": 0.05,
                    "max_step_size": None,
                },
                policy={"normalize_observations": True, "log_std_init": 1.0},
            ),
        )
    }
)


def find_preset(name: str) -> Preset:
    """The preset of a name; an unknown one raises ValueError with the nearest."""
    return PRESETS[one_of("preset", name, PRESETS)]


def train_preset(
    name: str,
    *,
    total_timesteps: int | None = None,
    seed: int | None = None,
    callback: Callback | None = None,
) -> Algorithm:
    """Build the algorithm of a preset, let it learn, return it.

    Args:
        name: one of `PRESETS`: "cartpole", "acrobot", "pendulum", "mountain-car" or
            "mountain-car-continuous".
        total_timesteps: environment steps; by default the preset's.
        seed: as of the algorithm.
        callback: as of `learn`.

    Raises:
        ValueError: an unknown name; the message has the nearest.
    """
    preset = find_preset(name)
    steps = preset.total_timesteps if total_timesteps is None else total_timesteps
    return preset.build(seed).learn(steps, callback)
