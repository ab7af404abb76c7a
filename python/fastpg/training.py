"""What every algorithm shares: its parts, the learn loop, predict and save."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays, checkpoints
from fastpg.arrays import Actions, Float32s, Floats
from fastpg.baselines import LinearBaseline, explained_variance
from fastpg.envs import NativeVectorEnv, make_vec
from fastpg.estimators import gae
from fastpg.interrupts import deferred_interrupt
from fastpg.options import CommonOptions, StepOptions
from fastpg.policies import LinearSoftmax, make_policy
from fastpg.rollout import Collector, Rollout
from fastpg.solvers import Adam

Record = dict[str, float | int | str | bool]
Callback = Callable[[Record], bool | None]

_SAMPLES_PER_ITERATION = 2048  # where n_steps is None


@dataclass(frozen=True)
class Batch:
    """The valid samples of a rollout, flat (n,), ready for a step."""

    phi: Floats
    actions: Actions
    advantages: Floats
    observations: Float32s
    step_index: npt.NDArray[np.int64]
    values: Floats
    targets: Floats


class Algorithm:
    """Base of REINFORCE, NPG, TRPO and PPO: subclasses say what an iteration collects and does.

    Args:
        policy: a `LinearSoftmax`, or "linear".
        env: an id such as "CartPole-v1", or an environment made by `make_vec`.
        seed: of everything random, in [0, 2^64); None draws one and records it in `seed`.
        **options: fields of the algorithm's options class; `n_envs` goes with an id and raises
            when it contradicts an environment given.

    Attributes:
        history: one dict per iteration, under the log keys of the documentation.
        num_timesteps: environment steps taken by `learn`.
    """

    name: ClassVar[str]
    options_class: ClassVar[type[CommonOptions]]
    options: CommonOptions

    def __init__(
        self,
        policy: str | LinearSoftmax,
        env: str | NativeVectorEnv,
        *,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        owner = type(self).__name__
        self.options = self.options_class.build(owner, options)
        made = _make_env(env, self.options.n_envs, explicit="n_envs" in options)
        self.policy = make_policy(policy, made)
        self.seed = arrays.seed(seed)
        self.baseline = self._make_baseline()
        self.history: list[Record] = []
        self.num_timesteps = 0
        self._first_step = 0
        self._predictions = 0
        self.make_optimizer()
        self._use(made)

    def use_env(self, env: str | NativeVectorEnv) -> None:
        """Go on learning in this environment, whose spaces must be those of the policy."""
        made = _make_env(env, self.options.n_envs, explicit=False)
        fitting = LinearSoftmax.for_env(made).shape
        if fitting != self.policy.shape:
            raise ValueError(
                f"env: expected spaces for theta of shape {self.policy.shape}, got {fitting}"
            )
        self._use(made)

    def _make_baseline(self) -> LinearBaseline:
        options = self.options
        return LinearBaseline(
            self.policy.observation_size,
            ridge=options.ridge,
            memory=options.baseline_memory,
            time=options.baseline_time,
        )

    def _use(self, env: NativeVectorEnv) -> None:
        self.env: NativeVectorEnv | None = env
        self.env_id = env.env_id
        self.options = dataclasses.replace(self.options, n_envs=env.num_envs)
        self._collector: Collector | None = None

    def collect(self, collector: Collector, remaining: int) -> Iterator[Rollout]:
        """Rollouts of one iteration each, until `remaining` samples are used up."""
        raise NotImplementedError

    def update(self, rollout: Rollout) -> Record:
        """One step from a rollout: changes policy and baseline, returns what to log."""
        raise NotImplementedError

    def learn(
        self,
        total_timesteps: int,
        callback: Callback | None = None,
        *,
        reset_num_timesteps: bool = True,
    ) -> Self:
        """Train for `total_timesteps` environment steps, never more.

        Args:
            total_timesteps: at least the number of environments; less than that number of steps
                may be left unused.
            callback: receives each iteration's record; returning False stops.
            reset_num_timesteps: False goes on counting in `num_timesteps`.

        Returns:
            The algorithm itself.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the iteration is finished.
        """
        collector = self._ready_collector()
        total = arrays.integer("total_timesteps", total_timesteps, collector.env.num_envs)
        if reset_num_timesteps:
            self.num_timesteps = 0
        start = time.perf_counter()
        first = self.num_timesteps
        with deferred_interrupt() as interrupted:
            mark = start
            for rollout in self.collect(collector, total):
                self.num_timesteps += rollout.sample_count
                self._first_step = collector.step_count
                if not rollout.complete:
                    break
                collected = time.perf_counter()
                record = self.update(rollout)
                now = time.perf_counter()
                record |= {"time/collect": collected - mark, "time/update": now - collected}
                record |= self._progress(rollout, now - start, self.num_timesteps - first)
                self.history.append(record)
                if (callback is not None and callback(dict(record)) is False) or interrupted():
                    break
                mark = time.perf_counter()
        return self

    def predict(
        self, observation: Any, deterministic: bool = False
    ) -> tuple[np.int64 | npt.NDArray[np.int64], None]:
        """Actions for one observation (d,) or a batch (n, d): (action, None)."""
        batch, single = arrays.observations(
            "observation", observation, self.policy.observation_size
        )
        phi = _core.identity_features(batch)
        if deterministic:
            actions = self.policy.mode(phi)
        else:
            uniforms = _core.lane_uniforms(
                self.seed, _core.Purpose.prediction, 0, len(phi), self._predictions
            )
            self._predictions += 1
            actions = self.policy.sample(phi, uniforms)
        wide = actions.astype(np.int64)
        return (wide[0] if single else wide), None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint (.npz, arrays and JSON) and return its path."""
        stored, meta = self.state()
        return checkpoints.write(path, stored, meta)

    def state(self) -> checkpoints.State:
        """Arrays and JSON values from which `restore` rebuilds the algorithm."""
        stored = {"theta": self.policy.theta, **self.baseline.state()}
        meta = {
            "algorithm": self.name,
            "version": _core.__version__,
            "env_id": self.env_id,
            "observation_size": self.policy.observation_size,
            "n_actions": self.policy.n_actions,
            "options": dataclasses.asdict(self.options),
            "seed": self.seed,
            "num_timesteps": self.num_timesteps,
            "first_step": self._first_step,
            "predictions": self._predictions,
            "history": self.history,
        }
        return stored, meta

    @classmethod
    def restore(cls, state: checkpoints.State) -> Self:
        """The algorithm of a `state`, without an environment: it predicts but cannot learn."""
        stored, meta = state
        algo = cls.__new__(cls)
        algo.options = cls.options_class.build(cls.__name__, meta["options"])
        algo.env = None
        algo.policy = LinearSoftmax(meta["observation_size"], meta["n_actions"], stored["theta"])
        algo.seed = arrays.seed(meta["seed"])
        algo.baseline = algo._make_baseline()
        algo.baseline.restore(stored)
        algo.history = list(meta["history"])
        algo.num_timesteps = int(meta["num_timesteps"])
        algo.env_id = str(meta["env_id"])
        algo._first_step = int(meta["first_step"])
        algo._predictions = int(meta["predictions"])
        algo._collector = None
        algo.make_optimizer()
        algo.restore_optimizer(stored, meta)
        return algo

    def make_optimizer(self) -> None:
        """Make what a subclass ascends by, beside policy and baseline."""

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Bring back what a subclass added to `state`."""

    def batch(self, rollout: Rollout, advantages: Floats, targets: Floats, values: Floats) -> Batch:
        """The valid samples with features; advantages, targets and values are (T, N)."""
        observations = rollout.flat(rollout.observations)
        return Batch(
            phi=self.policy.features(observations),
            actions=rollout.flat(rollout.actions),
            advantages=rollout.flat(advantages),
            observations=observations,
            step_index=rollout.flat(rollout.step_index).astype(np.int64),
            values=rollout.flat(values),
            targets=rollout.flat(targets),
        )

    def fit_baseline(self, batch: Batch) -> Record:
        """Fit the baseline for the next iteration; how well the old one predicted this batch."""
        error = batch.targets - batch.values
        record: Record = {
            "train/value_loss": float(np.mean(error**2)),
            "train/explained_variance": explained_variance(batch.values, batch.targets),
        }
        self.baseline.fit(batch.observations, batch.step_index, batch.targets)
        return record

    def _ready_collector(self) -> Collector:
        if self.env is None:
            raise RuntimeError("learn: expected an environment; give load(path, env=...) one")
        if self._collector is None:
            collector = Collector(self.env, self.policy, self.seed)
            collector.step_count = self._first_step
            self.env.reset(seed=self.seed)
            self._recent_returns: deque[float] = deque(maxlen=100)
            self._recent_lengths: deque[int] = deque(maxlen=100)
            self._collector = collector
        return self._collector

    def _progress(self, rollout: Rollout, elapsed: float, steps: int) -> Record:
        self._recent_returns.extend(rollout.episode_returns.tolist())
        self._recent_lengths.extend(rollout.episode_lengths.tolist())
        record: Record = {
            "time/iterations": len(self.history) + 1,
            "time/total_timesteps": self.num_timesteps,
            "time/time_elapsed": elapsed,
            "time/fps": steps / max(elapsed, 1e-9),
        }
        if self._recent_returns:
            record["rollout/ep_rew_mean"] = float(np.mean(self._recent_returns))
            record["rollout/ep_len_mean"] = float(np.mean(self._recent_lengths))
        return record


class AdamAlgorithm(Algorithm):
    """An algorithm that ascends by Adam, whose moments are saved with it."""

    def make_optimizer(self) -> None:
        """Adam, its moments zero."""
        self.adam = Adam(self.policy.theta.size)

    def state(self) -> checkpoints.State:
        """Arrays and JSON values, with Adam's moments."""
        stored, meta = super().state()
        moments = {"adam_mean": self.adam.mean, "adam_square": self.adam.square}
        return stored | moments, meta | {"adam_count": self.adam.count}

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Adam with the moments saved."""
        size = self.policy.theta.size
        self.adam.restore(
            arrays.floats("adam_mean", stored["adam_mean"], (size,)),
            arrays.floats("adam_square", stored["adam_square"], (size,)),
            arrays.integer("adam_count", meta["adam_count"], 0),
        )


class StepAlgorithm(Algorithm):
    """An algorithm that collects by steps and estimates advantages by GAE."""

    options: StepOptions

    def collect(self, collector: Collector, remaining: int) -> Iterator[Rollout]:
        """Rollouts of equal length, give or take one step: no small one at the end."""
        n_envs = collector.env.num_envs
        steps = remaining // n_envs
        n_steps = self.options.n_steps or max(1, round(_SAMPLES_PER_ITERATION / n_envs))
        iterations = -(-steps // n_steps)
        for k in range(iterations):
            yield collector.steps(steps * (k + 1) // iterations - steps * k // iterations)

    def estimate(self, rollout: Rollout) -> Batch:
        """Advantages and value targets by GAE, from the baseline of earlier iterations."""
        values, next_values = rollout.values(self.baseline)
        advantages, targets = gae(
            rollout.rewards,
            values,
            next_values,
            rollout.terminated,
            rollout.cut,
            self.options.gamma,
            self.options.gae_lambda,
        )
        return self.batch(rollout, advantages, targets, values)


def standardize(advantages: Floats) -> Floats:
    """Mean 0 and standard deviation 1; finite for one sample and for constant advantages."""
    centred = advantages - advantages.mean()
    scaled: Floats = centred / (centred.std() + 1e-8)
    return scaled


def _make_env(env: str | NativeVectorEnv, n_envs: int, *, explicit: bool) -> NativeVectorEnv:
    if isinstance(env, str):
        return make_vec(env, n_envs)
    if not isinstance(env, NativeVectorEnv):
        raise TypeError(f"env: expected an id or an environment made by make_vec, got {env!r}")
    if explicit and env.num_envs != n_envs:
        raise ValueError(f"n_envs: expected {env.num_envs}, the environment's, got {n_envs}")
    return env
