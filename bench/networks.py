"""Times of multilayer perceptrons, beside those of stable-baselines3.

python bench/networks.py [--peer-python PYTHON] [--only NAME ...] [--quick]

PYTHON is the interpreter of an environment that has stable-baselines3 and sb3-contrib; without it
the peer's column is empty. Each side runs in a process of its own with one thread, and they are
asked in turns, so that what disturbs the machine disturbs both. Numbers are medians over the
rounds; times are CPU seconds, unless a row says otherwise. Settings are the same on both sides, see
perceptrons/settings.py. All networks have two hidden layers of 64 tanh units.

- pendulum: PPO on Pendulum-v1, 4 environments, construction included.
- trpo: the update of TRPO without its values: gradient, 10 steps of conjugate gradient, line
  search; 2,048 samples of 17 numbers, 6 continuous actions.
- predict: the most probable action for one observation.
- minibatch: forward, backward and Adam's step of policy and value function, as in PPO. Its rate
  counts the floating-point operations of matrix products alone, as a share of the rate of NumPy's
  float32 product of 1,024 x 1,024.
- collect: steps of CartPole-v1 with 1,024 environments, with the same share.
- simulations: PPO on 8 environments of Box2D and of MuJoCo, and the same with a linear policy.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from perceptrons import settings
from perceptrons.sides import Sides, sides


class Row(NamedTuple):
    """A line of the table; the numbers are in `unit`."""

    what: str
    ours: float
    peer: float | None
    unit: str


def of_runs(
    both: Sides, given: argparse.Namespace, env_id: str, sizes: dict[str, int], steps: int
) -> tuple[int, list[tuple[float, float | None]]]:
    """The number of steps; medians of seconds, and of CPU seconds."""
    steps = settings.whole_iterations(sizes, steps)
    found = [both.ask("ppo", env_id, sizes, steps, seed) for seed in range(given.runs)]
    pairs = []
    for k in range(2):
        peers = [peer[k] for _, peer in found if peer is not None]
        ours = statistics.median(us[k] for us, _ in found)
        pairs.append((ours, statistics.median(peers) if peers else None))
    return steps, pairs


def pendulum(both: Sides, given: argparse.Namespace) -> Iterator[Row]:
    """Whole training."""
    sizes = settings.PENDULUM
    steps, (wall, cpu) = of_runs(both, given, "Pendulum-v1", sizes, given.pendulum_steps)
    name = f"PPO on Pendulum-v1, {steps:,} steps"
    yield Row(f"{name}, elapsed", *wall, "s")
    yield Row(name, *cpu, "s")


def trpo(both: Sides, given: argparse.Namespace) -> Iterator[Row]:
    """The natural step and its line search."""
    ours, peer = both.medians(given.rounds, "trpo_update")
    yield Row("TRPO's update without values", *_scaled(1e3, ours, peer), "ms")


def predict(both: Sides, given: argparse.Namespace) -> Iterator[Row]:
    """Single predictions."""
    for env_id in settings.PREDICTED:
        ours, peer = both.medians(given.rounds, "predict", env_id)
        yield Row(f"predict, {env_id}", *_scaled(1e6, ours, peer), "us")


def minibatch(both: Sides, given: argparse.Namespace) -> Iterator[Row]:
    """Training of both networks, with shares of the machine's rate."""
    for samples in settings.MINIBATCHES:
        yield from _minibatch(both, given.rounds, samples)


class Minibatch(NamedTuple):
    """A round: seconds of both networks, and the machine's rate."""

    policy: float
    values: float
    peer: float | None
    rate: float


def _minibatch(both: Sides, rounds: int, samples: int) -> Iterator[Row]:
    found = [
        Minibatch(
            both.ours.ask("policy_minibatch", samples),
            both.ours.ask("value_minibatch", samples),
            None if both.peer is None else both.peer.ask("minibatch", samples),
            both.ours.ask("rate"),
        )
        for _ in range(rounds)
    ]
    name = f"minibatch of {samples:,}"
    policy = samples * settings.training_flops(settings.OBSERVATION, settings.ACTION)
    work = policy + samples * settings.training_flops(settings.OBSERVATION, 1)
    peer = [(m.peer, m.rate) for m in found if m.peer is not None]
    seconds = statistics.median(t for t, _ in peer) if peer else None
    share = statistics.median(work / t / rate for t, rate in peer) if peer else None
    ours = [(m.policy + m.values, m.rate) for m in found]
    yield Row(name, *_scaled(1e6, statistics.median(t for t, _ in ours), seconds), "us")
    our_share = statistics.median(work / t / rate for t, rate in ours)
    yield Row(f"{name}: share of the rate", *_scaled(100, our_share, share), "%")


