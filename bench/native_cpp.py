"""CartPole through fastpg/env.hpp beside the built-in one: the rate of `collect`.

python bench/native_cpp.py [--rounds N] [--quick]

The header is that of tests/native_headers/cartpole.hpp; both give the same bits. Linear softmax
policy, one thread, in turns; CPU time, medians of the rounds. "without prepare": sine and cosine in
`step` itself.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # set before NumPy is imported

import numpy as np

import fastpg

HEADER = Path(__file__).resolve().parent.parent / "tests" / "native_headers" / "cartpole.hpp"
SIZES = ((1024, 32), (1024, 256), (64, 512))  # environments, steps of a rollout


def without_prepare(folder: str) -> Path:
    """The header with sine and cosine in `step`, under another id."""
    text = HEADER.read_text().replace("HeaderCartPole", "PlainCartPole")
    text = text.replace("prepare(", "angle_of(").replace(", const Angle& angle)", ")")
    text = text.replace("= angle;", "= angle_of(s, p);")
    path = Path(folder, "plain.hpp")
    path.write_text(text)
    return path


def seconds(env: fastpg.NativeVectorEnv, policy: fastpg.LinearSoftmax, n_steps: int) -> float:
    """CPU time of one rollout."""
    start = time.process_time()
    fastpg.collect(env, policy, n_steps=n_steps)
    return time.process_time() - start


def compare(names: dict[str, str], n_envs: int, n_steps: int, rounds: int) -> None:
    """Print a row of the table."""
    policy = fastpg.LinearSoftmax(4, 2)
    envs = {name: fastpg.make_vec(env_id, n_envs, num_threads=1) for name, env_id in names.items()}
    taken: dict[str, list[float]] = {name: [] for name in envs}
    for env in envs.values():
        env.reset(seed=0)
        seconds(env, policy, n_steps)
    for _ in range(rounds):
        for name, env in envs.items():
            taken[name].append(seconds(env, policy, n_steps))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    usual = medians["built in"]
    row = [f"{n_envs:5d} x {n_steps:3d}"]
    for name, median in medians.items():
        per_step = 1e9 * median / (n_envs * n_steps)
        row.append(f"{name}: {per_step:5.1f} ns, {usual / median:.2f}x")
    print(" | ".join(row), flush=True)


def require_equal(names: dict[str, str]) -> None:
    """The same bits in rollouts of the same seed."""
    rollouts = []
    for env_id in names.values():
        env = fastpg.make_vec(env_id, 64)
        env.reset(seed=1)
        rollouts.append(fastpg.collect(env, fastpg.LinearSoftmax(4, 2), n_steps=256, seed=2))
    for other in rollouts[1:]:
        assert np.array_equal(rollouts[0].observations, other.observations)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--quick", action="store_true", help="a few rounds, to try the program")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = {
            "built in": "CartPole-v1",
            "header": fastpg.build_env(HEADER, cache=folder).id,
            "without prepare": fastpg.build_env(without_prepare(folder), cache=folder).id,
        }
        require_equal(names)
        for n_envs, n_steps in SIZES:
            compare(names, n_envs, n_steps, 3 if args.quick else args.rounds)


if __name__ == "__main__":
    main()
