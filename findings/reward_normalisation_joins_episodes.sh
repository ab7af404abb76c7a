#!/usr/bin/env bash
# Guess: reward normalisation divides by the deviation of discounted sums within an episode; the sum
# begins anew with each episode.
# Fact: in NormalizeReward, of one environment and of a vector environment, only `terminated` begins a
# new sum, one step early: the last reward of an episode counts in the next one instead. After
# `truncated` the sum goes on. In an environment whose episodes only end by a time limit it never
# begins anew, so that with gamma = 1 it grows, and the rewards fall towards 0: a reward that is always
# 1 is .0007 after 1,000 episodes of 5 steps.
# Version: gymnasium 1.4.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0
cat > "$folder/sums.py" <<'PY'
import sys

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import NormalizeReward, TimeLimit
from gymnasium.wrappers.vector import NormalizeReward as VectorNormalizeReward


class Ones(gymnasium.Env):
    """Reward 1 in every step; an episode terminates after `length` steps, or never."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == self.length, False, {}


def terminating():
    return Ones(5)


def truncated():
    return TimeLimit(Ones(None), 5)


def single(make, steps):
    """The sum after each step, and the last reward that the learner gets."""
    env = NormalizeReward(make(), gamma=1.0)
    env.reset(seed=0)
    sums = []
    for _ in range(steps):
        _, reward, terminated, stopped, _ = env.step(0)
        sums.append(float(np.ravel(env.discounted_reward)[0]))
        if terminated or stopped:
            env.reset()
    return sums, float(np.ravel(reward)[0])


def vector(make, steps):
    """The same of a vector environment; the rows that only reset are left out."""
    env = VectorNormalizeReward(SyncVectorEnv([make]), gamma=1.0)
    env.reset(seed=0)
    sums, resets = [], False
    while len(sums) < steps:
        _, _, terminated, stopped, _ = env.step(np.zeros(1, int))
        if not resets:
            sums.append(float(env.accumulated_reward[0]))
        resets = bool(terminated[0] or stopped[0])
    return sums


print("gymnasium", gymnasium.__version__)
by_end = {make.__name__: (single(make, 12)[0], vector(make, 12)) for make in (terminating, truncated)}
late = single(truncated, 5000)[1]
for name, (one, several) in by_end.items():
    print(f"{name} after 5 steps, sums: {one}; of a vector environment: {several}")
print(f"reward 1 after 1,000 truncated episodes: {late:.4f}")
ends_early = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 3.0]
never_ends = [float(k) for k in range(1, 13)]
unchanged = (
    by_end["terminating"] == (ends_early, ends_early)
    and by_end["truncated"] == (never_ends, never_ends)
    and late < 0.001
)
sys.exit(not unchanged)
PY
"$folder/venv/bin/python" "$folder/sums.py"
