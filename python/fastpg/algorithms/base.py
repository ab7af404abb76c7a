"""What every algorithm shares: its parts, the learn loop, predict and save."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays, threads
from fastpg.algorithms import schedules
from fastpg.algorithms.options import CommonOptions
from fastpg.algorithms.schedules import Schedule
from fastpg.arrays import AnyFloats, Bools, Float32s, Floats
from fastpg.envs import NativeVectorEnv
from fastpg.functional.advantages import prediction_error
from fastpg.policies.base import LinearPolicy, Undo
from fastpg.policies.batch import PolicyBatch
from fastpg.policies.factory import keep_within, make_policy, require_fit, restore_policy
from fastpg.policies.function_features import Function
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.collector import Collector
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.make_env import env_name, make_env
from fastpg.rollouts.rollout import Rollout, contrast
from fastpg.spaces import describe, flatten, is_single, require_same, restore_space, to_action_space
from fastpg.training import checkpoints
from fastpg.training.metrics import (
    MOST_COUNT,
    Clock,
    Metrics,
    RecentEpisodes,
    drop_not_finite,
    restored,
    storable,
)
from fastpg.training.signals import defer_sigint
from fastpg.values.base import Baseline
from fastpg.values.factory import make_baseline

_MOST_TIMESTEPS = 2**53  # what a float64 counts exactly

Callback = Callable[[Metrics], bool | None]


class Batch(NamedTuple):
    """The valid samples of a rollout, flat (n,), ready for a step.

    n_episodes is the number of episodes that ended in the rollout.

    halves, (n,), are weights: above 0 for samples of the first half of the environments, below 0
    for the others. Where x is noise and the environments are independent, the mean of halves x has
    the variance of the mean of x. None for one environment.
    """

    samples: PolicyBatch
    actions: npt.NDArray[Any]
    advantages: Floats
    observations: Float32s
    step_index: npt.NDArray[np.int64]
    values: Floats
    targets: Floats
    n_episodes: int
    halves: Floats | None

    @property
    def phi(self) -> AnyFloats:
        """Features (n, n_features)."""
        return self.samples.phi

    @property
    def mask(self) -> Bools | None:
        """Action mask, bool (n, n_actions); None if the environment gave none."""
        return self.samples.mask


class Algorithm:
    """Base of REINFORCE, NPG, TRPO and PPO: subclasses say what an iteration collects and does.

    Args:
        policy: a `LinearSoftmax`, a `LinearGaussian`, or "linear", the one that fits.
        env: an id such as "CartPole-v1", a Gymnasium environment, a callable that makes one, or a
            vector environment.
        policy_kwargs: of "linear", the arguments of its `for_env`: `features`, `features_kwargs`,
            `normalize_observations` and, for a Box of actions, `log_std_init`.
        seed: of everything random, in [0, 2^64); None draws one and records it in `seed`.
        **options: fields of the algorithm's options class; `n_envs` goes with an id or a callable
            and raises when it contradicts an environment given.

    Attributes:
        history: one dict per iteration, under the keys of docs/records.md.
        num_timesteps: environment steps taken by `learn`.
        observation_space, action_space: of one environment, as Gymnasium has them.
    """

    name: ClassVar[str]
    options_class: ClassVar[type[CommonOptions]]
    options: CommonOptions

    def __init__(
        self,
        policy: str | LinearPolicy,
        env: Any,
        *,
        policy_kwargs: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        owner = type(self).__name__
        self.options = self.options_class.build(owner, options)
        self.num_threads = threads.num_threads(self.options.num_threads)
        made = make_env(
            env, self.options.n_envs, explicit="n_envs" in options, num_threads=self.num_threads
        )
        self.policy = make_policy(policy, made, policy_kwargs)
        self.observation_space = made.single_observation_space
        self.action_space = made.single_action_space
        _require_storable(made)
        self.seed = arrays.seed(seed)
        self.baseline = self._make_baseline()
        self.history: list[Metrics] = []
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
                a vector environment; of an id or a callable, `n_envs` environments are made.

        Raises:
            TypeError: env is no environment.
            ValueError: an unknown id, or spaces that are not those that the policy was made for.
        """
        made = make_env(env, self.options.n_envs, num_threads=self.num_threads)
        self.require_spaces(made)
        require_fit(self.policy, made)
        keep_within(self.policy, made)
        self.observation_space = made.single_observation_space
        self.action_space = made.single_action_space
        self._use(made)

    @property
    def env_recipe(self) -> EnvRecipe | None:
        """How the environment of the training is made again; None if an older file did not say."""
        if isinstance(self.env, NativeVectorEnv):
            return EnvRecipe.of(self.env)
        return self._recipe

    def require_spaces(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Raise ValueError unless observations and actions mean the same in this environment.

        Args:
            env: whose spaces must agree with `observation_space` and `action_space` in structure,
                keys, shapes, numbers of choices and starts; those of actions in their bounds too.
        """
        require_same("observation space", self.observation_space, env.single_observation_space)
        own, other = self.action_space, env.single_action_space
        require_same("action space", own, other, bounds=True)

    def _start_fresh(self) -> None:
        self._learner: int | None = None  # the thread that learns
        self._progress_remaining = 1.0
        self._episodes = RecentEpisodes()

    def _make_baseline(self) -> Baseline:
        options = self.options
        return make_baseline(
            options.baseline,
            self.policy.observation_size,
            ridge=options.ridge,
            memory=options.baseline_memory,
            time=options.baseline_time,
            num_threads=self.num_threads,
        )

    def _use(self, env: VectorEnv[Any, Any, Any]) -> None:
        self.env: VectorEnv[Any, Any, Any] | None = env
        self.env_id = env_name(env)
        # Of a native environment it is made when it is asked for: parameters may change meanwhile.
        self._recipe = None if isinstance(env, NativeVectorEnv) else EnvRecipe.of(env)
        if self.options.n_envs != env.num_envs:
            self.options = dataclasses.replace(self.options, n_envs=env.num_envs)
        self._collector: Collector | None = None

    def collect(
        self, collector: Collector, remaining: int
    ) -> Iterator[tuple[Rollout | None, Rollout]]:
        """Collect the rollouts that iterations learn from, until `remaining` samples are used up.

        Args:
            collector: of the environment and the policy.
            remaining: number of samples that may be taken.

        Returns:
            An iterator over pairs (fresh, rollout), one for each iteration. The baseline is fitted
                to `fresh` first, then `rollout` makes the gradient (lecture L1); fresh is None
                unless the option `baseline_batch` asks for such samples.
        """
        raise NotImplementedError

    def estimate(self, rollout: Rollout) -> Batch:
        """Advantages and value targets, from the present baseline.

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
            What to log: keys "train/..." of docs/records.md with numbers or texts.
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
            total_timesteps: in [number of environments, 2^53]; fewer steps than environments may be
                left unused.
            callback: receives each iteration's record; returning False, NumPy's too, stops.
            reset_num_timesteps: False goes on counting in `num_timesteps`.

        Returns:
            The algorithm itself.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the iteration is finished. It is given up where a
                kernel of it goes on for half a second more, and at a second Ctrl-C: policy,
                baseline, optimizer and counts are then those after the last finished iteration.
        """
        if callback is not None and not callable(callback):
            raise TypeError(f"callback: expected a function of a record, got {callback!r}")
        if self._learner is not None:
            again = self._learner == threading.get_ident()
            where = "again from a callback" if again else "from a second thread"
            raise RuntimeError(f"learn: already learning, and called {where}")
        collector = self._ready_collector()
        total = arrays.integer(
            "total_timesteps", total_timesteps, collector.env.num_envs, _MOST_TIMESTEPS
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
                self._episodes.see(rollout)
                clock.lap("time/collect")
                if first := self.policy._sees_nothing_yet():
                    self.policy.observe(rollout.flat(rollout.observations))
                if fresh:
                    self._fit(self.estimate(fresh))
                batch = self.estimate(rollout)
                clock.lap("time/estimate")
                record = self.update(batch)
                record.update(self._judge_baseline(batch))
                if not fresh:
                    self._fit(batch)
                if not first:
                    self.policy.observe(batch.observations)
                clock.lap("time/update")
                record.update(self.policy._log(batch.actions))
                self._progress_remaining = max(0.0, 1.0 - taken / total)
                record.update(clock.record(taken))
                record["time/iterations"] = len(self.history) + 1
                record["time/total_timesteps"] = self.num_timesteps
                record.update(self._episodes.record())
                self.history.append(drop_not_finite(record))
            except BaseException:  # Ctrl-C may come anywhere
                undo()
                raise
            yield self.history[-1]
            clock.restart_lap()

    def _keep(self) -> Undo:
        """What takes back all that is learned from now on."""
        own = dict(vars(self))
        parts = [self.policy._keep(), self.baseline._keep(), self._episodes._keep()]
        iterations = len(self.history)

        def undo() -> None:
            vars(self).update(own)
            del self.history[iterations:]
            for part in parts:
                part()

        return undo

    def at_progress(self, schedule: Schedule) -> float:
        """A schedule's present value.

        Args:
            schedule: a number, a text such as "lin_0.02", or a function of the share of `learn`
                that remains, which falls from 1 to 0.

        Returns:
            A number of at least 0.

        Raises:
            TypeError: a function that does not return a number.
            ValueError: a value that is negative or not finite.
        """
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
            "accepted"; or "not_finite" where the policy refuses them: then it keeps its old ones.
        """
        try:
            self.policy.move_to(theta)
        except ValueError:
            return "not_finite"
        return "accepted"

    @property
    def mean_length(self) -> float:
        """Mean length of recent episodes; until one has ended, the most steps one has seen."""
        return self._episodes.mean_length

    def predict(
        self,
        observation: Any,
        deterministic: bool = False,
        *,
        action_masks: Any = None,
        step_index: Any = None,
    ) -> tuple[Any, None]:
        """Actions for one observation or a batch of them: (action, None).

        The action is of the environment's action space; of a batch, (n, *its shape).

        Args:
            observation: as the environment gives it, or n of them as a vector environment does:
                arrays (*shape) or (n, *shape), in a dict or a tuple where the space is one.
            deterministic: the most probable action instead of a sampled one.
            action_masks: (n_actions,) or (n, n_actions), flags or 0 and 1, what is allowed; as the
                environment tells it.
            step_index: step in the episode, an integer or (n,), for policies that see the time; 0
                by default.

        Raises:
            TypeError: an observation of another kind than the space's.
            ValueError: one of another shape, outside a discrete space, or not finite.
        """
        policy = self.policy
        single = is_single(self.observation_space, observation)
        batch = flatten(self.observation_space, observation, single=single)
        mask = self._allowed(action_masks, single)
        steps = None if step_index is None else np.atleast_1d(step_index)
        dist = policy.distribution(policy.features(batch, steps), mask=mask)
        if deterministic:
            actions = policy.mode(dist)
        else:
            uniforms = _core.lane_uniforms(
                self.seed,
                _core.Purpose.prediction,
                0,
                len(batch),
                self._predictions,
                policy._head.action_size,
            )
            self._predictions += 1
            actions = policy.sample(dist, uniforms)
        given = to_action_space(self.action_space, policy.for_environment(actions))
        return (given[0] if single else given), None

    def _allowed(self, masks: Any, single: bool) -> Any:
        if masks is None or not self.policy.masked:
            return masks
        several = [masks] if single else np.atleast_2d(masks)
        return arrays.action_masks("action_masks", several, self.policy._head.outputs)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint (.npz, arrays and JSON).

        A callable schedule is saved as a constant, the larger of its first and last values. The
        file cannot hold features that are a function: give the function to `load`.

        Args:
            path: of the file; ".npz" is appended where it has another suffix. A file of that name
                is replaced only by a complete one.

        Returns:
            The path of the file written.

        Raises:
            TypeError, ValueError: path does not name a file.
            OSError: the file cannot be written.
        """
        stored, meta = self.state()
        return checkpoints.write(path, stored, meta)

    def state(self) -> checkpoints.State:
        """Arrays and JSON values from which `restore` rebuilds the algorithm."""
        policy_arrays, policy_meta = self.policy.state()
        stored = {**policy_arrays, **self.baseline.state()}
        meta = {
            "algorithm": self.name,
            "version": _core.__version__,
            "env_id": self.env_id,
            "env": None if (recipe := self.env_recipe) is None else recipe.state(),
            "observation_space": describe(self.observation_space),
            "action_space": describe(self.action_space),
            "policy": policy_meta,
            "options": {k: self._plain(v) for k, v in dataclasses.asdict(self.options).items()},
            "seed": self.seed,
            "num_timesteps": self.num_timesteps,
            "first_step": self._first_step,
            "predictions": self._predictions,
            **self._episodes.state(),
            "history": storable(self.history),
        }
        return stored, meta

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: all but the environment, as `load` without one gives it."""
        without = {"env": None, "_recipe": self.env_recipe, "_collector": None, "_learner": None}
        return vars(self) | without

    @staticmethod
    def _plain(value: Any) -> Any:
        """An option as JSON; a callable schedule as the larger of its first and last values."""
        return max(value(1.0), value(0.0)) if callable(value) else value

    @classmethod
    def restore(cls, state: checkpoints.State, features: Function | None = None) -> Self:
        """The algorithm of a `state`, without an environment: it predicts but cannot learn.

        `load` turns the errors of a damaged state into a `CheckpointError`.

        Args:
            state: (arrays, JSON values), as of `state`.
            features: the function that the policy's features were; None where they were none.

        Returns:
            A new algorithm.

        Raises:
            ValueError: the function is missing, or one is given though the features were none.
            KeyError, TypeError, ValueError: an entry of the state is missing, of another kind, or
                has wrong values.
        """
        stored, meta = state
        algo = cls.__new__(cls)
        algo.options = cls.options_class.build(cls.__name__, cls.stored_options(meta["options"]))
        algo.num_threads = threads.num_threads(algo.options.num_threads)
        algo.env = None
        algo.policy = restore_policy(stored, meta["policy"], features)
        algo.observation_space = restore_space(meta["observation_space"])
        algo.action_space = restore_space(meta["action_space"])
        require_fit(algo.policy, algo)
        keep_within(algo.policy, algo)
        algo.seed = arrays.seed(arrays.integer("seed", meta["seed"], 0))
        algo.baseline = algo._make_baseline()
        algo.baseline.restore(stored)
        algo.history = restored(meta["history"])
        algo.num_timesteps = _count("num_timesteps", meta["num_timesteps"])
        algo.env_id = None if meta["env_id"] is None else _id(meta["env_id"])
        recipe = meta.get("env")  # files of 0.1.0 have none
        algo._recipe = None if recipe is None else EnvRecipe.restore(recipe)
        algo._first_step = _count("first_step", meta["first_step"])
        algo._predictions = _count("predictions", meta["predictions"])
        algo._collector = None
        algo._start_fresh()
        algo._episodes.restore(meta)
        algo.make_optimizer()
        algo.restore_optimizer(stored, meta)
        return algo

    @classmethod
    def stored_options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a checkpoint, with values for options that its version did not have.

        Args:
            given: values by option name, as stored.

        Returns:
            The options with which the algorithm is restored: where an older file does not name an
                option, the value that gives the behaviour of its version.
        """
        return given

    def make_optimizer(self) -> None:
        """Make the optimizer of a subclass, where it has one."""

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore what a subclass added to `state`.

        Args:
            stored: arrays by name, as of `state`.
            meta: JSON values by name, as of `state`.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry of another kind or shape, or with wrong values.
        """

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
        flat = rollout.flattening()
        observations = flat(rollout.observations)
        steps = flat(rollout.steps)
        actions = flat(rollout.actions)
        masks = rollout.action_masks
        samples = PolicyBatch(
            self.policy,
            self.policy.feature_map.native.features(observations, steps, self.num_threads),
            actions.reshape(len(actions), self.policy._head.action_size),
            None if masks is None else flat(masks),
            self.num_threads,
        )
        return Batch(
            samples=samples,
            actions=actions,
            advantages=flat(advantages),
            observations=observations,
            step_index=steps,
            values=flat(values),
            targets=flat(targets),
            n_episodes=len(rollout.end_rows),
            halves=contrast(rollout),
        )

    def _fit(self, batch: Batch) -> None:
        self.baseline.fit(batch.observations, batch.step_index, batch.targets)

    @staticmethod
    def _judge_baseline(batch: Batch) -> Metrics:
        """How well the baseline predicted a batch that it was not fitted to."""
        explained, square = prediction_error(batch.values, batch.targets)
        return {"train/explained_variance": explained, "train/value_loss": square}

    def _ready_collector(self) -> Collector:
        if self.env is None:
            raise RuntimeError("learn: expected an environment; give one to load() or use_env()")
        if self._collector is None:
            collector = make_collector(self.env, self.policy, self.seed)
            collector.step_count = self._first_step
            collector.reset(collector.start_seed)
            self._collector = collector
        return self._collector


def says_stop(answer: Any) -> bool:
    """Whether a callback returned False: Python's, or the one number of a boolean array.

    Raises:
        ValueError: an array of several flags, which is neither True nor False.
    """
    if answer is None or isinstance(answer, bool):
        return answer is False
    if "bool" not in str(getattr(answer, "dtype", "")):
        return False  # whatever else it may be: None is not asked for
    if np.size(answer) != 1:
        raise ValueError(f"callback: expected True or False, got {answer!r}")
    return not answer


def _require_storable(env: VectorEnv[Any, Any, Any]) -> None:
    """Raise ValueError, before anything is learned, where `save` could not write the spaces."""
    if isinstance(env, NativeVectorEnv):
        return
    for space in (env.single_observation_space, env.single_action_space):
        if restore_space(json.loads(json.dumps(describe(space)))) != space:
            raise ValueError(f"env: expected a space that a checkpoint can hold, got {space}")


def _count(name: str, value: Any) -> int:
    return arrays.integer(name, value, 0, MOST_COUNT)


def _id(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"env_id: expected a string, got {value!r}")
    if ":" in value:  # Gymnasium would import what stands before it
        raise ValueError(f"env_id: expected an id without a module, got {value!r}")
    return value
