"""Stepping every native environment and collecting, beside Gymnasium's vector environments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import fastpg
from fastpg.collection import make_collector
from kernels import Case, bench

IDS = (
    "CartPole-v1",
    "Acrobot-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "Pendulum-v1",
)
NUM_ENVS = (1, 16, 256, 4096, 65_536)
MOST_SYNC = 256  # SyncVectorEnv's time grows in proportion beyond
STEPS = 128


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
    """Gymnasium's vector entry point where there is one, else SyncVectorEnv."""
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


@bench
def step() -> Iterator[Case]:
    """One step of all environments through the Python interface."""
    for env_id in IDS:
        for num_envs in NUM_ENVS:
            name, gym = _baseline(env_id, num_envs)
            theirs = _actions(gym, np.random.default_rng(0))
            for exact in (True, False):
                env = fastpg.make_vec(env_id, num_envs, exact=exact, copy=False)
                env.reset(seed=0)
                actions = _actions(env, np.random.default_rng(0))
                yield Case(
                    name=f"step {env_id} {'exact' if exact else 'fast'}",
                    size=f"N={num_envs}",
                    ours=lambda env=env, a=actions: env.step(a),
                    baselines={name: lambda gym=gym, a=theirs: gym.step(a)},
                    check=lambda i=env_id, n=num_envs, exact=exact: _equal_to_sync(
                        i, min(n, 16), exact=exact
                    ),
                    work=num_envs,
                    unit="steps",
                    baseline_work=gym.num_envs,
                )


def _numpy_rollout(gym: CartPoleVectorEnv, theta: np.ndarray, steps: int) -> None:
    """The same loop in Python: policy, sample, step, store."""
    rng = np.random.default_rng(0)
    obs, _ = gym.reset(seed=0)
    n = gym.num_envs
    observations = np.zeros((steps, n, 4), np.float32)
    actions = np.zeros((steps, n), np.int64)
    rewards = np.zeros((steps, n))
    for t in range(steps):
        logits = np.concatenate([obs, np.ones((n, 1))], axis=1) @ theta
        p = 1.0 / (1.0 + np.exp(logits[:, 0] - logits[:, 1]))
        observations[t], actions[t] = obs, rng.random(n) < p
        obs, rewards[t], *_ = gym.step(actions[t])


@bench
def collect() -> Iterator[Case]:
    """Environment x policy, T x N."""
    for num_envs in (16, 1024):
        env = fastpg.make_vec("CartPole-v1", num_envs)
        env.reset(seed=0)
        policy = fastpg.LinearSoftmax(4, 2)
        collector = make_collector(env, policy, 0)
        gym = CartPoleVectorEnv(num_envs)

        def check(n: int = num_envs, policy: fastpg.LinearSoftmax = policy) -> None:
            n = min(n, 16)
            rollout = fastpg.collect(fastpg.make_vec("CartPole-v1", n), policy, n_steps=50, seed=1)
            sync = SyncVectorEnv(
                [lambda: gymnasium.make("CartPole-v1")] * n, autoreset_mode=AutoresetMode.SAME_STEP
            )
            obs, _ = sync.reset(seed=1)
            for t in range(50):
                assert np.array_equal(rollout.observations[t], obs)
                obs = sync.step(rollout.actions[t].astype(np.int64))[0]
            sync.close()

        yield Case(
            name="collect",
            size=f"T={STEPS} N={num_envs}",
            ours=lambda collector=collector: collector.steps(STEPS),
            baselines={
                "CartPoleVectorEnv + NumPy": lambda gym=gym, p=policy: _numpy_rollout(
                    gym, p.theta, STEPS
                )
            },
            check=check,
            work=STEPS * num_envs,
            unit="steps",
        )
