"""Collecting from any environment: in C++ where both sides are native, else step by step."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from fastpg import _core, arrays
from fastpg.arrays import Bools, Float32s
from fastpg.envs import NAMESPACE, NATIVE, NativeVectorEnv, make_vec
from fastpg.flattening import flat_size, flatten, gather, to_action_space
from fastpg.linear_policy import LinearPolicy
from fastpg.naming import unknown
from fastpg.rollout import UNLIMITED, Collector, NativeCollector, Rollout

EnvLike = str | gymnasium.Env[Any, Any] | Callable[[], Any] | VectorEnv[Any, Any, Any]


def make_env(
    env: Any, n_envs: int, *, explicit: bool = False, num_threads: int | None = None
) -> VectorEnv[Any, Any, Any]:
    """A vector environment of an id, an environment, a callable that makes one, or itself.

    Args:
        env: native ids are made natively, other ids by `gymnasium.make`, which imports the module
            of an id "module:Name-v0".
        n_envs: number of copies where they are made here.
        explicit: whether the caller asked for that number, which then must be the environment's.
        num_threads: of a native environment made here.
    """
    if isinstance(env, str):
        native = env.removeprefix(f"{NAMESPACE}:").removeprefix(f"{NAMESPACE}/")
        if native in NATIVE:
            return make_vec(native, n_envs, num_threads=num_threads)
        _import_module_of(env)
        require_registered(env.partition(":")[2] or env)
        return _sync(lambda: gymnasium.make(env), n_envs)
    if isinstance(env, VectorEnv | gymnasium.Env):
        made = env if isinstance(env, VectorEnv) else _sync(lambda: env, 1)
        if explicit and made.num_envs != n_envs:
            raise ValueError(f"n_envs: expected {made.num_envs}, the environment's, got {n_envs}")
        return made
    if callable(env):
        return _sync(env, n_envs)
    raise TypeError(f"env: expected an id, an Env, a callable or a VectorEnv, got {env!r}")


def env_name(env: VectorEnv[Any, Any, Any]) -> str | None:
    """The id under which an environment is known, if it is."""
    if isinstance(env, NativeVectorEnv):
        return env.env_id
    if isinstance(env, SyncVectorEnv) and env.envs[0].spec is not None:
        return str(env.envs[0].spec.id)
    return None


def shares_environments(one: VectorEnv[Any, Any, Any], other: VectorEnv[Any, Any, Any]) -> bool:
    """Whether two vector environments are one, or hold the same environment."""
    inner = [set(map(id, getattr(env, "envs", ()))) for env in (one, other)]
    return one is other or bool(inner[0] & inner[1])


def autoreset_mode(env: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """What follows the end of an episode; NEXT_STEP where an environment does not say."""
    return AutoresetMode(env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))


def _resets_alone(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether a NEXT_STEP environment resets some of its copies when it is asked to."""
    if isinstance(env, AsyncVectorEnv):  # without shared memory they reset again at the next step
        return bool(env.shared_memory) and _has_usual_workers(env)
    return isinstance(env, SyncVectorEnv | NativeVectorEnv)


def _has_usual_workers(env: AsyncVectorEnv) -> bool:
    return getattr(env, "worker", None) is None


def _sync(make: Callable[[], Any], n_envs: int) -> SyncVectorEnv:
    def made() -> gymnasium.Env[Any, Any]:
        env = make()
        if not isinstance(env, gymnasium.Env):
            raise TypeError(
                f"env: expected the callable to make a gymnasium.Env, got {env!r}; a VectorEnv is "
                "given itself"
            )
        return env

    return SyncVectorEnv([made] * n_envs, autoreset_mode=AutoresetMode.SAME_STEP)


def require_registered(env_id: str) -> None:
    """Raise ValueError with the nearest name unless an id is native or registered; imports nothing.

    Args:
        env_id: without a module, as a checkpoint names it.
    """
    if env_id in NATIVE or env_id in gymnasium.registry:
        return
    known = sorted({*NATIVE, *gymnasium.registry})
    message = unknown("environment", env_id, known).partition(" (known:")[0]
    raise ValueError(f"{message} (native: {', '.join(NATIVE)})")


def _import_module_of(env_id: str) -> None:
    module = env_id.rpartition(":")[0]
    if not module:
        return
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"env: cannot import the module of {env_id!r}: {error}") from error


