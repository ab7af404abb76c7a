#!/usr/bin/env bash
# Guess: an environment with render_mode="rgb_array" draws into memory, and `kill` (SIGTERM) ends the
# process as before.
# Fact: Gymnasium begins pygame's display for the first picture, also of an array, and SDL replaces
# the default action of SIGTERM by an event that nobody reads. Until env.close() the process goes on,
# while Python's signal.getsignal() still says SIG_DFL. With SDL_NO_SIGNAL_HANDLERS=1 it ends.
# Version: gymnasium 1.4.0, pygame-ce 2.5.8 (SDL 2).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0 pygame-ce==2.5.8
cat > "$folder/drawn.py" <<'PY'
import os
import signal
import sys

import gymnasium

env = gymnasium.make(sys.argv[1], render_mode="rgb_array")
env.reset(seed=0)
for draws in (False, True):
    if draws:
        env.render()
    print("drawn:", draws, " Python's view:", signal.getsignal(signal.SIGTERM).name, flush=True)
os.kill(os.getpid(), signal.SIGTERM)
print("goes on after SIGTERM", flush=True)
env.close()
os.kill(os.getpid(), signal.SIGTERM)
print("goes on after close, too", flush=True)
PY
export SDL_VIDEODRIVER=dummy PYGAME_HIDE_SUPPORT_PROMPT=1
"$folder/venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep -E '^(gymnasium|pygame)'
for env_id in CartPole-v1 FrozenLake-v1; do
  usual="$("$folder/venv/bin/python" "$folder/drawn.py" "$env_id" 2> /dev/null || echo "ended: $?")"
  without="$(SDL_NO_SIGNAL_HANDLERS=1 "$folder/venv/bin/python" "$folder/drawn.py" "$env_id" \
    2> /dev/null || echo "ended: $?")"
  printf '%s\n%s\n-- with SDL_NO_SIGNAL_HANDLERS=1\n%s\n' "$env_id" "$usual" "$without"
  [[ "$usual" == *"Python's view: SIG_DFL"*"goes on after SIGTERM"*"ended: 143" ]]
  [[ "$usual" != *"after close, too"* && "$without" != *"goes on"* && "$without" == *"ended: 143" ]]
done
