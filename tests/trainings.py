"""Short trainings of every algorithm."""

from fastpg.algorithms import ALGORITHMS
from fastpg.algorithms.gae_algorithm import StepAlgorithm

NAMES = list(ALGORITHMS)
STEP_NAMES = [name for name, kind in ALGORITHMS.items() if issubclass(kind, StepAlgorithm)]


def learned(name, total=12_000, seed=0, **options):
    return ALGORITHMS[name]("linear", "CartPole-v1", seed=seed, **options).learn(total)


def untimed(history):
    return [{k: v for k, v in record.items() if not k.startswith("time/")} for record in history]


def everything(algo):
    """All that the rest of a `learn` depends on, and its history without times: arrays and JSON."""
    stored, meta = algo.state()
    place, running = algo.running_state()
    meta["history"] = untimed(meta["history"])
    meta["options"].pop("num_threads")
    if running["plan"] is not None:
        running["plan"].pop("seconds")
    return stored | place, meta | running


def same(one, other):
    """Assert that two algorithms are equal, bit for bit."""
    (arrays, meta), (others, other_meta) = everything(one), everything(other)
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        assert values.dtype == others[name].dtype, name
        assert values.shape == others[name].shape, name
        assert values.tobytes() == others[name].tobytes(), name
    assert meta == other_meta


def until(algo, iteration, path):
    """A callback that saves a checkpoint after an iteration and then stops."""

    def callback(record):
        if record["time/iterations"] < iteration:
            return True
        algo.save_checkpoint(path)
        return False

    return callback
