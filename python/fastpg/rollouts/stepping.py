"""Collecting from any vector environment, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv

from fastpg import _core, arrays
from fastpg.arrays import Bools, Float32s, Floats
from fastpg.envs import NativeVectorEnv
from fastpg.policies.base import Policy
from fastpg.rollouts.collector import MOST_STEPS, UNLIMITED, Collector
from fastpg.rollouts.contract import (
    in_step,
    require_finite_rewards,
    vector_flags,
    vector_info,
    vector_rewards,
)
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.instances import overwrites_observations
from fastpg.rollouts.make_env import autoreset_mode, resets_alone
from fastpg.rollouts.masks import Masks
from fastpg.rollouts.raw_returns import RawReturns
from fastpg.rollouts.recorder import Arrays, Recorder
from fastpg.rollouts.rollout import Rollout
from fastpg.rollouts.second_resets import SecondResets
from fastpg.spaces.flat import gather, to_action_space
from fastpg.spaces.flat_parts import Flattener


class SteppingCollector(Collector):
    """A `Collector` that steps any Gymnasium vector environment from Python.

    Ended environments are reset before the next step in every autoreset mode, so that no row is
    spent on a reset. A NEXT_STEP environment that cannot reset single copies does spend such rows;
    `valid` is False for them.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        policy: Policy,
        seed: int,
        *,
        evaluation: bool = False,
    ) -> None:
        super().__init__(env, policy, seed, evaluation=evaluation)
        self._stepped = EnvCopies.of(env)
        # Whose results are checked, and in arrays that nobody else writes to.
        self._checked = isinstance(self._stepped, EnvCopies)
        mode = autoreset_mode(self._stepped)
        self._same_step = mode == AutoresetMode.SAME_STEP
        self._resets_here = mode == AutoresetMode.DISABLED or (
            not self._same_step and resets_alone(env)
        )
        self._flatten = Flattener(env.single_observation_space)
        self._second_resets = SecondResets(env)
        self._keeps_last = False  # True once last observations are known not to be overwritten
        self._dead = np.zeros(env.num_envs, dtype=np.bool_)
        self._dead_count = 0
        self._elapsed = np.zeros(env.num_envs, dtype=np.int64)
        self._returns = np.zeros(env.num_envs)
        self._observations: Float32s | None = None
        self._masks: Bools | None = None
        self._mask_reader = Masks(env, policy._distribution.outputs) if policy.masked else None
        self._raw = RawReturns.of(env)
        self._raw_ended = np.full(env.num_envs, np.nan)  # raw returns of the last ended episodes

    @property
    def gives_masks(self) -> bool:
        """See `Collector`."""
        return self._mask_reader is not None and self._mask_reader.given

    def _reset(self, seed: int | None) -> None:
        dead = self._second_resets.settle(self._first_actions)
        observations, info = self._reset_some(seed=seed)
        self._begin(self._flat(observations, self._in_reset), vector_info(info))
        self._mark_dead(dead)

    def _first_actions(self, observations: Any, info: Any) -> Any:
        """The policy's actions after a reset."""
        self._begin(self._flat(observations, self._in_reset), vector_info(info))
        actions = self.policy.act(self._current(), self._elapsed, self._masks, None, 0)
        return to_action_space(self.env.single_action_space, self.policy.for_environment(actions))

    def _mark_dead(self, dead: Bools) -> None:
        """Which environments only reset at the next step."""
        self._dead = dead
        self._dead_count = int(np.count_nonzero(dead))

    def _leave(self) -> None:
        super()._leave()
        self._second_resets.leave(self._dead)

    def place(self) -> dict[str, npt.NDArray[Any]]:
        """See `Collector`; `_dead` is False everywhere, since native environments reset alone."""
        return {
            "collector_observations": self._current(),
            "collector_elapsed": self._elapsed,
            "collector_returns": self._returns,
        }

    def checked_place(self, stored: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """See `Collector`."""
        n, size = self.env.num_envs, self.policy.observation_size
        kinds: dict[str, tuple[npt.DTypeLike, tuple[int, ...]]] = {
            "collector_observations": (np.float32, (n, size)),
            "collector_elapsed": (np.int64, (n,)),
            "collector_returns": (np.float64, (n,)),
        }
        place = {name: arrays.exactly(name, stored[name], *kind) for name, kind in kinds.items()}
        for bound in (np.min, np.max):
            arrays.integer("collector_elapsed", bound(place["collector_elapsed"]), 0, MOST_STEPS)
        return place

    def take_place(self, place: dict[str, npt.NDArray[Any]]) -> None:
        """See `Collector`."""
        self._observations = place["collector_observations"]
        self._elapsed = place["collector_elapsed"]
        self._returns = place["collector_returns"]
        assert isinstance(self.env, NativeVectorEnv)  # others have no place
        self._masks = self._mask_of(self.env._mask_info())
        super().take_place(place)

    def steps(self, n_steps: int, *, deterministic: bool = False) -> Rollout:
        """See `Collector`."""
        count = arrays.integer("n_steps", n_steps, 1, MOST_STEPS)
        return self._rows(lambda taken, rows: rows < count, Recorder(count), deterministic)

    def play(self, n_steps: int, *, deterministic: bool = False) -> _core.EpisodeEnds:
        """See `Collector`."""
        count = arrays.integer("n_steps", n_steps, 1, MOST_STEPS)
        self._start()
        recorder = Recorder(1)  # whose row each step overwrites
        columns: list[int] = []
        returns: list[float] = []
        lengths: list[int] = []
        for _ in range(count):
            ended, _ = self._row(recorder, deterministic)
            for i in ended:
                total, length = self._end(i)
                columns.append(i)
                returns.append(total)
                lengths.append(length)
        self._leave()
        return _core.EpisodeEnds(
            (
                np.array(columns, dtype=np.int64),
                np.array(returns, dtype=np.float64),
                np.array(lengths, dtype=np.int64),
                self._elapsed.copy(),
            )
        )

    def samples(self, count: int) -> Rollout:
        """See `Collector`."""
        n_envs = self.env.num_envs
        limit = arrays.integer("count", count, n_envs)

        def room(taken: int, rows: int) -> bool:
            return taken + n_envs - self._dead_count <= limit

        return self._rows(room, Recorder(-(-limit // n_envs)), deterministic=False)

    def _start(self) -> None:
        """Go on where the last call ended, or with new episodes."""
        self._resume()
        if self._observations is None:
            self.reset(None)

    def _rows(
        self, room: Callable[[int, int], bool], recorder: Recorder, deterministic: bool
    ) -> Rollout:
        """Collect rows while `room(samples so far, rows so far)` is True."""
        self._start()
        n_envs, taken = self.env.num_envs, 0
        while room(taken, recorder.count):
            taken += n_envs - self._dead_count
            ended, finals = self._row(recorder, deterministic)
            for i in ended:
                self._record_end(recorder, recorder.count, i, i, finals[i])
            recorder.next_row()
        return self._rollout(recorder.arrays(), recorder, self._current(), self._elapsed.copy())

    def episodes(
        self, n_episodes: int, *, max_samples: int | None = None, deterministic: bool = False
    ) -> Rollout:
        """See `Collector`."""
        total = arrays.integer("n_episodes", n_episodes, 1, MOST_STEPS)
        limit = UNLIMITED if max_samples is None else arrays.integer("max_samples", max_samples, 1)
        self._resume()
        if self._observations is None or self._elapsed.any() or self._dead.any():
            self.reset(None)
        n_envs = self.env.num_envs
        column = np.arange(n_envs)
        recorder = Recorder()
        cells: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []  # (steps, columns) of a row
        taken, complete = 0, True
        while (column < total).any():
            playing = (column < total) & ~self._dead
            if taken + int(playing.sum()) > limit:
                complete = False
                break
            at = (self._elapsed.copy(), np.where(playing, column, total))
            ended, finals = self._row(recorder, deterministic, playing)
            cells.append(at)
            taken += int(playing.sum())
            for i in ended:
                counts = bool(playing[i])
                place = (int(at[0][i]), int(column[i])) if counts else (0, 0)
                self._record_end(recorder if counts else Recorder(), *place, i, finals[i])
                column[i] += n_envs if counts else 0
            recorder.next_row()
        return self._columns(recorder, cells, total, complete)

    def _columns(
        self,
        recorder: Recorder,
        cells: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]],
        total: int,
        complete: bool,
    ) -> Rollout:
        """Rearrange rows of environments to columns of episodes."""
        if not cells:
            raise ValueError("max_samples: expected room for one step of every environment")
        steps, columns = (np.stack(part) for part in zip(*cells, strict=True))
        used = columns < total
        height = int(steps[used].max()) + 1
        laid: dict[str, npt.NDArray[Any]] = {}
        for name, stacked in self._complete(recorder.arrays()).items():
            out = np.zeros((height, total, *stacked.shape[2:]), dtype=stacked.dtype)
            out[steps[used], columns[used]] = stacked[used]
            laid[name] = out
        last = np.zeros((total, self.policy.observation_size), dtype=np.float32)
        last_step = np.zeros(total, dtype=np.int64)
        if not complete:
            playing = columns[-1] < total
            last[columns[-1][playing]] = self._current()[playing]
            last_step[columns[-1][playing]] = self._elapsed[playing]
        return self._rollout(laid, recorder, last, last_step, complete)

    def _row(
        self, recorder: Recorder, deterministic: bool, playing: Bools | None = None
    ) -> tuple[list[int], Float32s]:
        """Take a step and write it into the current row.

        Environments that are not playing, where this is known, stay where they are if each can be
        stepped alone. Returns the environments whose episodes ended, and the true next
        observations. After an error the state of the environments is unknown, so the next call
        starts new episodes.
        """
        policy, observations = self.policy, self._current()
        stream = None if deterministic else self._stream
        actions = policy.act(observations, self._elapsed, self._masks, stream, self.step_count)
        recorder.put("observations", observations)
        recorder.put("actions", actions)
        recorder.put("step_index", self._elapsed, dtype=np.int32)
        if self._masks is not None:
            recorder.put("action_masks", self._masks, others=True)
        if self._dead_count:
            recorder.put("valid", ~self._dead, others=True)
        return self._advance(recorder, policy.for_environment(actions), playing)

    def _advance(
        self, recorder: Recorder, actions: Any, playing: Bools | None
    ) -> tuple[list[int], Float32s]:
        converted = to_action_space(self.env.single_action_space, actions)
        idle = None
        try:
            if playing is not None and isinstance(self._stepped, EnvCopies):
                idle = ~playing
                given = self._stepped.step(converted, idle)
            else:
                given = self._stepped.step(converted)
        except Exception as error:
            self._note_place(error, self._in_step)
            raise
        self.step_count += 1
        following, rewards, terminated, truncated, info = self._taken(*given)
        recorder.put("rewards", rewards)
        recorder.put("terminated", terminated)
        recorder.put("truncated", truncated)
        if idle is not None:
            self._elapsed += ~idle
        elif self._dead_count:
            self._elapsed += ~self._dead
            self._mark_dead(np.zeros_like(self._dead))
        else:
            self._elapsed += 1
        self._returns += rewards
        flags = terminated | truncated
        finals, ended = following, []
        if np.count_nonzero(flags):
            ended = np.flatnonzero(flags).tolist()
            finals, following, info = self._after_ends(flags, following, info)
        self._observations = following
        masks = self._mask_of(info)
        if idle is not None and self._masks is not None:  # no info is of idle ones
            others = True if masks is None else masks
            masks = np.where(idle[:, None], self._masks, others)
        self._masks = masks
        return ended, finals

    def _taken(
        self, observations: Any, rewards: Any, terminated: Any, truncated: Any, info: Any
    ) -> tuple[Float32s, Floats, Bools, Bools, dict[str, Any]]:
        """What a step returned, checked; 0 and False for environments that only reset."""
        if not self._checked:
            count = self.env.num_envs
            rewards = vector_rewards(rewards, count).astype(np.float64)
            terminated = vector_flags("terminated", terminated, count)
            truncated = vector_flags("truncated", truncated, count)
            info = vector_info(info)
        if self._dead_count:
            rewards = np.where(self._dead, 0.0, rewards)
            terminated, truncated = terminated & ~self._dead, truncated & ~self._dead

        def place(i: int) -> str:
            fresh = self._dead[i] or (self._same_step and (terminated[i] or truncated[i]))
            return self._in_reset(i) if fresh else self._in_step(i)

        following = self._flat(observations, place)
        require_finite_rewards(rewards, self._elapsed)
        return following, rewards, terminated, truncated, info

    def _after_ends(
        self, ended: Bools, following: Float32s, info: dict[str, Any]
    ) -> tuple[Float32s, Float32s, dict[str, Any]]:
        """True next observations, then those after the resets, and their info."""
        finals = following
        if self._raw is not None:
            self._raw_ended = self._raw.of_ended(ended, reset_since=self._same_step)
        if self._same_step:
            finals = following.copy()
            finals[ended] = self._finals(info, np.flatnonzero(ended))
            self._require_last(finals, following, ended)
        elif self._resets_here:
            reset, reset_info = self._reset_some(options={"reset_mask": ended.copy()})
            if self._raw is not None:
                self._raw.begin(ended)
            restarted = self._flat(reset, self._in_reset)
            # `EnvCopies` gives the current observations of all.
            following = (
                restarted if self._checked else np.where(ended[:, None], restarted, following)
            )
            if self._mask_reader is not None:
                info = self._mask_reader.merged(info, reset_info, ended)
        else:
            self._mark_dead(ended)
        return finals, following, info

    def _begin(self, observations: Float32s, info: dict[str, Any]) -> None:
        self._observations = observations
        self._elapsed[:] = 0
        self._returns[:] = 0.0
        self._mark_dead(np.zeros_like(self._dead))
        self._masks = self._mask_of(info)
        if self._raw is not None:
            self._raw.begin()

    def _record_end(
        self, recorder: Recorder, row: int, column: int, i: int, final: Float32s
    ) -> None:
        total, length = self._end(i)
        # Of its own: a view would keep the observations of all environments.
        recorder.end(row, column, final.copy(), total, length, float(self._raw_ended[i]))

    def _end(self, i: int) -> tuple[float, int]:
        """Return and length of the episode of environment i, which has ended."""
        found = float(self._returns[i]), int(self._elapsed[i])
        self._returns[i] = 0.0
        self._elapsed[i] = 0
        return found

    def _rollout(
        self,
        rows: Arrays,
        recorder: Recorder,
        last: Float32s,
        last_step: npt.NDArray[np.int64],
        complete: bool = True,
    ) -> Rollout:
        self._leave()
        rows = self._complete(rows)
        ends = recorder.ends(self.policy.observation_size)
        if self._raw is None:
            del ends["raw_returns"]
        return Rollout(
            **rows,
            **ends,
            last_observations=last,
            last_step_index=last_step,
            sample_count=int(np.count_nonzero(rows["valid"])),
            step_count=recorder.count,
            complete=complete,
        )

    def _complete(self, rows: Arrays) -> Arrays:
        """With the arrays that no row needed."""
        shape = rows["rewards"].shape
        if "valid" not in rows:
            rows["valid"] = np.ones(shape, dtype=np.bool_)
        if "action_masks" not in rows and self._mask_reader is not None and self._mask_reader.given:
            rows["action_masks"] = np.ones((*shape, self._mask_reader.size), dtype=np.bool_)
        return rows

    def _current(self) -> Float32s:
        assert self._observations is not None
        return self._observations

    def _flat(self, observations: Any, place: Callable[[int], str]) -> Float32s:
        """Flat observations; `place` names where that of an environment came from, for errors."""
        try:
            flat = self._flatten(observations)
        except ValueError as error:
            if (row := arrays.row_of(error)) is None:
                raise
            raise ValueError(f"{error}, from {place(row)}") from None
        return flat if self._checked else flat.copy()

    def _in_reset(self, i: int) -> str:
        return f"environment {i} in its reset"

    def _in_step(self, i: int) -> str:
        return in_step(i, self._elapsed)

    def _reset_some(self, **arguments: Any) -> Any:
        try:
            return self._stepped.reset(**arguments)
        except Exception as error:
            self._note_place(error, self._in_reset)
            raise

    def _note_place(self, error: Exception, place: Callable[[int], str]) -> None:
        """Note in an error of an environment which one it was, and when."""
        failed = self._stepped.failed if isinstance(self._stepped, EnvCopies) else None
        if failed is not None:
            error.add_note(f"From {place(failed)}")

    def _finals(self, info: dict[str, Any], ended: npt.NDArray[np.intp]) -> Float32s:
        if "final_obs" not in info:
            raise ValueError("info: expected final_obs from a SAME_STEP environment, got none")
        space = self.env.single_observation_space
        finals = gather(space, info["final_obs"], ended)
        try:
            return self._flatten(finals)
        except ValueError as error:
            if (row := arrays.row_of(error)) is None:
                raise
            i = int(ended[row])
            raise ValueError(
                f"{error}, from environment {i} in step {int(self._elapsed[i])} of its episode"
            ) from None

    def _require_last(self, finals: Float32s, following: Float32s, ended: Bools) -> None:
        """Raise ValueError if a reset has overwritten the last observations.

        Under SAME_STEP Gymnasium passes on the array that the environment returned. An environment
        that always returns the same array overwrites it in the reset. Then the last observation
        equals the next first one; if so, an additional environment is made and examined.
        """
        if self._keeps_last or not (finals == following)[ended].all(axis=1).any():
            return
        if overwrites_observations(self.env):
            raise ValueError(
                "env: expected last observations under AutoresetMode.SAME_STEP, got those after "
                "the reset, since the environment returns the same array again: let it return "
                "copies, or use NEXT_STEP or DISABLED"
            )
        self._keeps_last = True

    def _mask_of(self, info: dict[str, Any]) -> Bools | None:
        """The current action masks, (num_envs, n_actions); None if there are none."""
        if self._mask_reader is None:
            return None
        masks = self._mask_reader.of(info)
        if masks is not None:
            masks[self._dead] = True
        return masks
