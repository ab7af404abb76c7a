"""Collecting and second order in one pass, with or without keeping the trajectory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import _core, arrays
from fastpg.arrays import Floats, Integers
from fastpg.baselines import LinearBaseline
from fastpg.envs import NativeVectorEnv
from fastpg.linear_policy import LinearPolicy
from fastpg.rollouts.rollout import UNLIMITED, Rollout


@dataclass(frozen=True)
class BatchStatistics:
    """Statistics of a batch of n = T N samples, in which K episodes ended.

    Gradients have the shape of theta, P is `theta.size`, the flat order of parameters
    `theta.ravel()`. All are means over the samples (per step, not per trajectory).
    """

    sample_count: int  # n
    gradient: Floats  # mean of A grad ln pi(a|s) (lecture L1, L6)
    score_mean: Floats  # mean of grad ln pi(a|s), which vanishes as n grows
    advantage_mean: float  # of A
    advantage_std: float  # of A; 0 where they differ by rounding errors alone
    fisher: Floats  # (P, P), the action summed out (lecture L7)
    entropy: float  # mean of H(pi(.|s)), in nats
    episode_returns: Floats  # (K,), undiscounted, in the order of their ends
    episode_lengths: Integers  # (K,), in steps
    rollout: Rollout | None  # the trajectory, where it was kept

    @property
    def standardized_gradient(self) -> Floats:
        """The gradient with (A - mean) / (std + 1e-8) for A, the shape of theta.

        Zeros where the advantages are constant.
        """
        if self.advantage_std == 0.0:
            return np.zeros_like(self.gradient)
        centred = self.gradient - self.advantage_mean * self.score_mean
        scaled: Floats = centred / (self.advantage_std + 1e-8)
        return scaled


class StatisticsCollector:
    """Collects statistics batch by batch; episodes continue from one batch to the next.

    Takes the same actions as a `fastpg.rollouts.rollout.NativeCollector` of this seed.

    Args:
        env: made by `make_vec`, and reset.
        policy: read anew at every call.
        baseline: V of the advantages; None: 0.
        gamma: discount in [0, 1].
        gae_lambda: in [0, 1].
        seed: of the actions, in [0, 2^64).
    """

    def __init__(
        self,
        env: NativeVectorEnv,
        policy: LinearPolicy,
        baseline: LinearBaseline | None = None,
        *,
        gamma: float = 0.99,
        gae_lambda: float = 0.95,
        seed: int = 0,
    ) -> None:
        self.env = _native(env)
        self.policy = policy
        self.baseline = _linear(baseline, self.env)
        self.gamma = arrays.unit_interval("gamma", gamma)
        self.gae_lambda = arrays.unit_interval("gae_lambda", gae_lambda)
        self.seed = arrays.seed(seed)
        self.step_count = 0

    def steps(
        self, n_steps: int, *, fit_baseline: bool = False, keep: bool = False
    ) -> BatchStatistics:
        """Statistics of the next steps of every environment; see `collect_statistics`.

        Args:
            n_steps: steps T of every environment, at least 1.
            fit_baseline: afterwards fit the baseline to the value targets A + V of this batch.
            keep: return the trajectory too.

        Returns:
            Statistics of T N samples.

        Raises:
            ValueError: `fit_baseline` without a baseline, a number out of range, or results that
                are not finite.
            TypeError: arguments of the wrong type.
        """
        fit = arrays.boolean("fit_baseline", fit_baseline)
        if fit and self.baseline is None:
            raise ValueError("fit_baseline: expected a baseline to fit, got None")
        if not fit:
            return self._statistics(self._collect(n_steps, fit, keep))
        with self.env._unchanged_on_error():
            found = self._collect(n_steps, fit, keep)
            assert self.baseline is not None
            assert found["value_moments"] is not None
            self.baseline.fit_moments(*found["value_moments"])
        return self._statistics(found)

    def _collect(self, n_steps: int, fit: bool, keep: bool) -> _core._StatisticsDict:
        return _core.collect_statistics(
            self.env.native,
            self.policy.actor(self.env.single_action_space, False),
            arrays.integer("n_steps", n_steps, 1, UNLIMITED),
            self.seed,
            _core.Purpose.action,
            self.step_count,
            self.gamma,
            self.gae_lambda,
            None if self.baseline is None else self.baseline.weights,
            self.baseline is not None and self.baseline.time,
            fit,
            arrays.boolean("keep", keep),
        )

    def _statistics(self, found: _core._StatisticsDict) -> BatchStatistics:
        rollout = found["rollout"]
        shape = self.policy.shape
        self.step_count += found["sample_count"] // self.env.num_envs
        self.env.moves += 1
        return BatchStatistics(
            sample_count=found["sample_count"],
            gradient=found["gradient"].reshape(shape),
            score_mean=found["score_mean"].reshape(shape),
            advantage_mean=found["advantage_mean"],
            advantage_std=found["advantage_std"],
            fisher=found["fisher"],
            entropy=found["entropy"],
            episode_returns=found["episode_returns"],
            episode_lengths=found["episode_lengths"],
            rollout=None if rollout is None else Rollout(**rollout),
        )


def _native(env: Any) -> NativeVectorEnv:
    if not isinstance(env, NativeVectorEnv):
        raise TypeError(
            "env: expected a native environment, made by fastpg.make_vec; for any other, collect "
            f"the trajectory with fastpg.collect and estimate from it; got {env!r}"
        )
    return env


def _linear(baseline: Any, env: NativeVectorEnv) -> LinearBaseline | None:
    if baseline is None:
        return None
    if not isinstance(baseline, LinearBaseline):
        raise TypeError(f"baseline: expected a LinearBaseline or None, got {baseline!r}")
    size = env.single_observation_space.shape
    if size != (baseline.observation_size,):
        raise ValueError(
            f"baseline: expected one of {size} observations, got one of length "
            f"{baseline.observation_size}"
        )
    return baseline


def collect_statistics(
    env: NativeVectorEnv,
    policy: LinearPolicy,
    *,
    n_steps: int,
    baseline: LinearBaseline | None = None,
    gamma: float = 0.99,
    gae_lambda: float = 0.95,
    seed: int | None = None,
    fit_baseline: bool = False,
    keep: bool = False,
) -> BatchStatistics:
    """Reset a native environment, run a policy, and compute the statistics for a natural step.

    The same as `collect`, `gae`, `score_gradient`, `fisher` and `LinearBaseline.fit` one after the
    other (lectures L1, L6, L7), but for one block of environments after the other, while its steps
    are in the cache. The trajectory is not stored unless `keep` is True, so that memory does not
    grow with it. Actions, and the environment afterwards, are those of `collect` to the last bit;
    results are the same bits for any number of threads, which the environment sets.

    Args:
        env: made by `make_vec`, of N environments.
        policy: whose actions are taken, on features of any kind; at most 16,384 parameters.
        n_steps: steps T of every environment, at least 1.
        baseline: values V of the advantages, as it is before this call; None: 0.
        gamma: discount in [0, 1].
        gae_lambda: in [0, 1]; 1 gives G_t - V(s_t), 0 the one-step error.
        seed: of the environment and of the actions, in [0, 2^64); None draws one.
        fit_baseline: afterwards fit the baseline to the value targets A + V of this batch, as
            `LinearBaseline.fit` does.
        keep: return the trajectory too, as `collect` does.

    Returns:
        Statistics of T N samples.

    Raises:
        TypeError: an environment that is not native, a baseline that is not a `LinearBaseline`.
        ValueError: a policy, baseline or number that does not fit, results that are not finite.
            Environment and baseline are then as they were.
    """
    drawn = arrays.seed(seed)
    collector = StatisticsCollector(
        env, policy, baseline, gamma=gamma, gae_lambda=gae_lambda, seed=drawn
    )
    with env._unchanged_on_error():
        env.reset(seed=drawn)
        return collector.steps(n_steps, fit_baseline=fit_baseline, keep=keep)
