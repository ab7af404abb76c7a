"""Action masks, wherever an environment tells them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from fastpg import arrays
from fastpg.arrays import Bools


class Masks:
    """Asks a vector environment which actions are allowed.

    The places, in this order: `info["action_mask"]`; an `action_masks()` method of the vector
    environment, of one of its wrappers too; the same method of the environments in it.

    Args:
        env: the vector environment.
        size: number of actions, of all choices together.

    Attributes:
        given: whether the environment has ever given a mask.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], size: int) -> None:
        self.env = env
        self.size = size
        self.given = False
        self._asks_each: bool | None = None

    def of(self, info: dict[str, Any]) -> Bools | None:
        """The masks after a step or a reset, (num_envs, size); None where there are none."""
        masks = self.in_info(info)
        if masks is None:
            masks = self._asked()
        self.given = self.given or masks is not None
        return masks

    def in_info(self, info: dict[str, Any]) -> Bools | None:
        """The masks of an info; all True for the environments that gave none there."""
        if "action_mask" not in info:
            return None
        count = self.env.num_envs
        masks = np.ones((count, self.size), dtype=np.bool_)
        known = np.flatnonzero(info.get("_action_mask", np.ones(count, dtype=np.bool_)))
        given = info["action_mask"]
        rows = given[known] if isinstance(given, np.ndarray) else [given[i] for i in known]
        masks[known] = arrays.action_masks("info['action_mask']", rows, self.size)
        return masks

    def merged(
        self, info: dict[str, Any], reset_info: dict[str, Any], was_reset: Bools
    ) -> dict[str, Any]:
        """An info with the masks of a step and of the resets that followed it."""
        given = [self.in_info(each) for each in (info, reset_info)]
        if given[0] is None and given[1] is None:
            return {}
        every = np.ones((len(was_reset), self.size), dtype=np.bool_)
        step, reset = (every if masks is None else masks for masks in given)
        return {"action_mask": np.where(was_reset[:, None], reset, step)}

    def _asked(self) -> Bools | None:
        ask = getattr(self.env, "action_masks", None)
        if callable(ask):
            given = ask()
        elif self._each_has_the_method():
            base: Any = self.env.unwrapped
            given = base.call("action_masks")
        else:
            return None
        masks = arrays.action_masks("action_masks()", given, self.size)
        if len(masks) != self.env.num_envs:
            raise ValueError(
                f"action_masks(): expected masks of {self.env.num_envs} environments, got "
                f"{len(masks)}"
            )
        return masks

    def _each_has_the_method(self) -> bool:
        """Asked once; where the method is missing, a call would end AsyncVectorEnv's workers."""
        if self._asks_each is None:
            base: Any = self.env.unwrapped
            usual = isinstance(base, AsyncVectorEnv) and has_usual_workers(base)
            self._asks_each = (isinstance(base, SyncVectorEnv) or usual) and all(
                base.call("has_wrapper_attr", "action_masks")
            )
        return self._asks_each


def has_usual_workers(env: AsyncVectorEnv) -> bool:
    """Whether its processes run Gymnasium's own worker, which answers calls."""
    return getattr(env, "worker", None) is None