def make_collector(
    env: VectorEnv[Any, Any, Any], policy: LinearPolicy, seed: int, *, evaluation: bool = False
) -> Collector:
    """The collector that fits both sides."""
    if isinstance(env, NativeVectorEnv):
        return NativeCollector(env, policy, seed, evaluation=evaluation)
    if not isinstance(env, VectorEnv):
        raise TypeError(f"env: expected an environment made by fastpg.make_vec, got {env!r}")
    return SteppingCollector(env, policy, seed, evaluation=evaluation)


def collect(
    env: VectorEnv[Any, Any, Any],
    policy: LinearPolicy,
    *,
    n_steps: int | None = None,
    n_episodes: int | None = None,
    seed: int | None = None,
    deterministic: bool = False,
) -> Rollout:
    """Reset the environment and run a policy in it; wholly in C++ where the environment is native.

    Args:
        env: made by `make_vec`, or any Gymnasium vector environment.
        policy: whose actions are taken.
        n_steps: steps of every environment; or
        n_episodes: whole episodes. Exactly one of the two is given.
        seed: of the environment and of the actions, in [0, 2^64); None draws one.
        deterministic: take the most probable action.
    """
    if (n_steps is None) == (n_episodes is None):
        raise ValueError(
            f"expected exactly one of n_steps and n_episodes, got {n_steps!r} and {n_episodes!r}"
        )
    drawn = arrays.seed(seed)
    collector = make_collector(env, policy, drawn)
    collector.reset(drawn)
    if n_steps is not None:
        return collector.steps(n_steps, deterministic=deterministic)
    assert n_episodes is not None
    return collector.episodes(n_episodes, deterministic=deterministic)


class _Recorder:
    """Rows of a rollout as they come, and the ends of episodes."""

    def __init__(self) -> None:
        self.rows: list[dict[str, npt.NDArray[Any]]] = []
        self.ends: list[tuple[int, int, Float32s, float, int]] = []

    def end(self, row: int, column: int, final: Float32s, total: float, length: int) -> None:
        self.ends.append((row, column, final, total, length))

    def ends_dict(self, observation_size: int) -> dict[str, npt.NDArray[Any]]:
        parts = zip(*self.ends, strict=True) if self.ends else ((),) * 5
        rows, columns, finals, returns, lengths = parts
        return {
            "end_rows": np.array(rows, dtype=np.int64),
            "end_columns": np.array(columns, dtype=np.int64),
            "final_observations": np.array(finals, dtype=np.float32).reshape(-1, observation_size),
            "episode_returns": np.array(returns, dtype=np.float64),
            "episode_lengths": np.array(lengths, dtype=np.int64),
        }