def collect(both: Sides, given: argparse.Namespace) -> Iterator[Row]:
    """Steps with a perceptron, of which the peer has no counterpart."""
    found = [(both.ours.ask("collect"), both.ours.ask("rate")) for _ in range(given.rounds)]
    work = settings.forward_flops(*settings.CARTPOLE_SIZES)
    name = f"collect CartPole-v1, {settings.COLLECTING_ENVS:,} environments"
    yield Row(name, 1e9 * statistics.median(t for t, _ in found), None, "ns/step")
    share = statistics.median(work / t / r for t, r in found)
    yield Row(f"{name}: share of the rate", 100 * share, None, "%")


def simulations(both: Sides, given: argparse.Namespace) -> Iterator[Row]:
    """Training where the simulation takes most of the time."""
    for env_id in settings.SIMULATIONS:
        if (missing := both.ours.ask("missing", env_id)) is not None:
            print(f"{env_id}: left out, {missing}", file=sys.stderr)
            continue
        yield from _simulation(both, given, env_id)


def _simulation(both: Sides, given: argparse.Namespace, env_id: str) -> Iterator[Row]:
    sizes = settings.SIMULATED
    steps, (_, cpu) = of_runs(both, given, env_id, sizes, given.simulated_steps)
    linear = statistics.median(
        both.ours.ask("linear_ppo", env_id, sizes, steps, seed)[1] for seed in range(given.runs)
    )
    name = f"PPO on {sizes['n_envs']} x {env_id}, {steps:,} steps"
    yield Row(name, *cpu, "s")
    yield Row(f"{name}, linear policy", linear, None, "s")
    yield Row(f"{name}, perceptron / linear", cpu[0] / linear, None, "")


def _scaled(factor: float, ours: float, peer: float | None) -> tuple[float, float | None]:
    return factor * ours, None if peer is None else factor * peer


PARTS: dict[str, Callable[[Sides, argparse.Namespace], Iterator[Row]]] = {
    part.__name__: part for part in (pendulum, trpo, predict, minibatch, collect, simulations)
}


def row_text(row: Row) -> str:
    """A line of Markdown; of shares the ratio is that of speeds, as of times."""
    ours = f"{row.ours:,.4g} {row.unit}".rstrip()
    if row.peer is None:
        return f"| {row.what} | {ours} | - | - |"
    ratio = row.ours / row.peer if row.unit == "%" else row.peer / row.ours
    return f"| {row.what} | {ours} | {row.peer:,.4g} {row.unit} | {ratio:.2f} |"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", type=Path, help="interpreter with stable-baselines3")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=9, help="of short measurements")
    parser.add_argument("--runs", type=int, default=3, help="of training, with different seeds")
    parser.add_argument("--pendulum-steps", type=int, default=300_000)
    parser.add_argument("--simulated-steps", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps, three rounds")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.runs = 3, 1
        given.pendulum_steps //= 10
        given.simulated_steps //= 10
    return given


def main() -> None:
    """Print the table, a line as soon as it is known."""
    given = arguments()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "FASTPG_NUM_THREADS"):
        os.environ[name] = "1"
    peer = None if given.peer_python is None else str(given.peer_python.absolute())
    if peer is not None and not given.peer_python.exists():
        print(f"stable-baselines3: left out, no interpreter {peer}\n")
        peer = None
    elif peer is None:
        print("stable-baselines3: left out, --peer-python is not given\n")
    with sides(sys.executable, peer) as both:
        for side in (both.ours, both.peer):
            if side is not None:
                print(f"- {side.ask('versions')}")
        print("\n| what | fastpg | stable-baselines3 | times faster |\n|---|---:|---:|---:|")
        for name in given.only:
            for row in PARTS[name](both, given):
                print(row_text(row), flush=True)


if __name__ == "__main__":
    main()
