"""A learning run of stable-baselines3, or sb3-contrib for TRPO, with their own defaults."""

from __future__ import annotations

import time
from typing import Any

import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from perceptrons.runs import EPISODES, EVALUATION_ENVS, Outcome, Run, versions

KINDS: dict[str, Any] = {"ppo": stable_baselines3.PPO, "trpo": sb3_contrib.TRPO}
VERSIONS = versions("stable-baselines3", "sb3-contrib", "torch", "gymnasium", "mujoco")


def trained(run: Run) -> Outcome:
    """Train, and evaluate in environments that were not trained in."""
    torch.set_num_threads(1)
    wall, cpu = time.perf_counter(), time.process_time()
    model = KINDS[run.algorithm]("MlpPolicy", run.env_id, seed=run.seed, device="cpu")
    model.learn(run.steps)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    greedy, stochastic = (final_return(model, run, greedy=greedy) for greedy in (True, False))
    return Outcome(greedy, stochastic, seconds, cpu_seconds, VERSIONS)


def final_return(model: Any, run: Run, *, greedy: bool) -> float:
    """Mean return over 100 episodes."""
    env = make_vec_env(run.env_id, EVALUATION_ENVS, seed=run.seed)
    mean, _ = evaluate_policy(model, env, EPISODES, deterministic=greedy)
    env.close()
    return float(mean)
