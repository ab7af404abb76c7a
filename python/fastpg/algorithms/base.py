"""The base class of the algorithms: construction and the learn loop."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any, Self

import numpy as np
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays, threads
from fastpg.algorithms import schedules
from fastpg.algorithms.batch import Batch, make_batch
from fastpg.algorithms.checkpointing import StoredModel
from fastpg.algorithms.schedules import Schedule
from fastpg.algorithms.value_arguments import require_effect, value_arguments
from fastpg.arrays import Floats
from fastpg.envs import NativeVectorEnv
from fastpg.functional.advantages import prediction_error
from fastpg.policies.base import Policy
from fastpg.policies.factory import is_mlp, keep_within, make_policy, require_fit
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.make_env import env_name, make_env
from fastpg.rollouts.rollout import Rollout
from fastpg.spaces.storage import require_storable
from fastpg.training.callbacks import Callback, says_stop
from fastpg.training.metrics import Clock, Metrics, drop_not_finite
from fastpg.training.signals import defer_sigint
from fastpg.values.mlp import MlpBaseline

MOST_TIMESTEPS = 2**53  # what a float64 counts exactly


class Algorithm(StoredModel):
    """Base of REINFORCE, NPG, TRPO and PPO; subclasses define what an iteration collects and does.

    Args:
        policy: a policy, or a name for the class that fits: "linear" for `LinearSoftmax` or
            `LinearGaussian`, "mlp" ("MlpPolicy") for `MlpSoftmax` or `MlpGaussian`.
        env: an id such as "CartPole-v1", a Gymnasium environment, a callable that makes one, or a
            vector environment.
        policy_kwargs: with a name, arguments of the class: `normalize_observations`, for a Box of
            actions `log_std_init`; of a linear policy `features`, `features_kwargs`; of a
            perceptron `net_arch`, `activation_fn`, `ortho_init`, `seed` (by default this seed) and,
            for a Box, `state_dependent_std`.
        value_kwargs: with `baseline="mlp"`, its `net_arch`, `activation_fn`, and
            `normalize_observations`, as in `MlpBaseline`. By default it normalises if the policy
            does, and a perceptron's policy gives its `net_arch["vf"]` and its activation.
        seed: seed of everything random, in [0, 2^64); None draws one and stores it in `seed`.
        **options: options of the algorithm. `n_envs` is for an id or a callable; if a given
            environment has another number, ValueError is raised. ValueError too for an option that
            others leave without effect, such as `ridge` with `baseline="mlp"`.

    Attributes:
        history: one dict per iteration, with the keys of docs/records.md.
        num_timesteps: environment steps taken by `learn`.
        observation_space, action_space: Gymnasium's spaces of one environment.
    """

    def __init__(
        self,
        policy: str | Policy,
        env: Any,
        *,
        policy_kwargs: Mapping[str, Any] | None = None,
        value_kwargs: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        owner = type(self).__name__
        self.options = self.options_class.build(owner, options, is_mlp(policy))
        self.options.require_effects(options)
        self.num_threads = threads.num_threads(self.options.num_threads)
        made = make_env(
            env, self.options.n_envs, explicit="n_envs" in options, num_threads=self.num_threads
        )
        self.seed = arrays.seed(seed)
        self.policy = make_policy(policy, made, policy_kwargs, self.seed)
        self.observation_space = made.single_observation_space
        self.action_space = made.single_action_space
        if not isinstance(made, NativeVectorEnv):
            for space in (self.observation_space, self.action_space):
                require_storable(space)
        self.value_kwargs = value_arguments(value_kwargs, self.options.baseline)
        require_effect(policy_kwargs, self.value_kwargs, self.options.baseline)
        self.baseline = self._make_baseline()
        self.history = []
        self.num_timesteps = 0
        self._first_step = 0
        self._predictions = 0
        self._start_fresh()
        self.make_optimizer()
        self._use(made)

    def use_env(self, env: Any) -> None:
        """Continue to learn in this environment.

        Args:
            env: an id such as "CartPole-v1", a Gymnasium environment, a callable that makes one, or
                a vector environment; for an id or a callable, `n_envs` environments are made.

        Raises:
            TypeError: `env` is not an environment.
            ValueError: an unknown id, or spaces that differ from those of the policy.
        """
        made = make_env(env, self.options.n_envs, num_threads=self.num_threads)
        self.require_spaces(made)
        require_fit(self.policy, made)
        keep_within(self.policy, made)
        self.observation_space = made.single_observation_space
        self.action_space = made.single_action_space
        self._use(made)

    def _use(self, env: VectorEnv[Any, Any, Any]) -> None:
        self.env = env
        self.env_id = env_name(env)
        # For a native environment `env_recipe` makes it when needed: parameters may change.
        self._recipe = None if isinstance(env, NativeVectorEnv) else EnvRecipe.of(env)
        if self.options.n_envs != env.num_envs:
            self.options = dataclasses.replace(self.options, n_envs=env.num_envs)
        self._collector = None

    def collect(
        self, collector: Collector, remaining: int
    ) -> Iterator[tuple[Rollout | None, Rollout]]:
        """Collect the rollouts that iterations learn from, until `remaining` samples are used up.

        Args:
            collector: collector of the environment and the policy.
            remaining: number of samples that may be taken.

        Returns:
            An iterator over pairs (fresh, rollout), one for each iteration. The baseline is fitted
                to `fresh` first, then `rollout` makes the gradient (lecture L1); fresh is None
                if the option `baseline_batch` is 0.
        """
        raise NotImplementedError

    def estimate(self, rollout: Rollout) -> Batch:
        """Advantages and value targets, from the current baseline.

        Args:
            rollout: T rows by N columns.

        Returns:
            The batch of its n valid samples.
        """
        raise NotImplementedError

    def update(self, batch: Batch) -> Metrics:
        """Improve the policy by one iteration's step.

        Args:
            batch: samples, advantages and targets of the iteration.

        Returns:
            Entries for the log: numbers or texts, with keys "train/..." of docs/records.md.
        """
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
            total_timesteps: in [number of environments, 2^53]; a remainder smaller than the number
                of environments may be left unused.
            callback: called with each iteration's record; learning stops if it returns False, or
                NumPy's False.
            reset_num_timesteps: False continues the count in `num_timesteps`; True starts it at 0.

        Returns:
            The algorithm itself.

        Raises:
            KeyboardInterrupt: after Ctrl-C, when the iteration is finished. The iteration is
                abandoned if one of its kernels runs for half a second longer, or at a second
                Ctrl-C: policy, baseline, optimizer and counts are then those after the last
                finished iteration.
        """
        if callback is not None and not callable(callback):
            raise TypeError(f"callback: expected a function of a record, got {callback!r}")
        if self._learner is not None:
            again = self._learner == threading.get_ident()
            where = "again from a callback" if again else "from a second thread"
            raise RuntimeError(f"learn: already learning, and called {where}")
        collector = self._ready_collector()
        total = arrays.integer(
            "total_timesteps", total_timesteps, collector.env.num_envs, MOST_TIMESTEPS
        )
        if arrays.boolean("reset_num_timesteps", reset_num_timesteps):
            self.num_timesteps = 0
        self._learner = threading.get_ident()
        try:
            with defer_sigint() as interrupted:
                for record in self._iterations(collector, total):
                    stops = callback is not None and says_stop(callback(dict(record)))
                    if stops or interrupted():
                        break
        finally:
            self._learner = None
        return self

    def _iterations(self, collector: Collector, total: int) -> Iterator[Metrics]:
        clock = Clock()
        taken = 0
        self._progress_remaining = 1.0
        for fresh, rollout in self.collect(collector, total):
            undo = self._keep()
            try:
                samples = rollout.sample_count + (fresh.sample_count if fresh else 0)
                taken += samples
                self.num_timesteps += samples
                self._first_step = collector.step_count
                if not rollout.complete or (fresh and not fresh.complete):
                    return
                record = self._learn_from(fresh, rollout, clock, taken)
                self._progress_remaining = max(0.0, 1.0 - taken / total)
                record["time/iterations"] = len(self.history) + 1
                record["time/total_timesteps"] = self.num_timesteps
                record.update(self._episodes.record)
                self.history.append(drop_not_finite(record))
            except BaseException:  # Ctrl-C may come anywhere
                undo()
                raise
            yield self.history[-1]
            clock.restart()

    def _learn_from(
        self, fresh: Rollout | None, rollout: Rollout, clock: Clock, taken: int
    ) -> Metrics:
        """Update policy and baseline in one iteration; returns its entries for the log."""
        policy = self.policy
        self._episodes.see(rollout)
        collected = perf_counter()
        normalizes = policy.normalizer is not None
        if first := normalizes and policy._sees_nothing_yet():
            policy.observe(rollout.flat(rollout.observations))
        if fresh:
            early = self.estimate(fresh)
            self.fit_baseline(early)
        batch = self.estimate(rollout)
        estimated = perf_counter()
        record = self.update(batch)
        record["train/explained_variance"] = batch.explained_variance
        record["train/value_loss"] = batch.value_loss
        if not fresh and not self.fits_in_update:
            self.fit_baseline(batch)
        if isinstance(self.baseline, MlpBaseline):
            record["train/critic_status"] = self.baseline.status
        if normalizes and not first:
            policy.observe(batch.observations)
        record.update(clock.record(taken, collected, estimated, perf_counter()))
        record.update(policy._log(batch.samples, batch.actions))
        return record

    @property
    def fits_in_update(self) -> bool:
        """Whether `update` itself fits the baseline."""
        return False

    @property
    def critic_learning_rate(self) -> Schedule:
        """Step size of the mlp baseline's optimizer."""
        rate: Schedule = self.options.critic_learning_rate  # type: ignore[attr-defined]
        return rate

    def fit_baseline(self, batch: Batch) -> None:
        """Fit the baseline to the targets of a batch.

        Args:
            batch: observations, steps and targets.
        """
        if isinstance(self.baseline, MlpBaseline):
            self.baseline.learning_rate = self.at_progress(self.critic_learning_rate)
        self.baseline.fit_rollout(batch.observations, batch.step_index, batch.targets)

    def _keep(self) -> Callable[[], None]:
        """A function that restores everything learned to its present state.

        Learning replaces attributes and never changes their values in place, except for `history`.
        """
        parts = [self, self.baseline, self._episodes, *self.policy._parts()]
        kept = []
        for part in parts:
            kept.append(dict(vars(part)))
        iterations = len(self.history)

        def undo() -> None:
            del self.history[iterations:]
            for part, attributes in zip(parts, kept, strict=True):
                vars(part).update(attributes)

        return undo

    def at_progress(self, schedule: Schedule) -> float:
        """A schedule's current value.

        Args:
            schedule: a number, a text such as "lin_0.02", or a function of the share of `learn`
                that remains, which falls from 1 to 0.

        Returns:
            A number of at least 0.

        Raises:
            TypeError: a function that does not return a number.
            ValueError: a value that is negative or not finite.
        """
        if type(schedule) is float:
            return schedule  # checked with the options
        value = schedules.at(schedule, self._progress_remaining)
        if value < 0.0:
            raise ValueError(f"schedule: expected values of at least 0, got {value}")
        return value

    def try_theta(self, theta: Floats) -> str:
        """Set the policy's parameters if they are finite.

        Args:
            theta: of the shape of the policy's theta; a `LinearGaussian` clips ln sigma to
                [-10, 2].

        Returns:
            "accepted", or "not_finite" if the policy refused them and kept its old ones.
        """
        return "accepted" if self.policy.takes(theta) else "not_finite"

    def try_step(
        self, batch: Batch, theta: Floats, old_dist: Floats, advantages: Floats
    ) -> tuple[str, _core.UpdateStatistics]:
        """Set the policy's parameters if they, and what they make of the batch, are finite.

        Args:
            batch: the samples that the step was computed from.
            theta: as for `try_theta`.
            old_dist: distributions (n, k) before the step.
            advantages: (n,).

        Returns:
            The status, as of `try_theta`, and the statistics of the step; without one, of none.
        """
        before = self.policy._theta
        status = self.try_theta(theta)
        try:
            return status, batch.samples.compare(old_dist, self.policy._theta, advantages)
        except ValueError:  # the outputs of a network may overflow where its parameters do not
            self.policy._take(before)
            return "not_finite", batch.samples.compare(old_dist, before, advantages)

    @property
    def mean_length(self) -> float:
        """Mean length of recent episodes; until one has ended, the length of the longest so far."""
        return self._episodes.mean_length

    def batch(self, rollout: Rollout, advantages: Floats, targets: Floats, values: Floats) -> Batch:
        """The valid samples of a rollout, with their features.

        Args:
            rollout: T rows by N columns.
            advantages: (T, N).
            targets: value targets, (T, N).
            values: the baseline's values, (T, N).

        Returns:
            A batch of n = rollout.sample_count samples.
        """
        explained, loss = prediction_error(*rollout.flattened(values, targets))
        estimates = _core.Estimates(
            (values, advantages, targets, rollout.step_index.astype(np.int64), explained, loss)
        )
        return make_batch(self.policy, rollout, estimates, self.num_threads)

    def _ready_collector(self) -> Collector:
        if self.env is None:
            raise RuntimeError("learn: expected an environment: pass one to load() or use_env()")
        if self._collector is None:
            collector = make_collector(self.env, self.policy, self.seed)
            collector.step_count = self._first_step
            collector.reset(collector.start_seed)
            self._collector = collector
        return self._collector
