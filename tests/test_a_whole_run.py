"""The commands of docs/runs.md, from start to end, each in a process of its own."""

import io
import json
import os
import re
import select
import shlex
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastpg
from processes import GUARD, PLAIN, PROGRAM, python

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "runs.md").read_text()
SECTION = PAGE.split("## From start to end on the command line")[1]
TRAIN, RESUME, EXTEND, *REST = [
    shlex.split(line) for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    for line in block.splitlines()
]  # fmt: skip
STEPS = 3_000_000


class Terminal:
    """A command in a terminal of its own, in which Ctrl-C can be pressed."""

    def __init__(self, command, folder):
        import pty  # not on Windows

        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(COLUMNS="200", TERM="xterm")
            os.execv(sys.executable, [sys.executable, "-m", *command])
        self.shown = b""
        self.guard = threading.Timer(GUARD, os.kill, (self.pid, signal.SIGKILL))
        self.guard.daemon = True
        self.guard.start()

    def read(self):
        """Take what has been shown meanwhile; False at the end."""
        if not select.select([self.file], [], [], 0.01)[0]:
            return True
        try:
            part = os.read(self.file, 65536)
        except OSError:  # Linux's end of a terminal
            part = b""
        self.shown += part
        return bool(part)

    def press_ctrl_c(self):
        os.write(self.file, b"\x03")

    def exit_code(self):
        while self.read():
            pass
        self.guard.cancel()
        os.close(self.file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def records_of(folder):
    file = folder / "records.jsonl"
    return file.read_text().splitlines() if file.exists() else []


def run(command, folder):
    assert command[0] == "fastpg"
    done = python(PROGRAM, *command[1:], cwd=folder, **PLAIN)
    assert done.returncode == 0, done.stderr
    return done.stdout


def picture(path):
    pil = pytest.importorskip("PIL.Image")
    return pil.open(io.BytesIO(path.read_bytes()))


def film_seconds(gif):
    """Equal pictures are one, which is shown for longer; the last stays for a second."""
    total = 0.0
    for k in range(gif.n_frames):
        gif.seek(k)
        total += gif.info["duration"] / 1000
    return total


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pty")
def test_train_stop_resume_and_all_that_follows(tmp_path):
    for module in ("matplotlib", "PIL", "pygame", "onnx"):
        pytest.importorskip(module)
    folder = tmp_path / "runs" / "cartpole"
    terminal = Terminal(TRAIN, tmp_path)
    while len(records_of(folder)) < 3:
        assert terminal.read(), terminal.shown
    terminal.press_ctrl_c()
    assert terminal.exit_code() == 130, terminal.shown
    shown = terminal.shown.decode()
    assert re.search(r"[\d,]+/[\d,]+.*steps +return .*steps/s", shown), "the bar"
    stopped = fastpg.load(folder / "checkpoint.npz").num_timesteps
    assert 0 < stopped < STEPS
    assert f"{stopped:,} (interrupted)" in shown

    assert f"from step {stopped:,}" in run(RESUME, tmp_path)
    straight = fastpg.train("trpo", "CartPole-v1", total_timesteps=STEPS, seed=0)
    resumed = fastpg.load(folder / "final.npz")
    assert np.array_equal(resumed.policy.theta, straight.policy.theta)
    assert len(records_of(folder)) == len(straight.history)
    assert json.loads((folder / "config.json").read_text())["resumed"]

    assert re.search(r"steps +4,000,000", run(EXTEND, tmp_path))
    assert fastpg.load(folder / "final.npz").num_timesteps == 4_000_000

    texts = [run(command, tmp_path) for command in REST]
    assert "trpo" in texts[0]
    assert "500.0 +/- 0.0 over 100 greedy episodes" in texts[1]
    for name in ("curves.png", "diagnostics.png", "policy.png"):
        image = picture(tmp_path / name).convert("L")
        assert min(image.size) > 300
        assert np.ptp(np.asarray(image)) > 200
    assert film_seconds(picture(tmp_path / "cartpole.gif")) == pytest.approx(500 / 50 + 1)
    for name in ("policy.py", "policy.h", "policy.onnx"):
        assert (tmp_path / name).stat().st_size > 500
    assert len(REST) == 9
