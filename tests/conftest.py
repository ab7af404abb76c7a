from __future__ import annotations

import signal
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import fastpg
import reference
from native_builds import require_compiler
from processes import PLAIN

# In a suite started in the background SIGINT is ignored; tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Under nohup SIGHUP is ignored. Programs inherit that, but not a handler which does nothing.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# The same cases everywhere, without a deadline and without a check of the speed of drawing: both
# depend on the load of the machine.
settings.register_profile(
    "untimed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def header_cache(tmp_path_factory):
    """A folder for compiled environments; without a compiler the test is skipped."""
    require_compiler()
    return tmp_path_factory.mktemp("libraries")


@pytest.fixture
def short_pieces(monkeypatch):
    """Evaluate in short rollouts: 250 steps are too long for short episodes stepped from Python."""
    monkeypatch.setattr(fastpg.rollouts.evaluation, "_PIECE", 20)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command in an empty folder, without the start of a process."""
    from fastpg import cli

    monkeypatch.chdir(tmp_path)
    for name, value in PLAIN.items():
        monkeypatch.setenv(name, value)
    for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER", "MUJOCO_GL", "PYGAME_HIDE_SUPPORT_PROMPT"):
        monkeypatch.setenv(name, "")  # so that what `fastpg enjoy` sets is undone
        monkeypatch.delenv(name)

    def command(*arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=stopped.value.code, stdout=out, stderr=err)

    return command


@pytest.fixture
def five_episodes(monkeypatch, short_pieces):
    """An evaluation of the program itself has its hundred."""
    from fastpg.cli import evaluation

    monkeypatch.setattr(evaluation, "EVAL_EPISODES", 5)
    monkeypatch.setattr(evaluation, "EVAL_ENVS", 5)


@pytest.fixture
def one_episode(monkeypatch):
    from fastpg.cli import evaluation

    monkeypatch.setattr(evaluation, "EVAL_EPISODES", 1)
    monkeypatch.setattr(evaluation, "EVAL_ENVS", 1)


@pytest.fixture
def rng():
    return np.random.default_rng(12345)


@dataclass
class SoftmaxBatch:
    """A policy and samples of it, with the probabilities of the reference."""

    policy: fastpg.LinearSoftmax
    observations: np.ndarray
    phi: np.ndarray
    pi: np.ndarray
    log_pi: np.ndarray
    actions: np.ndarray
    advantages: np.ndarray


@pytest.fixture(params=[(4, 2, 60), (3, 5, 40), (1, 1, 7)], ids=["d4a2", "d3a5", "d1a1"])
def batch(request, rng):
    size, n_actions, n = request.param
    theta = rng.normal(size=(size + 1, n_actions))
    observations = rng.normal(size=(n, size)).astype(np.float32)
    phi = np.concatenate([observations.astype(np.float64), np.ones((n, 1))], axis=1)
    pi = reference.softmax(phi @ theta)
    actions = np.array([rng.choice(n_actions, p=p) for p in pi], dtype=np.int32)
    return SoftmaxBatch(
        policy=fastpg.LinearSoftmax(size, n_actions, theta),
        observations=observations,
        phi=phi,
        pi=pi,
        log_pi=reference.log_softmax(phi @ theta),
        actions=actions,
        advantages=rng.normal(size=n),
    )
