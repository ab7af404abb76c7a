"""Steps of a native environment from given states, for the check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from fastpg import arrays
from fastpg.envs import EnvState, NativeVectorEnv, make_vec


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a step, or a reset, of n environments gave.

    Attributes:
        state: afterwards.
        observations: float32 (n, d).
        rewards: (n,); zeros after a reset.
        terminated: bool (n,); False after a reset.
        masks: bool (n, flags), or None.
    """

    state: EnvState
    observations: arrays.Float32s
    rewards: arrays.Floats
    terminated: arrays.Bools
    masks: arrays.Bools | None

    def of(self, entries: Any) -> Outcome:
        """That of some of the environments, in a given order.

        Args:
            entries: their indices.
        """
        return Outcome(
            chosen(self.state, entries),
            self.observations[entries],
            self.rewards[entries],
            self.terminated[entries],
            None if self.masks is None else self.masks[entries],
        )

    def difference(self, other: Outcome) -> str | None:
        """What differs from another outcome in any bit; None if nothing does.

        Args:
            other: of as many environments.
        """
        pairs: dict[str, tuple[Any, Any]] = {
            "the state": (self.state.states, other.state.states),
            "the random stream": (self.state.streams, other.state.streams),
            "the observation": (self.observations, other.observations),
            "the reward": (self.rewards, other.rewards),
            "terminated": (self.terminated, other.terminated),
            "the mask": (self.masks, other.masks),
        }
        for name, (one, two) in pairs.items():
            if one is not None and one.tobytes() != two.tobytes():
                return name
        return None


def chosen(state: EnvState, entries: Any) -> EnvState:
    """The state of some environments.

    Args:
        state: of all.
        entries: indices.
    """
    return EnvState(
        np.ascontiguousarray(state.states[:, entries]),
        state.streams[entries],
        state.elapsed_steps[entries],
        state.episode_returns[entries],
        state.status[entries],
    )


class Probe:
    """Environments that are stepped from given states.

    Args:
        env_id: a native id.
        num_envs: number of environments.
        options: keywords of `make_vec`.
        num_threads: as in `make_vec`.
    """

    def __init__(
        self, env_id: str, num_envs: int, options: dict[str, Any], num_threads: int = 1
    ) -> None:
        self.env: NativeVectorEnv = make_vec(
            env_id,
            num_envs,
            autoreset_mode=AutoresetMode.DISABLED,
            num_threads=num_threads,
            **{"max_episode_steps": -1, **options},
        )

    def reset(self, seed: int | None, **options: Any) -> Outcome:
        """Reset, all or those of `reset_mask`.

        Args:
            seed: seed of the first environment.
            **options: of the reset.

        Raises:
            NativeEnvError: the environment failed.
        """
        observations, infos = self.env.reset(seed=seed, options=options)
        n = self.env.num_envs
        return self._outcome(observations, np.zeros(n), np.zeros(n, dtype=np.bool_), infos)

    def step(self, actions: Any, start: EnvState | None = None) -> Outcome:
        """One step.

        Args:
            actions: of all environments.
            start: state before it; None: the current one.

        Raises:
            NativeEnvError: the environment failed.
        """
        if start is not None:
            self.env.set_state(start)
        observations, rewards, terminated, _, infos = self.env.step(actions)
        return self._outcome(observations, rewards, terminated, infos)

    def _outcome(
        self, observations: Any, rewards: Any, terminated: Any, infos: dict[str, Any]
    ) -> Outcome:
        # Before the masks are read again: a mask that changes the state is found.
        state = self.env.get_state()
        return Outcome(
            state, observations.copy(), rewards.copy(), terminated.copy(), infos.get("action_mask")
        )


class Actions:
    """Random actions of a space.

    Args:
        space: of one environment.
        seed: of the draws.
    """

    def __init__(self, space: Any, seed: int) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)

    def draw(self, count: int, masks: arrays.Bools | None) -> Any:
        """Allowed actions, each with the same probability.

        Args:
            count: number of environments.
            masks: bool (count, flags); None: all are allowed.
        """
        if isinstance(self._space, spaces.Box):
            return self._continuous(count)
        one = isinstance(self._space, spaces.Discrete)
        sizes = [int(self._space.n)] if one else self._space.nvec.tolist()
        allowed = np.ones((count, sum(sizes)), dtype=np.bool_) if masks is None else masks
        parts = np.split(allowed, np.cumsum(sizes)[:-1], axis=1)
        columns = [(self._rng.random(part.shape) * part).argmax(axis=1) for part in parts]
        return columns[0] if one else np.stack(columns, axis=1)

    def _continuous(self, count: int) -> Any:
        low, high = self._space.low.astype(float), self._space.high.astype(float)
        low = np.where(np.isfinite(low), low, np.minimum(-1.0, high - 2.0))
        high = np.where(np.isfinite(high), high, np.maximum(1.0, low + 2.0))
        return self._rng.uniform(low, high, (count, *self._space.shape))


def restarted(probe: Probe, outcome: Outcome) -> Outcome:
    """The outcome, after a reset of the environments whose episodes have ended.

    Args:
        probe: the environments.
        outcome: of their last step.
    """
    ended = outcome.state.status == 2
    return probe.reset(None, reset_mask=ended) if ended.any() else outcome
