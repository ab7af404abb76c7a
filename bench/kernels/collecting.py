"""Collecting with a linear policy, compared with Gymnasium's vector environments and NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import fastpg
from fastpg.rollouts.collect import make_collector
from kernels import Case, bench

# environments, steps, exact, threads
CARTPOLE = (
    (16, 128, True, 1),
    (1024, 512, True, 1),
    (1024, 512, False, 1),
    (1024, 512, False, 2),
)
OTHERS = ("Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1")
SYNC_ENVS, SYNC_STEPS = 16, 32


def _policy(env: VectorEnv) -> fastpg.LinearSoftmax | fastpg.LinearGaussian:
    box = isinstance(env.single_action_space, gymnasium.spaces.Box)
    return (fastpg.LinearGaussian if box else fastpg.LinearSoftmax).for_env(env)


def _numpy_actions(
    policy: fastpg.LinearSoftmax | fastpg.LinearGaussian, obs: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    phi = np.concatenate([obs, np.ones((len(obs), 1))], axis=1)
    if isinstance(policy, fastpg.LinearGaussian):
        mean = phi @ policy.theta[: -policy.action_size].reshape(phi.shape[1], -1)
        return (mean + rng.normal(size=mean.shape)).astype(np.float32)
    logits = phi @ policy.theta
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    drawn = rng.random((len(obs), 1)) * p.sum(axis=1, keepdims=True)
    return (drawn > p.cumsum(axis=1)).sum(axis=1)


def _numpy_rollout(
    gym: VectorEnv, policy: fastpg.LinearSoftmax | fastpg.LinearGaussian, steps: int
) -> Callable[[], None]:
    """The same loop in Python: policy, sample, step, store."""
    n = gym.num_envs
    first, _ = gym.reset(seed=0)
    observations = np.zeros((steps, *first.shape), np.float32)
    rewards = np.zeros((steps, n))
    rng = np.random.default_rng(0)

    def run() -> None:
        obs = first
        for t in range(steps):
            observations[t] = obs
            obs, rewards[t], *_ = gym.step(_numpy_actions(policy, obs, rng))

    return run


def _replay(env_id: str) -> None:
    """Check a rollout by playing its actions in Gymnasium."""
    n = 16
    env = fastpg.make_vec(env_id, n)
    policy = _policy(env)
    rollout = fastpg.collect(env, policy, n_steps=50, seed=1)
    sync = SyncVectorEnv(
        [lambda: gymnasium.make(env_id)] * n, autoreset_mode=AutoresetMode.SAME_STEP
    )
    obs, _ = sync.reset(seed=1)
    for t in range(50):
        assert np.allclose(rollout.observations[t], obs, rtol=0, atol=1.2e-7)
        actions = policy.for_environment(rollout.actions[t])
        obs = sync.step(actions.astype(sync.single_action_space.dtype))[0]
    sync.close()


def _case(
    env_id: str, size: tuple[int, int, bool, int], gym: VectorEnv, steps: int, baseline: str
) -> Case:
    n, n_steps, exact, threads = size
    env = fastpg.make_vec(env_id, n, exact=exact, num_threads=threads)
    policy = _policy(env)
    collector = make_collector(env, policy, 0)
    collector.reset(0)
    return Case(
        name=f"collect {env_id} {'exact' if exact else 'fast'}",
        size=f"T={n_steps} N={n}" + (f" {threads} threads" if threads > 1 else ""),
        ours=lambda: collector.steps(n_steps),
        baselines={baseline: _numpy_rollout(gym, policy, steps)},
        check=lambda: _replay(env_id),
        work=n_steps * n,
        unit="steps",
        bound="sine and cosine of the C library" if exact else "arithmetic of the environment",
        threads=threads,
        baseline_work=steps * gym.num_envs,
    )


@bench
def collect() -> Iterator[Case]:
    """Environment and policy, T x N; actions are uniform, so episodes are short."""
    for size in CARTPOLE:
        gym = CartPoleVectorEnv(size[0])
        yield _case("CartPole-v1", size, gym, 16, "CartPoleVectorEnv + NumPy")
    for env_id in OTHERS:
        gym = SyncVectorEnv([lambda env_id=env_id: gymnasium.make(env_id)] * SYNC_ENVS)
        for exact in (True, False):
            size = (1024, 128, exact, 1)
            yield _case(env_id, size, gym, SYNC_STEPS, "SyncVectorEnv + NumPy, scaled")
