"""Networks of stable-baselines3, trained for as many steps as the tuned linear policies of fastpg.

python bench/peers.py --seeds 1 --write docs/learning.md

Settings are those of rl-baselines3-zoo: PPO and sb3-contrib's TRPO, with two hidden layers. Needs
`pip install stable-baselines3 sb3-contrib "gymnasium[box2d,mujoco]"`; each run takes minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported

import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecNormalize

from tables.sections import Section, table, write

HEADING = "Networks of stable-baselines3 at the same steps"
FIRST_SEED, EPISODES = 105, 20
STEPS = {"LunarLander-v3": 500_000, "Swimmer-v5": 300_000, "Hopper-v5": 300_000}
WIDE = {
    "log_std_init": -2,
    "ortho_init": False,
    "activation_fn": torch.nn.ReLU,
    "net_arch": {"pi": [256, 256], "vf": [256, 256]},
}
MUJOCO_TRPO = {
    "n_steps": 1024, "batch_size": 128, "gamma": 0.99, "gae_lambda": 0.95,
    "sub_sampling_factor": 1, "cg_max_steps": 25, "cg_damping": 0.1, "n_critic_updates": 20,
    "learning_rate": 1e-3,
}  # fmt: skip
# Number of environments, whether observations and rewards are normalised, and options.
THEIRS: dict[tuple[str, str], tuple[int, bool, dict[str, Any]]] = {
    ("LunarLander-v3", "TRPO"): (2, False, {
        "n_steps": 512, "cg_damping": 0.01, "gae_lambda": 0.98, "gamma": 0.99,
        "learning_rate": 1e-3, "n_critic_updates": 15,
    }),
    ("LunarLander-v3", "PPO"): (16, False, {
        "n_steps": 1024, "batch_size": 64, "gae_lambda": 0.98, "gamma": 0.999, "n_epochs": 4,
        "ent_coef": 0.01,
    }),
    ("Swimmer-v5", "TRPO"): (2, True, MUJOCO_TRPO | {"gamma": 0.9999}),
    ("Swimmer-v5", "PPO"): (1, True, {"gamma": 0.9999}),
    ("Hopper-v5", "TRPO"): (2, True, MUJOCO_TRPO),
    ("Hopper-v5", "PPO"): (1, True, {
        "batch_size": 32, "n_steps": 512, "gamma": 0.999, "learning_rate": 9.80828e-05,
        "ent_coef": 0.00229519, "clip_range": 0.2, "n_epochs": 5, "gae_lambda": 0.99,
        "max_grad_norm": 0.7, "vf_coef": 0.835671, "policy_kwargs": WIDE,
    }),
}  # fmt: skip


def theirs(env_id: str, kind: str, steps: int, seed: int) -> tuple[float, float]:
    """Mean greedy return of a network, and seconds of training."""
    n_envs, normalized, options = THEIRS[env_id, kind]
    env: Any = make_vec_env(env_id, n_envs=n_envs, seed=seed)
    test: Any = make_vec_env(env_id, n_envs=1, seed=1000 + seed)
    if normalized:
        env = VecNormalize(env, gamma=options.get("gamma", 0.99))
        test = VecNormalize(test, training=False, norm_reward=False)
    of = stable_baselines3.PPO if kind == "PPO" else sb3_contrib.TRPO
    model = of("MlpPolicy", env, seed=seed, device="cpu", **options)
    start = time.perf_counter()
    model.learn(steps)
    seconds = time.perf_counter() - start
    if normalized:
        test.obs_rms = env.obs_rms
    return float(evaluate_policy(model, test, EPISODES)[0]), seconds


def row(kind: str, env_id: str, steps: int, runs: list[tuple[float, float]]) -> dict[str, str]:
    """A line of the table."""
    returns, seconds = np.array(runs).T
    return {
        "algorithm": kind,
        "environment": env_id,
        "steps": f"{steps:,}",
        "seeds": f"{len(runs)}",
        "median": f"{np.median(returns):.1f}",
        "worst": f"{returns.min():.1f}",
        "training": f"{np.median(seconds):.0f} s",
    }


def rows(seeds: range) -> list[dict[str, str]]:
    """A line for each environment and algorithm."""
    return [
        row(kind, env_id, STEPS[env_id], [theirs(env_id, kind, STEPS[env_id], s) for s in seeds])
        for env_id, kind in THEIRS
    ]


def main() -> None:
    """Print the table; with --write, replace its section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--write", type=Path, help="page in which to replace the section")
    given = parser.parse_args()
    torch.set_num_threads(1)
    versions = f"stable-baselines3 {stable_baselines3.__version__}, torch {torch.__version__}"
    text = table(rows(range(FIRST_SEED, FIRST_SEED + given.seeds)))
    section = Section(
        HEADING, f"python bench/peers.py --seeds {given.seeds}", f"{versions}\n\n{text}"
    )
    print(section.markdown())
    if given.write is not None:
        write(given.write, section, [])


if __name__ == "__main__":
    main()
