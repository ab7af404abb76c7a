"""What both sides are asked to do: sizes, and settings written out, none left to a default."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

HIDDEN = [64, 64]
# PPO with these on both sides. Observations and rewards are not normalised.
PPO: dict[str, Any] = {
    "learning_rate": 3e-4,
    "batch_size": 256,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
    "normalize_advantage": True,
}
PENDULUM = {"n_envs": 4, "n_steps": 1024, "n_epochs": 2}
SIMULATED = {"n_envs": 8, "n_steps": 256, "n_epochs": 10}
SIMULATIONS = ("CartPole-v1", "LunarLander-v3", "Hopper-v5")

# A batch like that of a walking robot with six joints.
OBSERVATION, ACTION = 17, 6
TRPO_SAMPLES = 2048
TRPO: dict[str, Any] = {
    "cg_max_steps": 10,
    "target_kl": 0.01,
    "line_search_shrinking_factor": 0.8,
    "line_search_max_iter": 10,
}
MINIBATCHES = (256, 2048)
PREDICTED = ("CartPole-v1", "Pendulum-v1")
COLLECTING_ENVS, COLLECTED_ROWS = 1024, 64
CARTPOLE_SIZES = (4, 2)  # of an observation, and outputs of the policy


def whole_iterations(sizes: dict[str, int], steps: int) -> int:
    """At most so many steps that no side has an iteration of another length."""
    return steps - steps % (sizes["n_envs"] * sizes["n_steps"])


def widths(inputs: int, outputs: int) -> list[tuple[int, int]]:
    """Fan in and fan out of every layer."""
    return list(pairwise([inputs, *HIDDEN, outputs]))


def forward_flops(inputs: int, outputs: int) -> int:
    """Of the products for one sample; additions of biases and activations do not count."""
    return sum(2 * a * b for a, b in widths(inputs, outputs))


def training_flops(inputs: int, outputs: int) -> int:
    """Forward, and back: to the weights of every layer, and to the inputs of all but the first."""
    inner = widths(inputs, outputs)[1:]
    return 2 * forward_flops(inputs, outputs) + sum(2 * a * b for a, b in inner)
