"""Short trainings of every algorithm."""

from fastpg.algorithms import ALGORITHMS
from fastpg.algorithms.gae_algorithm import StepAlgorithm

NAMES = list(ALGORITHMS)
STEP_NAMES = [name for name, kind in ALGORITHMS.items() if issubclass(kind, StepAlgorithm)]


def learned(name, total=12_000, seed=0, **options):
    return ALGORITHMS[name]("linear", "CartPole-v1", seed=seed, **options).learn(total)


def untimed(history):
    return [{k: v for k, v in record.items() if not k.startswith("time/")} for record in history]
