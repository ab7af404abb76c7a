#!/usr/bin/env bash
# Guess: infos are only information; their values cannot make a step fail.
# Fact: SyncVectorEnv makes one array for each key, of the type of the first value. The step raises if
# another environment gives a longer array, None, a string or a dict under the same key.
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
from gymnasium.vector import SyncVectorEnv

print("gymnasium", gymnasium.__version__)


class Told(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, info):
        self.info = info

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {"told": self.info}


def ends(one, two):
    envs = SyncVectorEnv([lambda: Told(one), lambda: Told(two)])
    envs.reset(seed=0)
    try:
        envs.step(np.zeros(2, int))
    except (ValueError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


pairs = {"arrays of 1 and 2": (np.zeros(1), np.zeros(2)), "number, None": (3, None),
         "number, text": (0, "crash"), "None, dict": (None, {"x": 1}), "lists of 1 and 2": ([1], [1, 2])}
found = {name: ends(*pair) for name, pair in pairs.items()}
for name, text in found.items():
    print(f"{name}: {text}")
raised = [text != "no error" for text in found.values()]
sys.exit(raised != [True, True, True, True, False])
PY
