#!/usr/bin/env bash
# Guess: after reset() of a vector environment the next step is a step of the new episode.
# Fact: under NEXT_STEP and without shared memory, reset() does not clear the flag of a worker of
# AsyncVectorEnv whose episode had ended. Its next step resets again: the reward is 0, the action is
# not used. With shared memory it is a step.
# Version: gymnasium 1.4.0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0
cat > "$folder/counted.py" <<'PY'
import sys

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv


class Counted(gymnasium.Env):
    """The observation is the step; the second ends the episode."""

    observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.full(1, self.t, np.float32), 1.0, self.t >= 2, False, {}


def step_after_reset(shared_memory):
    envs = AsyncVectorEnv([Counted], shared_memory=shared_memory)
    envs.reset(seed=0)
    for _ in range(2):
        envs.step(np.zeros(1, int))
    envs.reset(seed=0)
    observation, reward, *_ = envs.step(np.zeros(1, int))
    envs.close()
    return float(observation[0, 0]), float(reward[0])


if __name__ == "__main__":
    print("gymnasium", gymnasium.__version__)
    found = {shared: step_after_reset(shared) for shared in (True, False)}
    for shared, (observation, reward) in found.items():
        print(f"shared_memory={shared}: observation {observation}, reward {reward} (1.0, 1.0 is a step)")
    sys.exit(found != {True: (1.0, 1.0), False: (0.0, 0.0)})
PY
"$folder/venv/bin/python" "$folder/counted.py"
