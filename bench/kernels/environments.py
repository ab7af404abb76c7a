"""Stepping every native environment, compared with Gymnasium's vector environments."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv

import fastpg
from kernels import Case, bench

IDS = (
    "CartPole-v1",
    "Acrobot-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "Pendulum-v1",
)
NUM_ENVS = (1, 64, 1024, 16_384, 65_536)
FEW = 64  # whose step takes no longer than the call
MOST_SYNC = 256  # beyond, SyncVectorEnv's time grows in proportion


def _stepper(env: VectorEnv) -> Callable[[], object]:
    """A function that steps with random actions, drawn in advance."""
    rng = np.random.default_rng(0)
    drawn = itertools.cycle([_actions(env, rng) for _ in range(64)])
    return lambda: env.step(next(drawn))


def _actions(env: VectorEnv, rng: np.random.Generator) -> np.ndarray:
    space = env.single_action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        return rng.integers(0, space.n, env.num_envs)
    return rng.uniform(space.low, space.high, (env.num_envs, 1)).astype(np.float32)


@cache
def _sync(env_id: str, num_envs: int) -> SyncVectorEnv:
    env = SyncVectorEnv([lambda: gymnasium.make(env_id)] * num_envs)
    env.reset(seed=0)
    return env


def _baseline(env_id: str, num_envs: int) -> tuple[str, VectorEnv]:
    """Gymnasium's vector entry point if there is one, otherwise SyncVectorEnv."""
    if gymnasium.spec(env_id).vector_entry_point is None:
        made = _sync(env_id, min(num_envs, MOST_SYNC))
        name = "SyncVectorEnv" if num_envs <= MOST_SYNC else f"SyncVectorEnv of {MOST_SYNC}, scaled"
        return name, made
    made = gymnasium.make_vec(env_id, num_envs)
    made.reset(seed=0)
    return type(made).__name__, made


def _equal_to_sync(env_id: str, num_envs: int, *, exact: bool) -> None:
    ours = fastpg.make_vec(env_id, num_envs, exact=exact)
    gym = _sync(env_id, num_envs)
    assert np.allclose(ours.reset(seed=0)[0], gym.reset(seed=0)[0], rtol=0, atol=2e-7)
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = _actions(ours, rng)
        for mine, other in zip(ours.step(actions)[:4], gym.step(actions)[:4], strict=True):
            assert np.array_equal(mine, other) if exact else np.allclose(mine, other, atol=1e-4)


def _bound(num_envs: int, *, exact: bool) -> str:
    if num_envs <= FEW:
        return "the call from Python"
    return "sine and cosine of the C library" if exact else "arithmetic, checks and copies"


@bench
def step() -> Iterator[Case]:
    """One step of all environments through the Python interface."""
    for env_id in IDS:
        for num_envs in NUM_ENVS:
            name, gym = _baseline(env_id, num_envs)
            for exact in (True, False):
                env = fastpg.make_vec(env_id, num_envs, exact=exact, copy=False)
                env.reset(seed=0)
                yield Case(
                    name=f"step {env_id} {'exact' if exact else 'fast'}",
                    size=f"N={num_envs}",
                    ours=_stepper(env),
                    baselines={name: _stepper(gym)},
                    check=lambda i=env_id, n=num_envs, exact=exact: _equal_to_sync(
                        i, min(n, 16), exact=exact
                    ),
                    work=num_envs,
                    unit="steps",
                    bound=_bound(num_envs, exact=exact),
                    baseline_work=gym.num_envs,
                )
