#!/usr/bin/env bash
# Guess: reward normalisation divides by the standard deviation of the returns seen, and leaves a
# reward that never varies about as it is.
# Fact: where every episode is one step of reward 1, the returns do not vary, so VecNormalize divides
# by almost 0. Its first variance of 1 has the weight of 1e-4 samples: after a few hundred steps the
# reward is hundreds, and the clip makes it 10, which is then every reward, whatever the task pays.
# A reward of 0.001 becomes 4,000 times as large within 2,000 steps.
# Version: stable-baselines3 2.9.2.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  stable-baselines3==2.9.2 torch==2.13.0 gymnasium==1.4.0
cat > "$folder/constant.py" <<'PY'
import sys

import gymnasium
import numpy as np
import stable_baselines3
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize


class OneStep(gymnasium.Env):
    """Every episode is one step; it pays the same each time."""

    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, reward):
        self.reward = reward

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), self.reward, True, False, {}


def last_reward(reward):
    env = VecNormalize(DummyVecEnv([lambda: OneStep(reward)]), norm_obs=False)
    env.reset()
    for _ in range(2000):
        _, rewards, _, _ = env.step(np.zeros(1, int))
    return float(rewards[0])


print("stable-baselines3", stable_baselines3.__version__)
found = {reward: last_reward(reward) for reward in (1.0, 0.001)}
for reward, seen in found.items():
    print(f"reward {reward} of every step: the learner gets {seen:.4g}")
sys.exit(found[1.0] != 10.0 or found[0.001] < 1.0)
PY
"$folder/venv/bin/python" "$folder/constant.py"