class SteppingCollector(Collector):
    """A `Collector` that steps any Gymnasium vector environment from Python.

    Ended environments are reset before the next step whatever the autoreset mode, so that no row is
    spent on a reset; a NEXT_STEP environment that cannot be reset alone keeps such rows, and
    `valid` is False there.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        policy: LinearPolicy,
        seed: int,
        *,
        evaluation: bool = False,
    ) -> None:
        super().__init__(policy, seed, evaluation=evaluation)
        self.env = env
        size = flat_size(env.single_observation_space)
        if size != policy.observation_size:
            raise ValueError(
                f"policy: expected observation_size {size}, the environment's, got "
                f"{policy.observation_size}"
            )
        mode = autoreset_mode(env)
        self._same_step = mode == AutoresetMode.SAME_STEP
        self._resets_here = mode == AutoresetMode.DISABLED or (
            not self._same_step and _resets_alone(env)
        )
        self._dead = np.zeros(env.num_envs, dtype=np.bool_)
        self._elapsed = np.zeros(env.num_envs, dtype=np.int64)
        self._returns = np.zeros(env.num_envs)
        self._observations: Float32s | None = None
        self._masks: Bools | None = None
        self._method: bool | None = None  # whether there is an action_masks() to ask
        self._masked = False  # whether the environment has said what is allowed

    def reset(self, seed: int | None) -> None:
        """See `Collector`."""
        observations, info = self.env.reset(seed=seed)
        self._begin(self._flat(observations), info)

    def steps(self, n_steps: int, *, deterministic: bool = False) -> Rollout:
        """See `Collector`."""
        count = arrays.integer("n_steps", n_steps, 1)
        if self._observations is None:
            self.reset(None)
        recorder = _Recorder()
        for t in range(count):
            row = self._row(deterministic)
            finals, ended = self._advance(row)
            recorder.rows.append(row)
            for i in np.flatnonzero(ended):
                self._record_end(recorder, t, int(i), int(i), finals[i])
        stacked = {name: np.stack([r[name] for r in recorder.rows]) for name in recorder.rows[0]}
        return self._rollout(stacked, recorder, self._current(), self._elapsed.copy(), count)

    def episodes(
        self, n_episodes: int, *, max_samples: int | None = None, deterministic: bool = False
    ) -> Rollout:
        """See `Collector`."""
        total = arrays.integer("n_episodes", n_episodes, 1)
        limit = UNLIMITED if max_samples is None else arrays.integer("max_samples", max_samples, 1)
        if self._observations is None or self._elapsed.any() or self._dead.any():
            self.reset(None)
        n_envs = self.env.num_envs
        column = np.arange(n_envs)
        recorder = _Recorder()
        cells: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []  # (steps, columns) of a row
        taken, complete, count = 0, True, 0
        while (column < total).any():
            playing = (column < total) & ~self._dead
            if taken + int(playing.sum()) > limit:
                complete = False
                break
            at = (self._elapsed.copy(), np.where(playing, column, total))
            row = self._row(deterministic)
            finals, ended = self._advance(row)
            recorder.rows.append(row)
            cells.append(at)
            taken, count = taken + int(playing.sum()), count + 1
            for i in np.flatnonzero(ended & playing):
                self._record_end(recorder, int(at[0][i]), int(column[i]), int(i), finals[i])
                column[i] += n_envs
            for i in np.flatnonzero(ended & ~playing):
                self._record_end(_Recorder(), 0, 0, int(i), finals[i])
        return self._columns(recorder, cells, total, count, complete)

    def _columns(
        self,
        recorder: _Recorder,
        cells: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]],
        total: int,
        count: int,
        complete: bool,
    ) -> Rollout:
        """Rows of environments, laid out again as columns of episodes."""
        if not cells:
            raise ValueError("max_samples: expected room for one step of every environment")
        steps, columns = (np.stack(part) for part in zip(*cells, strict=True))
        used = columns < total
        height = int(steps[used].max()) + 1
        laid: dict[str, npt.NDArray[Any]] = {}
        for name in recorder.rows[0]:
            stacked = np.stack([r[name] for r in recorder.rows])
            out = np.zeros((height, total, *stacked.shape[2:]), dtype=stacked.dtype)
            out[steps[used], columns[used]] = stacked[used]
            laid[name] = out
        last = np.zeros((total, self.policy.observation_size), dtype=np.float32)
        last_step = np.zeros(total, dtype=np.int64)
        if not complete:
            playing = columns[-1] < total
            last[columns[-1][playing]] = self._current()[playing]
            last_step[columns[-1][playing]] = self._elapsed[playing]
        return self._rollout(laid, recorder, last, last_step, count, complete)

    def _row(self, deterministic: bool) -> dict[str, npt.NDArray[Any]]:
        """What is known before a step, and the actions."""
        policy = self.policy
        observations = self._current()
        dist = policy.distribution(policy.features(observations, self._elapsed), mask=self._masks)
        if deterministic:
            actions = policy.mode(dist)
        else:
            size = policy._head.action_size
            actions = policy.sample(
                dist,
                _core.lane_uniforms(
                    self.seed, self.purpose, 0, self.env.num_envs, self.step_count, size
                ),
            )
        row: dict[str, npt.NDArray[Any]] = {
            "observations": observations,
            "actions": actions,
            "valid": ~self._dead,
            "step_index": self._elapsed.astype(np.int32),
        }
        if policy.masked:
            allowed = np.ones((len(observations), policy._head.outputs), dtype=np.bool_)
            row["action_masks"] = allowed if self._masks is None else self._masks
        return row

    def _advance(self, row: dict[str, npt.NDArray[Any]]) -> tuple[Float32s, Bools]:
        """Step; fill in what came of it. Returns true next observations and who ended.

        After an error the next call starts new episodes: what the environment did is not known.
        """
        self._observations = None
        actions = self.policy.for_environment(row["actions"])
        observations, rewards, terminated, truncated, info = self.env.step(
            to_action_space(self.env.single_action_space, actions)
        )
        self.step_count += 1
        valid = row["valid"]
        following = self._flat(observations)
        finals = following.copy()
        row["rewards"] = np.where(valid, rewards, 0.0).astype(np.float64)
        row["terminated"] = np.asarray(terminated, dtype=np.bool_) & valid
        row["truncated"] = np.asarray(truncated, dtype=np.bool_) & valid
        if not np.isfinite(row["rewards"]).all():
            raise ValueError("rewards: expected finite values from the environment")
        ended = row["terminated"] | row["truncated"]
        self._elapsed[valid] += 1
        self._returns[valid] += row["rewards"][valid]
        self._dead[:] = False
        if ended.any():
            if self._same_step:
                finals[ended] = self._finals(info, np.flatnonzero(ended))
            elif self._resets_here:
                reset, reset_info = self.env.reset(options={"reset_mask": ended.copy()})
                following = np.where(ended[:, None], self._flat(reset), following)
                info = self._merge_masks(info, reset_info, ended)
            else:
                self._dead[ended] = True
        self._observations = following
        self._masks = self._mask_of(info)
        return finals, ended

    def _begin(self, observations: Float32s, info: dict[str, Any]) -> None:
        self._observations = observations
        self._elapsed[:] = 0
        self._returns[:] = 0.0
        self._dead[:] = False
        self._masks = self._mask_of(info)

    def _record_end(
        self, recorder: _Recorder, row: int, column: int, lane: int, final: Float32s
    ) -> None:
        length = int(self._elapsed[lane])
        recorder.end(row, column, final, float(self._returns[lane]), length)
        self._elapsed[lane] = 0
        self._returns[lane] = 0.0

    def _rollout(
        self,
        rows: dict[str, npt.NDArray[Any]],
        recorder: _Recorder,
        last: Float32s,
        last_step: npt.NDArray[np.int64],
        count: int,
        complete: bool = True,
    ) -> Rollout:
        if not self._masked:
            rows.pop("action_masks", None)
        return Rollout(
            **rows,
            **recorder.ends_dict(self.policy.observation_size),
            last_observations=last,
            last_step_index=last_step,
            sample_count=int(rows["valid"].sum()),
            step_count=count,
            complete=complete,
        )

    def _current(self) -> Float32s:
        assert self._observations is not None
        return self._observations

    def _flat(self, observations: Any) -> Float32s:
        flat: Float32s = flatten(self.env.single_observation_space, observations).copy()
        return flat

    def _finals(self, info: dict[str, Any], ended: npt.NDArray[np.intp]) -> Float32s:
        if "final_obs" not in info:
            raise ValueError("info: expected final_obs from a SAME_STEP environment, got none")
        space = self.env.single_observation_space
        return flatten(space, gather(space, info["final_obs"], ended))

    def _mask_of(self, info: dict[str, Any]) -> Bools | None:
        """What is allowed now: info["action_mask"], or the environments' action_masks()."""
        if not self.policy.masked:
            return None
        masks = _told(info, self.env.num_envs, self.policy._head.outputs)
        if masks is None:
            masks = self._asked_masks(self.env.unwrapped)
        if masks is not None:
            self._masked = True
            masks[self._dead] = True
        return masks

    def _asked_masks(self, env: VectorEnv[Any, Any, Any]) -> Bools | None:
        if self._method is None:
            self._method = _has_method(env)
        if not self._method:
            return None
        assert isinstance(env, SyncVectorEnv | AsyncVectorEnv)
        told = env.call("action_masks")
        return arrays.action_masks("action_masks()", told, self.policy._head.outputs)

    def _merge_masks(
        self, info: dict[str, Any], reset_info: dict[str, Any], ended: Bools
    ) -> dict[str, Any]:
        """The masks of a step with those of the environments that were then reset."""
        size = self.policy._head.outputs
        told = [_told(i, len(ended), size) for i in (info, reset_info)]
        if told[0] is None and told[1] is None:
            return {}
        every = np.ones((len(ended), size), dtype=np.bool_)
        step, reset = (every if t is None else t for t in told)
        return {"action_mask": np.where(ended[:, None], reset, step)}


def _has_method(env: VectorEnv[Any, Any, Any]) -> bool:
    """Whether action_masks() may be called; where it is not there, a call ends Async's workers."""
    if isinstance(env, SyncVectorEnv) or (
        isinstance(env, AsyncVectorEnv) and _has_usual_workers(env)
    ):
        return all(env.call("has_wrapper_attr", "action_masks"))
    return False


def _told(info: dict[str, Any], count: int, size: int) -> Bools | None:
    """The masks of an info, (count, size); all True for environments that told none."""
    if "action_mask" not in info:
        return None
    masks = np.ones((count, size), dtype=np.bool_)
    known = np.flatnonzero(info.get("_action_mask", np.ones(count, dtype=np.bool_)))
    given = info["action_mask"]
    told = given[known] if isinstance(given, np.ndarray) else [given[i] for i in known]
    masks[known] = arrays.action_masks("info['action_mask']", told, size)
    return masks
