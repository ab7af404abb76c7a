"""Small valid checkpoints of every kind: policies, baselines, optimizers, spaces, both formats."""

import contextlib
import functools
import io
import tempfile
import warnings
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium import spaces

import fastpg

SMALL = {"seed": 0, "n_envs": 2, "n_steps": 8}
LAYERS = {"net_arch": [3]}

# Spaces that no native environment has.
ODD_SPACES = (
    spaces.Dict({"a": spaces.Discrete(3, start=-1), "b": spaces.Box(-1.0, 1.0, (2,), np.float32)}),
    spaces.Tuple([spaces.MultiBinary(2), spaces.MultiDiscrete([2, 3])]),
)


class Odd(gymnasium.Env):
    """Steps that count, in other spaces."""

    def __init__(self, space, choices):
        self.observation_space = space
        self.action_space = spaces.MultiDiscrete(choices)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.left = 5
        return self.observation_space.sample(), {}

    def step(self, action):
        self.left -= 1
        return self.observation_space.sample(), 1.0, self.left == 0, False, {}


def odd(k):
    return lambda: Odd(ODD_SPACES[k], [2, 3])


def algorithms():
    """Untrained ones by name."""
    episodes = {"seed": 0, "n_envs": 2, "n_episodes": 2}
    return {
        "npg": fastpg.NPG("linear", "CartPole-v1", **SMALL),
        "npg_mean": fastpg.NPG("linear", "Acrobot-v1", baseline="mean", fisher="exact", **SMALL),
        "trpo_raw": fastpg.TRPO("linear", "Pendulum-v1", normalize_reward=True, **SMALL),
        "trpo_mlp": fastpg.TRPO("mlp", "CartPole-v1", policy_kwargs=LAYERS, **SMALL),
        "ppo": fastpg.PPO("linear", "CartPole-v1", batch_size=8, n_epochs=2, **SMALL),
        "ppo_mlp": fastpg.PPO(
            "mlp", "Pendulum-v1", batch_size=8, n_epochs=2, **SMALL, target_kl=0.1,
            policy_kwargs=LAYERS | {"state_dependent_std": True, "activation_fn": "elu"},
        ),
        "ppo_fourier": fastpg.PPO(
            "linear", "MountainCarContinuous-v0", batch_size=8, **SMALL,
            policy_kwargs={"features": fastpg.RandomFourier(2, 5, nu=1.0, seed=3),
                           "normalize_observations": True},
        ),
        "reinforce": fastpg.REINFORCE(
            "linear", "CartPole-v1", learning_rate="lin_0.01", **episodes
        ),
        "reinforce_none": fastpg.REINFORCE("linear", "CartPole-v1", baseline="none", **episodes),
        "polynomial": fastpg.NPG(
            "linear", "MountainCar-v0", **SMALL,
            policy_kwargs={"features": fastpg.Polynomial(2, 2, time=True)},
        ),
        "dict": fastpg.NPG("linear", odd(0), **SMALL),
        "tuple": fastpg.PPO("mlp", odd(1), batch_size=8, policy_kwargs=LAYERS, **SMALL),
        "python": fastpg.TRPO("linear", gymnasium.make("CartPole-v1"), seed=0, n_steps=16),
    }  # fmt: skip


def _written(algo, folder):
    """The contents of a file of `save` and, in the middle of `learn`, of `save_checkpoint`."""
    halfway = folder / "halfway.npz"

    def stop(record):
        if record["time/iterations"] < 2:
            return True
        algo.save_checkpoint(halfway)
        return False

    algo.learn(1000, stop)
    return algo.save(folder / "saved.npz").read_bytes(), halfway.read_bytes()


@functools.cache
def contents():
    """Files by name."""
    out = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, algo in algorithms().items():
            out[name], out[f"{name}_running"] = _written(algo, Path(folder))
    for path in sorted((Path(__file__).parent / "files").glob("*.npz")):
        out[path.name] = path.read_bytes()
    return out


def unpacked(content):
    """(arrays by name, the JSON text) of a file; None if it is none."""
    with (
        contextlib.suppress(Exception),
        np.load(io.BytesIO(content), allow_pickle=False) as archive,
    ):
        stored = {name: archive[name] for name in archive.files}
        text = stored.pop("meta")[()]
        return stored, text.decode() if isinstance(text, bytes) else str(text)
    return None


def packed(stored, text):
    """A small file of arrays and a JSON text."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, meta=np.array(text.encode()), **stored)
    return buffer.getvalue()
