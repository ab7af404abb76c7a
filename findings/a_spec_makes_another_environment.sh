#!/usr/bin/env bash
# Guess: `gymnasium.make(env.spec)` makes an environment like env again: its spec holds the wrappers and
# the time limit.
# Fact: a spec has one number for all time limits, that of the outermost TimeLimit, and puts it below
# the other wrappers. An environment whose episodes end after 50 steps, wrapped in a TimeLimit of 100,
# is made again with episodes of 100 steps. A TimeLimit of 20 around a wrapper that repeats each action
# twice is made again with episodes of 10 steps. What a class derived from TimeLimit adds is gone.
# Nothing warns.
# Version: gymnasium 1.4.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0
cat > "$folder/again.py" <<'PY'
import sys

import gymnasium
import numpy as np
from gymnasium.wrappers import MaxAndSkipObservation, TimeLimit


class Ones(gymnasium.Env):
    """Reward 1 in every step; an episode never ends by itself."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 1.0, False, False, {}


class Bonus(TimeLimit):
    """One more for every step."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward + 1.0, *rest


def episode(env):
    """Steps and return."""
    env.reset(seed=0)
    steps, total, ended = 0, 0.0, False
    while not ended:
        _, reward, terminated, truncated, _ = env.step(0)
        steps, total, ended = steps + 1, total + float(reward), terminated or truncated
    return steps, total


gymnasium.register("Ones-v0", Ones, max_episode_steps=50)
gymnasium.register("Endless-v0", Ones)
made = {
    "two limits": TimeLimit(gymnasium.make("Ones-v0"), 100),
    "a limit around a wrapper": TimeLimit(MaxAndSkipObservation(gymnasium.make("Endless-v0"), 2), 20),
    "a derived limit": Bonus(gymnasium.make("Endless-v0"), 30),
}
print("gymnasium", gymnasium.__version__)
found = {}
for name, env in made.items():
    again = gymnasium.make(env.spec)
    found[name] = (episode(env), episode(again))
    print(f"{name}: (steps, return) {found[name][0]}, made again by its spec {found[name][1]}: {again}")
unchanged = found == {
    "two limits": ((50, 50.0), (100, 100.0)),
    "a limit around a wrapper": ((20, 40.0), (10, 20.0)),
    "a derived limit": ((30, 60.0), (30, 30.0)),
}
sys.exit(not unchanged)
PY
"$folder/venv/bin/python" "$folder/again.py"
