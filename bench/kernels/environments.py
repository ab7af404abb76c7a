"""Stepping and collecting CartPole, beside Gymnasium's vector environments."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import fastpg
from fastpg.collection import make_collector
from kernels import Case, bench

NUM_ENVS = (1, 64, 4096)
STEPS = 128


def _equal_to_sync(num_envs: int, *, exact: bool) -> None:
    ours = fastpg.make_vec("CartPole-v1", num_envs, exact=exact)
    gym = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * num_envs)
    ours.reset(seed=0)
    gym.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.integers(0, 2, num_envs)
        for mine, other in zip(ours.step(actions)[:4], gym.step(actions)[:4], strict=True):
            assert np.array_equal(mine, other) if exact else np.allclose(mine, other, atol=1e-6)
    gym.close()


@bench
def step() -> Iterator[Case]:
    """One step of all environments through the Python interface."""
    for num_envs in NUM_ENVS:
        for exact in (True, False):
            env = fastpg.make_vec("CartPole-v1", num_envs, exact=exact, copy=False)
            env.reset(seed=0)
            gym = CartPoleVectorEnv(num_envs)
            gym.reset(seed=0)
            actions = np.random.default_rng(0).integers(0, 2, num_envs)
            yield Case(
                name="step exact" if exact else "step fast",
                size=f"N={num_envs}",
                ours=lambda env=env, a=actions: env.step(a),
                baselines={"CartPoleVectorEnv": lambda gym=gym, a=actions: gym.step(a)},
                check=lambda n=num_envs, exact=exact: _equal_to_sync(min(n, 64), exact=exact),
                work=num_envs,
                unit="steps",
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
