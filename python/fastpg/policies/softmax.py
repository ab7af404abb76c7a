"""Softmax policies: what does not depend on the network of the logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from fastpg import _core, arrays
from fastpg.arrays import Bools, Floats
from fastpg.policies.base import Policy, State
from fastpg.policies.env_spaces import observation_size, single_space


class Softmax(Policy):
    """pi(a|s) proportional to exp(logit_a(s)): base of `LinearSoftmax` and `MlpSoftmax`.

    `dist` is ln pi of every action, (n, n_actions). With several choices (MultiDiscrete) their
    columns stand side by side and an action is (n, choices).
    """

    masked = True
    _distribution: _core.Categorical

    def _set_actions(self, n_actions: int | Sequence[int]) -> None:
        self.single = not isinstance(n_actions, Sequence | np.ndarray) or np.ndim(n_actions) == 0
        given = [n_actions] if self.single else list(n_actions)  # type: ignore[arg-type]
        self.choices = [arrays.integer("n_actions", count, 1, 2**20) for count in given]
        if not self.choices:
            raise ValueError("n_actions: expected at least one number, got none")
        self._distribution = _core.Categorical(self.choices)

    @classmethod
    def for_env(cls, env: Any, **arguments: Any) -> Self:
        """The policy that fits an environment with Discrete or MultiDiscrete actions.

        Args:
            env: an environment or a vector environment; observations are flattened.
            **arguments: the other arguments of the class, such as `normalize_observations`.

        Raises:
            ValueError: other actions, observations that cannot be flattened, or an argument about
                sigma, such as `log_std_init`.
            TypeError: an unknown argument.
        """
        action = single_space(env, "action")
        for name in ("log_std_init", "state_dependent_std"):
            if name in arguments:
                raise ValueError(f"{name}: allowed only with a Box of actions, got {action}")
        cls._require_known(arguments)
        sizes = cls._sizes(env)
        n_actions = sizes["choices"][0] if sizes["single"] else sizes["choices"]
        return cls(sizes["observation_size"], n_actions, **arguments)

    @classmethod
    def _sizes(cls, env: Any) -> dict[str, Any]:
        size, action = observation_size(env), single_space(env, "action")
        if isinstance(action, spaces.Discrete):
            return {"observation_size": size, "single": True, "choices": [int(action.n)]}
        if isinstance(action, spaces.MultiDiscrete):
            choices = action.nvec.ravel().tolist()
            return {"observation_size": size, "single": False, "choices": choices}
        raise ValueError(
            f"{cls.__name__}: expected a Discrete action space or MultiDiscrete, got {action}"
        )

    @property
    def n_actions(self) -> int:
        """Number of actions, of all choices together."""
        return self._distribution.outputs

    def log_probs(self, phi: Floats, theta: Floats | None = None, mask: Any = None) -> Floats:
        """The ln pi of every action, (n, n_actions): the same as `distribution`."""
        return self.distribution(phi, theta, mask)

    def actor(self, space: spaces.Space[Any], deterministic: bool) -> _core.Actor:
        """See `Policy`."""
        return _core.Actor.softmax(
            self.feature_map.core, self._network, self.choices, deterministic
        )

    def state(self) -> State:
        """As for every policy, with the number of actions."""
        stored, meta = super().state()
        return stored, meta | {"n_actions": self.choices[0] if self.single else self.choices}

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        return arrays.shaped_floats("dist", dist, (rows, self.n_actions))

    def _mask(self, mask: Any, count: int) -> Bools | None:
        if mask is None:
            return None
        return arrays.flags("mask", mask, (count, self.n_actions))

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        shape = (count,) if self.single else (count, len(self.choices))
        return arrays.actions("actions", actions, shape, self.choices)

    def _public(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return actions[:, 0] if self.single else actions

    def __repr__(self) -> str:
        n_actions = self.choices[0] if self.single else self.choices
        return (
            f"{type(self).__name__}(observation_size={self.observation_size}, "
            f"n_actions={n_actions})"
        )
