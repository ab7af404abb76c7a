"""What is measured of one version, in its own interpreter, by its public names."""

from __future__ import annotations

import dataclasses
import functools
import io
import statistics
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import gymnasium
import numpy as np

import fastpg
from comparison.crossings import CORE, Crossings, seconds_of_nothing

ENV_ID = "CartPole-v1"
N_ENVS = 16
LOOK_EPISODES = 100
BUDGET = 60_000  # environment steps until CartPole counts as not solved
Options = dict[str, Any]


def _class(name: str) -> Any:
    return getattr(fastpg, name)


def options(name: str) -> Options:
    """The version's own defaults, of the options that have an effect together with the others."""
    given = _class(name)("linear", ENV_ID, seed=0).options
    has_effect = getattr(given, "has_effect", lambda option: True)  # since 0.2.0
    values = dataclasses.asdict(given)
    return {option: value for option, value in values.items() if has_effect(option)}


def _learn(name: str, given: Options, n_steps: int, iterations: int, callback: Any) -> None:
    """Learn for some iterations; the callback is called after each."""
    explicit = {**given, "n_envs": N_ENVS, "n_steps": n_steps}
    algo = _class(name)("linear", ENV_ID, seed=0, **explicit)
    algo.learn(N_ENVS * n_steps * iterations, callback)


def iteration(name: str, given: Options, n_steps: int, iterations: int) -> float:
    """Median seconds between two calls of the callback of `learn`."""
    laps: list[float] = []
    _learn(name, given, n_steps, iterations, lambda record: laps.append(time.perf_counter()))
    return statistics.median(np.diff(laps).tolist())


def interpreter(name: str, given: Options, n_steps: int, iterations: int) -> list[float]:
    """Median seconds of an iteration, of its crossings, and of the rest.

    The iteration runs without anything before the crossings. Theirs are timed in a second run, less
    what the clock shows of a crossing that does nothing.
    """
    whole = iteration(name, given, n_steps, iterations)
    found: list[tuple[int, float]] = []
    with Crossings() as crossings:
        _learn(name, given, n_steps, iterations, lambda record: found.append(crossings.take()))
    nothing = seconds_of_nothing()
    inside = statistics.median(seconds - count * nothing for count, seconds in found[1:])
    return [whole, inside, whole - inside]


def counts(name: str, given: Options, n_steps: int) -> list[int]:
    """Crossings, calls of functions of fastpg, and calls of any function of Python.

    Of the third of five iterations. Crossings are counted in one run, calls in another: `call`
    events of sys.setprofile, the resumption of a generator among them, without the callback's own.
    """
    found: list[int] = []
    with Crossings() as crossings:
        _learn(name, given, n_steps, 5, lambda record: found.append(crossings.take()[0]))
    calls = _python_calls(name, given, n_steps)
    own = f"{Path(fastpg.__file__).parent}"
    return [found[2], sum(n for file, n in calls.items() if file.startswith(own)), calls.total()]


def _python_calls(name: str, given: Options, n_steps: int) -> Counter[str]:
    calls: Counter[str] = Counter()
    iterations = 0

    def see(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code is not callback.__code__:
            calls[frame.f_code.co_filename] += 1

    def callback(record: Any) -> None:
        nonlocal iterations
        iterations += 1
        sys.setprofile(see if iterations == 2 else None)

    _learn(name, given, n_steps, 5, callback)
    return calls


def solve(seed: int, given: Options) -> list[float]:
    """Seconds of NPG, construction included, up to a greedy mean of 475, and its iterations.

    As in bench/whole.py: the greedy policy is evaluated after every update with the clock stopped.
    """
    threshold = gymnasium.spec(ENV_ID).reward_threshold
    judge = fastpg.make_vec(ENV_ID, LOOK_EPISODES)
    iterations, spent, reached = 0, 0.0, False
    mark = time.perf_counter()

    def look(record: Any) -> bool:
        nonlocal iterations, spent, mark, reached
        spent += time.perf_counter() - mark
        iterations += 1
        mean, _ = fastpg.evaluate_policy(algo, judge, LOOK_EPISODES, seed=seed)
        reached = mean >= threshold
        mark = time.perf_counter()
        return not reached

    algo = fastpg.NPG("linear", ENV_ID, seed=seed, **given)
    algo.learn(BUDGET, look)
    return [spent, iterations, reached]


@functools.cache
def _policy(env_id: str) -> tuple[Any, Any]:
    algo = fastpg.NPG("linear", env_id, seed=0)
    return algo, fastpg.make_vec(env_id, 1).reset(seed=0)[0][0]


def predict(env_id: str, deterministic: bool, calls: int) -> float:
    """Seconds of a prediction for one observation."""
    algo, observation = _policy(env_id)
    for _ in range(calls // 10):
        algo.predict(observation, deterministic=deterministic)
    start = time.perf_counter()
    for _ in range(calls):
        algo.predict(observation, deterministic=deterministic)
    return (time.perf_counter() - start) / calls


def package_size() -> int:
    """Bytes of the installed package, compressed as in a wheel."""
    package = Path(fastpg.__file__).parent
    files = {p for p in package.rglob("*") if p.suffix in (".py", ".pyi", ".toml", ".typed")}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted({*files, Path(CORE.__file__)}):
            archive.write(file)
    return packed.tell()
