#!/usr/bin/env bash
# Guess: under AutoresetMode.SAME_STEP, info["final_obs"] holds the last observation of the episode.
# Fact: it holds the array object that the environment returned. An environment that always returns the
# same array overwrites it in the reset, so that it then holds the first observation of the next episode.
# Under NEXT_STEP and DISABLED the last observation is correct.
# Version: gymnasium 1.4.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0
"$folder/venv/bin/python" - <<'PY'
import sys

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

print("gymnasium", gymnasium.__version__)


class Walk(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self):
        self.state = np.zeros(1, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state[:] = 0
        return self.state, {}

    def step(self, action):
        self.state += 1
        return self.state, 0.0, bool(self.state[0] >= 3), False, {}


def last(mode):
    envs = SyncVectorEnv([Walk], autoreset_mode=mode)
    envs.reset(seed=0)
    for _ in range(3):
        observations, _, _, _, infos = envs.step(np.zeros(1, int))
    if mode == AutoresetMode.SAME_STEP:
        return float(infos["final_obs"][0][0])
    return float(observations[0, 0])


found = {mode.name: last(mode) for mode in AutoresetMode}
print("last observation, 3.0 is true:", found)
sys.exit(found != {"NEXT_STEP": 3.0, "SAME_STEP": 0.0, "DISABLED": 3.0})
PY
