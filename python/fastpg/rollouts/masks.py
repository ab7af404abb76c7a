"""Action masks of environments."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from fastpg import arrays
from fastpg.arrays import Bools


class Masks:
    """Reads the action masks of a vector environment.

    They are looked for in this order: in `info["action_mask"]`; in a method `action_masks()` of the
    vector environment or of one of its wrappers; in the same method of its single environments.

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
        self._each_has_method: bool | None = None

    def of(self, info: dict[str, Any]) -> Bools | None:
        """The masks after a step or a reset.

        Args:
            info: info of the step or reset.

        Returns:
            Bool (num_envs, size), True for allowed actions; None if the environment gives none.

        Raises:
            ValueError: a mask of another size, or values other than 0 and 1.
        """
        masks = self.in_info(info)
        if masks is None:
            masks = self._from_methods()
        self.given = self.given or masks is not None
        return masks

    def in_info(self, info: dict[str, Any]) -> Bools | None:
        """The masks in an info.

        Args:
            info: info of a step or a reset.

        Returns:
            Bool (num_envs, size), all True for environments without a mask; None without the entry
                "action_mask".

        Raises:
            ValueError: a mask of another size, or values other than 0 and 1.
        """
        if "action_mask" not in info:
            return None
        count = self.env.num_envs
        if "_action_mask" not in info and len(info["action_mask"]) == count:
            return arrays.action_masks("info['action_mask']", info["action_mask"], self.size)
        masks = np.ones((count, self.size), dtype=np.bool_)
        known = np.flatnonzero(info.get("_action_mask", np.ones(count, dtype=np.bool_)))
        given = info["action_mask"]
        rows = given[known] if isinstance(given, np.ndarray) else [given[i] for i in known]
        masks[known] = arrays.action_masks("info['action_mask']", rows, self.size)
        return masks

    def merged(
        self, info: dict[str, Any], reset_info: dict[str, Any], was_reset: Bools
    ) -> dict[str, Any]:
        """Merge the masks of a step with those of the resets after it.

        Args:
            info: info of the step.
            reset_info: info of the reset.
            was_reset: bool (num_envs,), the environments that were reset.

        Returns:
            An info with the merged masks; empty if neither info has masks.

        Raises:
            ValueError: a mask of another size, or values other than 0 and 1.
        """
        given = [self.in_info(each) for each in (info, reset_info)]
        if given[0] is None and given[1] is None:
            return {}
        every = np.ones((len(was_reset), self.size), dtype=np.bool_)
        step, reset = (every if masks is None else masks for masks in given)
        return {"action_mask": np.where(was_reset[:, None], reset, step)}

    def _from_methods(self) -> Bools | None:
        method = getattr(self.env, "action_masks", None)
        if callable(method):
            given = method()
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
        """Checked once, since calling a missing method would end the workers of AsyncVectorEnv."""
        if self._each_has_method is None:
            base: Any = self.env.unwrapped
            usual = isinstance(base, AsyncVectorEnv) and has_usual_workers(base)
            self._each_has_method = (isinstance(base, SyncVectorEnv) or usual) and all(
                base.call("has_wrapper_attr", "action_masks")
            )
        return self._each_has_method


def has_usual_workers(env: AsyncVectorEnv) -> bool:
    """Whether the processes run Gymnasium's own worker function, which supports `call`.

    Args:
        env: a vector environment.

    Returns:
        False for a custom worker function.
    """
    return getattr(env, "worker", None) is None
