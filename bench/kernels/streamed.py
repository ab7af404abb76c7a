"""Statistics of a batch in the same pass as the collecting, beside collecting first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import fastpg
from kernels import Case, bench

# id, environments, steps, exact, threads
SIZES = (
    ("CartPole-v1", 16, 64, True, 1),
    ("CartPole-v1", 1024, 512, False, 1),
    ("CartPole-v1", 1024, 512, False, 2),
    ("Pendulum-v1", 1024, 512, False, 1),
)


def _two_passes(env, policy, baseline, n_steps: int, threads: int) -> tuple:
    """Gradient, Fisher matrix, mean entropy and value weights from a trajectory that is kept."""
    rollout = fastpg.collect(env, policy, n_steps=n_steps, seed=0)
    values, following = rollout.values(baseline)
    advantages, targets = fastpg.gae(
        rollout.rewards,
        values,
        following,
        rollout.terminated,
        rollout.ended,
        num_threads=threads,
    )
    observations, steps = rollout.flat(rollout.observations), rollout.flat(rollout.step_index)
    a, actions = rollout.flat(advantages), rollout.flat(rollout.actions)
    phi = policy.features(observations)
    dist = policy.distribution(phi)
    gradient = policy.score_gradient(phi, dist, actions, a, num_threads=threads)
    fisher = policy.fisher(phi, dist, num_threads=threads)
    entropy, spread = policy.entropy(dist).mean(), a.std()
    baseline.fit(observations, steps, rollout.flat(targets))
    return gradient, fisher, entropy, spread, baseline.weights


def _streamed(env, policy, baseline, n_steps: int) -> tuple:
    s = fastpg.collect_statistics(
        env, policy, n_steps=n_steps, baseline=baseline, seed=0, fit_baseline=True
    )
    return s.gradient, s.fisher, s.entropy, s.advantage_std, baseline.weights


def _case(env_id: str, n: int, n_steps: int, exact: bool, threads: int) -> Case:
    env = fastpg.make_vec(env_id, n, exact=exact, num_threads=threads)
    kind = fastpg.LinearSoftmax if env_id == "CartPole-v1" else fastpg.LinearGaussian
    policy = kind.for_env(env)
    ours, theirs = (fastpg.LinearBaseline(policy.observation_size) for _ in range(2))

    def check() -> None:
        one = _streamed(env, policy, fastpg.LinearBaseline(policy.observation_size), n_steps)
        two = _two_passes(
            env, policy, fastpg.LinearBaseline(policy.observation_size), n_steps, threads
        )
        for a, b in zip(one[:-1], two[:-1], strict=True):
            assert np.allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max())
        assert np.allclose(one[-1], two[-1], rtol=1e-5, atol=1e-6 * np.abs(two[-1]).max())

    return Case(
        name=f"streamed statistics {env_id}",
        size=f"T={n_steps} N={n}" + (f" {threads} threads" if threads > 1 else ""),
        ours=lambda: _streamed(env, policy, ours, n_steps),
        baselines={
            "collect, then each": lambda: _two_passes(env, policy, theirs, n_steps, threads)
        },
        check=check,
        work=n_steps * n,
        unit="steps",
    )


@bench
def streamed_statistics() -> Iterator[Case]:
    """Gradient, Fisher matrix, entropy, spread of the advantages and a fit of the baseline."""
    for size in SIZES:
        yield _case(*size)
