#!/usr/bin/env bash
# Guess: reset(seed=...) of a Gymnasium vector environment seeds it, as in Gymnasium.
# Fact: an EnvPool environment takes the argument and ignores it: start states follow the seed given to
# make. It is an instance of both gymnasium.Env and gymnasium.vector.VectorEnv.
# Version: envpool 1.2.5, gymnasium 1.4.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check envpool==1.2.5 gymnasium==1.4.0
"$folder/venv/bin/python" - <<'PY'
import sys

import envpool
import gymnasium
import numpy as np

print("envpool", envpool.__version__, "gymnasium", gymnasium.__version__)


def start(made_with, reset_with):
    env = envpool.make_gymnasium("CartPole-v1", num_envs=2, seed=made_with)
    return env.reset(seed=reset_with)[0]


env = envpool.make_gymnasium("CartPole-v1", num_envs=2)
both = isinstance(env, gymnasium.Env) and isinstance(env, gymnasium.vector.VectorEnv)
ignored = np.array_equal(start(1, 10), start(1, 20))
followed = not np.array_equal(start(1, 10), start(2, 10))
print("both classes:", both)
print("another seed at reset, the same start:", ignored)
print("another seed at make, another start:", followed)
sys.exit(not (both and ignored and followed))
PY
