#!/usr/bin/env bash
# Guess: evaluations with the seeds 0, 1, 2, … on a vector environment are independent, so that the
# standard deviation of their means is the standard error of one mean.
# Fact: environment i is seeded with seed + i, so that neighbouring seeds share all start states but
# one. The standard deviation of ten means over 100 episodes is four times smaller than for seeds 100
# apart, and their average is hardly more accurate than one of them.
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

print("gymnasium", gymnasium.__version__)
N = 100
env = gymnasium.make_vec("Pendulum-v1", num_envs=N, vectorization_mode="sync")
first, second = (env.reset(seed=seed)[0] for seed in (0, 1))
shared = int((first[1:] == second[:-1]).all(axis=1).sum())
print(f"start states that seeds 0 and 1 have in common: {shared} of {N}")


def mean_return(seed):
    """Of the pendulum left alone, over one episode of each environment."""
    env.reset(seed=seed)
    total = np.zeros(N)
    for _ in range(200):
        total += env.step(np.zeros((N, 1), np.float32))[1]
    return total.mean()


near = np.std([mean_return(k) for k in range(10)])
apart = np.std([mean_return(1_000 + N * k) for k in range(10)])
print(f"standard deviation of ten means: {near:.1f} for seeds 0 to 9, {apart:.1f} for seeds {N} apart")
sys.exit(not (shared == N - 1 and 4.0 * near < apart))
PY
