#!/usr/bin/env bash
# Guess: env.P of a toy text environment describes it completely, so that exact values are correct.
# Fact: Taxi-v4 with fickle_passenger=True changes the destination by a flag that is not part of the
# state; some steps lead to states to which P gives probability 0. Without it, also with is_rainy=True,
# every step is in P.
# Version: gymnasium 1.4.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0
"$folder/venv/bin/python" - <<'PY'
import sys

import gymnasium

print("gymnasium", gymnasium.__version__)


def steps_outside_the_table(**options):
    env = gymnasium.make("Taxi-v4", **options).unwrapped
    env.action_space.seed(0)
    state, _ = env.reset(seed=0)
    outside = 0
    for _ in range(200_000):
        action = env.action_space.sample()
        possible = {following for p, following, _, _ in env.P[state][action] if p > 0.0}
        state, _, terminated, _, _ = env.step(action)
        outside += state not in possible
        if terminated:
            state, _ = env.reset()
    return outside


found = {name: steps_outside_the_table(**options) for name, options in {
    "plain": {}, "rainy": {"is_rainy": True}, "fickle": {"fickle_passenger": True}}.items()}
print("steps of 200,000 that the table does not have:", found)
sys.exit(not (found["plain"] == found["rainy"] == 0 < found["fickle"]))
PY
