"""A finite MDP as a native environment, on which every algorithm can train."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from fastpg import _core, arrays, threads
from fastpg.envs import NativeVectorEnv
from fastpg.envs.environment import Environment
from fastpg.envs.episodes import time_limit
from fastpg.envs.vector import MOST_ENVS
from fastpg.suggestions import names_checked
from fastpg.tabular.mdp import MDP, an_mdp


class TabularEnvironment(Environment):
    """The kind of environment; the C++ kernel needs nothing else from Python."""

    kernel = "Tabular"
    render_fps = 1
    reset_options = ()


class TabularVectorEnv(NativeVectorEnv):
    """Copies of a finite MDP as a `gymnasium.vector.VectorEnv`; made by `tabular.make_vec`.

    The observation of a state is its row in `features`, by default one-hot. An episode terminates
    in a terminal state and, if the MDP has a horizon, after that many steps. Rewards are the MDP's
    expected rewards.
    """

    @names_checked
    def __init__(
        self,
        mdp: MDP,
        num_envs: int = 1,
        *,
        features: Any = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        num_threads: int | None = None,
        copy: bool = True,
    ) -> None:
        n = an_mdp(mdp).n_states
        table = (
            np.eye(n) if features is None else arrays.finite_floats("features", features, (n, None))
        )
        self.mdp = mdp
        with np.errstate(over="ignore"):  # the kernel refuses values that are not finite
            self.features = table.astype(np.float32)
        limit = None if max_episode_steps is None else time_limit(max_episode_steps, 1)
        self._arguments = (
            arrays.integer("num_envs", num_envs, 1, MOST_ENVS),
            limit,
            arrays.boolean("copy", copy),
            threads.num_threads(num_threads),
        )
        low, high = self.features.min(axis=0), self.features.max(axis=0)
        shown = (spaces.Box(low, high, dtype=np.float32), spaces.Discrete(mdp.n_actions))
        self._set_up(None, TabularEnvironment(), self._native(), shown, limit, autoreset_mode)

    @property
    def has_time_limit(self) -> bool:
        """Whether a time limit or the MDP's horizon ends every episode."""
        return self.max_episode_steps is not None or self.mdp.horizon is not None

    def _native(self) -> _core.VectorEnv:
        mdp = self.mdp
        return _core.VectorEnv.tabular(
            mdp.transitions,
            mdp.r,
            mdp.start,
            self.features,
            mdp.terminal,
            mdp.horizon,
            *self._arguments,
        )

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"native": self.native.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.native = self._native()
        self.native.restore(**state["native"], checked=False)  # returns may be infinite

    def __repr__(self) -> str:
        return f"TabularVectorEnv({self.mdp!r}, num_envs={self.num_envs})"


def make_vec(mdp: MDP, num_envs: int = 1, **options: Any) -> TabularVectorEnv:
    """Copies of a finite MDP, stepped in C++.

    Args:
        mdp: a finite MDP. Without a horizon, terminal states or `max_episode_steps`, episodes never
            end.
        num_envs: number of copies, from 1 to 2^24.
        **options: `features`, (S, d), the observation of each state, by default one-hot;
            `max_episode_steps`, after which an episode is truncated, by default never;
            `autoreset_mode`, `num_threads` and `copy`, as in `fastpg.make_vec`.

    Returns:
        The environments.

    Raises:
        TypeError: no MDP, an unknown option, or arguments of the wrong type.
        ValueError: another shape, or a number out of range.
    """
    return TabularVectorEnv(mdp, num_envs, **options)
