"""The algorithms, by name."""

from fastpg.algorithms.catalogue import ALGORITHMS, DEFAULT_TIMESTEPS, find, load, resume
from fastpg.algorithms.npg import NPG
from fastpg.algorithms.ppo import PPO
from fastpg.algorithms.reinforce import REINFORCE
from fastpg.algorithms.trpo import TRPO

__all__ = [
    "ALGORITHMS",
    "DEFAULT_TIMESTEPS",
    "NPG",
    "PPO",
    "REINFORCE",
    "TRPO",
    "find",
    "load",
    "resume",
]
