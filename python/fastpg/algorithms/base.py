"""The base class of the algorithms: construction and the learn loop."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from time import perf_counter
from typing import Any, Self

import numpy as np
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays, deprecated, threads
from fastpg.algorithms import schedules
from fastpg.algorithms.batch import Batch, make_batch
from fastpg.algorithms.checkpointing import Learner
from fastpg.algorithms.help_texts import ClassHelp
from fastpg.algorithms.resuming import Resumable
from fastpg.algorithms.schedules import Schedule
from fastpg.algorithms.value_arguments import require_effect, value_arguments
from fastpg.arrays import Floats
from fastpg.callers import warn
from fastpg.envs import NativeVectorEnv
from fastpg.functional.advantages import prediction_error
from fastpg.policies.base import Policy
from fastpg.policies.factory import is_mlp, keep_within, make_policy, require_fit
from fastpg.rollouts.collect import fitting_collector
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.make_env import env_name, make_env, require_vector
from fastpg.rollouts.rollout import Rollout
from fastpg.rollouts.wrappers import statistics_outside
from fastpg.spaces.storage import require_storable
from fastpg.suggestions import names_checked
from fastpg.training.callbacks.base import CallbackLike
from fastpg.training.metrics import Clock, Metrics, drop_not_finite
from fastpg.training.observers import Observers
from fastpg.training.plan import MOST_TIMESTEPS, Plan, require_a_step_of_each
from fastpg.training.signals import defer_sigint
from fastpg.values.mlp import MlpBaseline

Collected = tuple[Rollout | None, Rollout]  # for the baseline's fit, and for the gradient


class Algorithm(Resumable):
    """Base of all algorithms; subclasses define what an iteration collects and does.

    Args:
        policy: a policy, or a name for the class that fits: "linear" for `LinearSoftmax` or
            `LinearGaussian`, "mlp" ("MlpPolicy") for `MlpSoftmax` or `MlpGaussian`.
        env: an id such as "CartPole-v1", a Gymnasium environment, a callable that makes one, a list
            of such callables, one for each environment, or a vector environment.
        policy_kwargs: with a name, arguments of the class: `normalize_observations`, for a Box of
            actions `log_std_init`; of a linear policy `features`, `features_kwargs`; of a
            perceptron `net_arch`, `activation_fn`, `ortho_init`, `seed` (by default this seed) and,
            for a Box, `state_dependent_std`. "mlp" normalises observations unless this says not to.
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
        num_episodes: episodes that ended in `learn`, since the algorithm was made or loaded.
        plan: how far the last `learn` in this environment has come, as a `Plan` (`total`, `taken`,
            `iterations`, `seconds`, `over`); None before the first.
        observation_space, action_space: Gymnasium's spaces of one environment.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """List the options in the docstring of an algorithm."""
        super().__init_subclass__(**kwargs)
        if "options_class" in vars(cls) and cls.__doc__ and Algorithm.__doc__:
            cls.__doc__ = ClassHelp(cls.__doc__, Algorithm.__doc__)  # type: ignore[assignment]

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

    def __repr__(self) -> str:
        """The class, the policy, the environment and the steps so far."""
        where = None if self.env is None else self.env_id or str(self.env)
        return (
            f"{type(self).__name__}({self.policy!r}, env={where!r}, steps={self.num_timesteps:,})"
        )

    def forget_episodes(self, env: Any) -> None:
        """A method of version 0.1.0, which has nothing to do any more; it warns.

        Args:
            env: the environment that other code steps.
        """
        deprecated.warn(
            "algo.forget_episodes", "nothing: learning notices steps of other code by itself"
        )

    def use_env(self, env: Any) -> None:
        """Continue to learn in this environment.

        Args:
            env: an id such as "CartPole-v1", a Gymnasium environment, a callable that makes one, a
                list of callables, or a vector environment; for an id or a callable, `n_envs`
                environments are made.

        Raises:
            TypeError: `env` is not an environment.
            ValueError: an unknown id, or spaces that differ from those of the policy.
            RuntimeError: called while `learn` trains.
        """
        if self._learner is not None:
            raise RuntimeError(
                "use_env: expected a call between two calls of learn, got one while learn trains: "
                "let a callback return False, and learn on"
            )
        self._use(self._fitting(env))

    def _fitting(self, env: Any) -> VectorEnv[Any, Any, Any]:
        made = make_env(env, self.options.n_envs, num_threads=self.num_threads)
        self.require_spaces(made)
        require_fit(self.policy, made)
        keep_within(self.policy, made)
        self._set_again(
            observation_space=made.single_observation_space, action_space=made.single_action_space
        )
        return made

    def _use(self, env: VectorEnv[Any, Any, Any]) -> None:
        if text := statistics_outside(env):
            warn(text)
        self._set_again(env=env)
        self.env_id = env_name(env)
        # For a native environment `env_recipe` makes it when needed: parameters may change.
        self._recipe = None if isinstance(env, NativeVectorEnv) else EnvRecipe.of(env)
        if self.options.n_envs != env.num_envs:
            options = dataclasses.replace(self.options, n_envs=env.num_envs)
            self._set_again(options=options)
        self._collector = None
        self.plan = None

    def collect(self, collector: Collector, plan: Plan) -> Collected | None:
        """Collect the rollouts that the next iteration learns from.

        Args:
            collector: collector of the environment and the policy.
            plan: how far `learn` has come; with the options it decides how much is collected.

        Returns:
            A pair (fresh, rollout). The baseline is fitted to `fresh` first, then `rollout` makes
                the gradient (lecture L1); fresh is None if the option `baseline_batch` is 0. None
                if no iteration follows.
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

    @names_checked
    def learn(
        self,
        total_timesteps: int | None = None,
        callback: CallbackLike = None,
        *,
        log: Any = None,
        progress_bar: bool = False,
        log_interval: int = 1,
        eval_env: Any = None,
        eval_freq: int | None = None,
        n_eval_episodes: int = 10,
        reset_num_timesteps: bool = True,
    ) -> Self:
        """Train for `total_timesteps` environment steps, never more.

        Args:
            total_timesteps: in [number of environments, 2^53]; a remainder smaller than the number
                of environments may be left unused. None: the rest of the last `learn`, which Ctrl-C
                or a callback ended early, or `resume` has restored; its iterations and schedules
                are those of a `learn` without a break. Nothing if no rest is left.
            callback: called with each iteration's record; learning stops if it returns False, or
                NumPy's False. A function, a `fastpg.callbacks.Callback`, an object with some of its
                methods, or a list of these.
            log: where records are written: the path of a run folder (docs/runs.md), a logger of
                `fastpg.loggers` (docs/logging.md), or a list of these.
            progress_bar: show a progress bar on standard error.
            log_interval: loggers get every so many-th record, and the last; a run folder gets all.
            eval_env: environment for evaluations during training, as in `EvalCallback`; None with
                `eval_freq`: the training environment made anew, as `EvalCallback` does.
            eval_freq: environment steps from one evaluation to the next; None: 10,000 with
                `eval_env`, else no evaluations.
            n_eval_episodes: episodes of an evaluation.
            reset_num_timesteps: False continues the count in `num_timesteps`; True starts it at 0.
                With None for `total_timesteps` the count always continues.

        Returns:
            The algorithm itself.

        Raises:
            RuntimeError: no environment, or already learning.
            TypeError, ValueError: a wrong argument, or None for `total_timesteps` before the first
                `learn` in this environment.
            OSError: a log cannot be started.
            KeyboardInterrupt: after Ctrl-C, when the iteration is finished. The iteration is
                abandoned if one of its kernels runs for half a second longer, or at a second
                Ctrl-C: policy, baseline, optimizer and counts are then those after the last
                finished iteration.
        """
        observers = Observers(
            callback,
            log=log,
            progress_bar=progress_bar,
            log_interval=log_interval,
            eval_env=eval_env,
            eval_freq=eval_freq,
            n_eval_episodes=n_eval_episodes,
        )
        own, mine = vars(self), Learner(threading.get_ident())
        kept, earlier = self.num_timesteps, self.plan
        try:
            if (learner := own.setdefault("_learner", mine)) is not mine:  # in one step
                same = learner.thread == mine.thread
                where = "again from a callback" if same else "from a second thread"
                raise RuntimeError(f"learn: already learning, and called {where}")
            collector = self._ready_collector()
            self.plan = self._planned(collector, total_timesteps, reset_num_timesteps)
            self._logged.open()
            with (
                defer_sigint() as interrupts,
                observers.watching(self, self.plan.remaining) as see,
                closing(self._logged),
            ):
                for record in self._iterations(collector, self.plan):
                    if (see is not None and see(record)) or interrupts:
                        break
        finally:
            # No calls: a signal, which Python looks at after calls, must not come in between.
            if "_learner" in own and own["_learner"] is mine:
                del own["_learner"]
                if not observers.started:
                    own["num_timesteps"], own["plan"] = kept, earlier
                self._logged.close()
        return self

    def log(self, key: str, value: float | int | str | bool) -> None:
        """Add a value to the record of the current iteration; the last value of a key counts.

        From a callback it is the record that the callback gets; from the environment, a schedule or
        `on_training_start` the next one. `history`, loggers and run folders have it beside the
        metrics of fastpg, and files of `save` keep it.

        Args:
            key: such as "my/metric"; not in the groups "rollout/", "time/", "train/", "eval/".
            value: a number, a flag or a text; scalars of NumPy too. A number that is not finite is
                left out.

        Raises:
            TypeError: `key` is no text, or `value` none of these.
            ValueError: a key of fastpg's groups, or not of one line; an integer beyond int64.
            RuntimeError: called when `learn` does not train.
        """
        self._logged.add(key, value)

    def _planned(
        self, collector: Collector, total_timesteps: int | None, reset_num_timesteps: bool
    ) -> Plan:
        """The plan of a `learn` with these arguments; `num_timesteps` is where it starts."""
        resets = arrays.boolean("reset_num_timesteps", reset_num_timesteps)
        if total_timesteps is None:
            if self.plan is None:
                raise TypeError(
                    "total_timesteps: expected an integer, since there is no earlier learn to "
                    "finish, got None"
                )
            return self.plan
        n_envs = collector.env.num_envs
        given: Any = total_timesteps
        if isinstance(given, float) and given.is_integer():  # such as 1e5
            given = int(given)
        total = arrays.integer("total_timesteps", given, 1, MOST_TIMESTEPS)
        require_a_step_of_each(total, n_envs)
        if resets:
            self.num_timesteps = 0
        return Plan(total=total)

    def _iterations(self, collector: Collector, plan: Plan) -> Iterator[Metrics]:
        """Go through the iterations that follow; yields the record of each."""
        clock, logged = Clock(plan.seconds), self._logged
        self._progress_remaining = plan.progress_remaining
        while True:
            self._in_iteration = True
            try:
                plan = self._iterate(collector, plan, clock)
            finally:
                self._in_iteration = False
                logged.waiting = {}  # in the record, if there is one
            if plan.over:
                return
            logged.record = self.history[-1]
            yield logged.record
            logged.record = None

    def _iterate(self, collector: Collector, plan: Plan, clock: Clock) -> Plan:
        """Collect and learn once; where it raises, everything learned is as it was."""
        clock.began = perf_counter()
        collected = self.collect(collector, plan)
        undo = self._keep()
        try:
            self.plan = self._after(collected, collector, plan, clock)
        except BaseException:  # Ctrl-C may come anywhere
            undo()
            raise
        return self.plan

    def _after(
        self, collected: Collected | None, collector: Collector, plan: Plan, clock: Clock
    ) -> Plan:
        """Learn from what was collected; returns the plan of the iterations that follow."""
        if collected is None:
            return plan._replace(over=True)
        fresh, rollout = collected
        samples = rollout.sample_count + (fresh.sample_count if fresh else 0)
        self.num_timesteps += samples
        self.num_episodes += len(rollout.episode_returns)
        self.num_episodes += len(fresh.episode_returns) if fresh else 0
        self._first_step = collector.step_count
        taken, iterations = plan.taken + samples, plan.iterations + 1
        if not rollout.complete or (fresh and not fresh.complete):
            return plan._replace(taken=taken, iterations=iterations, over=True)
        record = self._learn_from(fresh, rollout, clock, taken)
        plan = plan._replace(taken=taken, iterations=iterations, seconds=clock.elapsed)
        self._progress_remaining = plan.progress_remaining
        record["time/iterations"] = len(self.history) + 1
        record["time/total_timesteps"] = self.num_timesteps
        record.update(self._episodes.record)
        record.update(self._logged.waiting)
        self.history.append(drop_not_finite(record))
        return plan

    def _learn_from(
        self, fresh: Rollout | None, rollout: Rollout, clock: Clock, taken: int
    ) -> Metrics:
        """Update policy and baseline in one iteration; returns its entries for the log."""
        policy = self.policy
        for each in (fresh, rollout):
            if each is not None:
                self._episodes.see(each)
        collected = perf_counter()
        normalizes = policy.normalizer is not None
        if first := normalizes and policy._sees_nothing_yet():
            policy.observe(rollout.flat(rollout.observations))
        if isinstance(self.baseline, MlpBaseline) and self.baseline.needs_observations:
            fitted = rollout if fresh is None else fresh
            self.baseline.observe_first(fitted.flat(fitted.observations))
        if fresh:
            early = self.estimate(fresh)
            self.fit_baseline(early)
        batch = self.estimate(rollout)
        estimated = perf_counter()
        record = self.update(batch)
        record["train/explained_variance"] = batch.explained_variance
        record["train/value_loss"] = batch.value_loss
        if not fresh:
            self.fit_baseline(batch)
        if isinstance(self.baseline, MlpBaseline):
            record["train/critic_status"] = self.baseline.status
        if normalizes and not first:
            policy.observe(batch.observations)
        record.update(clock.record(taken, collected, estimated, perf_counter()))
        record.update(policy._log(batch.samples, batch.actions))
        return record

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
            rate = self.at_progress(self.critic_learning_rate, "critic_learning_rate")
            self.baseline.learning_rate = rate
        self.baseline.fit_rollout(batch.observations, batch.step_index, batch.targets)

    def _keep(self) -> Callable[[], None]:
        """A function that restores everything learned to its present state.

        Learning replaces attributes and never changes their values in place, except for `history`.
        """
        policy, kept = self.policy, []
        parts = [self, self.baseline, self._episodes, policy, policy.feature_map]
        if policy.normalizer is not None:
            parts.append(policy.normalizer)
        for part in parts:
            kept.append(dict(vars(part)))
        iterations = len(self.history)

        def undo() -> None:
            del self.history[iterations:]
            for part, attributes in zip(parts, kept, strict=True):
                vars(part).update(attributes)

        return undo

    def in_effect(self, option: str) -> Any:
        """The value of an option; of None, what stands for it, if that is known beforehand.

        Args:
            option: its name.
        """
        return getattr(self.options, option)

    def at_progress(self, schedule: Schedule, name: str) -> float:
        """A schedule's current value.

        Args:
            schedule: a number, a text such as "lin_0.02", or a function of the share of `learn`
                that remains, which falls from 1 to 0.
            name: name of the option, for errors.

        Returns:
            A number of at least 0.

        Raises:
            TypeError: a function that does not return a number.
            ValueError: a value that is negative or not finite.
        """
        if type(schedule) is float:
            return schedule  # checked with the options
        value = schedules.at(schedule, self._progress_remaining, name)
        if value < 0.0:
            raise ValueError(f"{name} (schedule): expected values of at least 0, got {value}")
        return value

    def try_theta(self, theta: Floats) -> str:
        """Set the policy's parameters if they are finite.

        Args:
            theta: of the shape of the policy's theta; a Gaussian policy clips ln sigma to
                [-10, 2].

        Returns:
            "accepted", or "not_finite" if the policy refused them and kept its old ones.
        """
        return "accepted" if self.policy._takes(theta) else "not_finite"

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
        steps = rollout.step_index.astype(np.int64)
        samples = rollout.flattened(values, advantages, targets, steps)
        error = prediction_error(samples[0], samples[2])
        estimates = _core.Estimates((*samples, *error))
        return make_batch(self.policy, rollout, estimates, self.num_threads)

    def _ready_collector(self) -> Collector:
        if self.env is None:
            raise RuntimeError("learn: expected an environment: pass one to load() or use_env()")
        if self._collector is None:
            # Whoever set the environment has compared its spaces with the policy's sizes.
            collector = fitting_collector(require_vector(self.env), self.policy, self.seed)
            collector.step_count = self._first_step
            collector.reset(collector.start_seed)
            self._collector = collector
        return self._collector
