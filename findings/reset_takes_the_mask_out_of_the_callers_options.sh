#!/usr/bin/env bash
# Guess: reset(options=...) does not change the dict, so that it can be used again.
# Fact: SyncVectorEnv.reset removes "reset_mask" from the caller's dict. The second reset with the same
# dict resets every environment.
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
envs = SyncVectorEnv(
    [lambda: gymnasium.make("CartPole-v1")] * 2, autoreset_mode=AutoresetMode.DISABLED
)
envs.reset(seed=0)
options = {"reset_mask": np.array([True, False])}
before = envs.step(np.zeros(2, int))[0]
once = envs.reset(options=options)[0]
print("left in the dict after one reset:", options)
twice = envs.reset(options=options)[0]
kept = [bool((new[1] == before[1]).all()) for new in (once, twice)]
print("the second environment went on, after each reset:", kept)
sys.exit(options != {} or kept != [True, False])
PY
