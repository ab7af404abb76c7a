"""Action masks of environments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from fastpg import arrays
from fastpg.arrays import Bools

_METHOD = "action_masks"  # of an environment, or of a wrapper


class Masks:
    """Reads the action masks of a vector environment.

    Each environment's mask is looked for in this order: in `info["action_mask"]`; in a method
    `action_masks()` of the vector environment or of one of its wrappers; in the same method of the
    single environment. One without a mask may take any action.

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
        self._all: Sequence[int] = range(env.num_envs)
        self._having: frozenset[int] | None = None  # environments with the method

    def of(self, info: dict[str, Any]) -> Bools | None:
        """The masks after a step or a reset.

        Args:
            info: info of the step or reset.

        Returns:
            Bool (num_envs, size), True for allowed actions; None if the environment gives none.

        Raises:
            ValueError: a mask of another size, or values other than 0 and 1; or only some
                environments of an AsyncVectorEnv have the method.
        """
        masks, missing = self._in_info(info)
        asked = self._from_methods(missing) if missing else None
        if masks is None:
            masks = asked
        elif asked is not None:
            masks[missing] = asked[missing]
        self.given = self.given or masks is not None
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
        (step, unknown), (reset, reset_unknown) = map(self._in_info, (info, reset_info))
        if step is None and reset is None:
            return {}
        every = np.ones((len(was_reset), self.size), dtype=np.bool_)
        step, reset = (every if masks is None else masks for masks in (step, reset))
        merged = {"action_mask": np.where(was_reset[:, None], reset, step)}
        if unknown or reset_unknown:
            known = np.ones((2, len(was_reset)), dtype=np.bool_)
            known[0, unknown] = known[1, reset_unknown] = False
            merged["_action_mask"] = np.where(was_reset, known[1], known[0])
        return merged

    def _in_info(self, info: dict[str, Any]) -> tuple[Bools | None, Sequence[int]]:
        """The masks in an info, None without any, and the environments of which it has none."""
        if "action_mask" not in info:
            return None, self._all
        count = self.env.num_envs
        if "_action_mask" not in info and len(info["action_mask"]) == count:
            return arrays.action_masks("info['action_mask']", info["action_mask"], self.size), ()
        masks = np.ones((count, self.size), dtype=np.bool_)
        flags = np.asarray(info.get("_action_mask", np.ones(count, dtype=np.bool_)))
        known = np.flatnonzero(flags)
        given = info["action_mask"]
        rows = given[known] if isinstance(given, np.ndarray) else [given[i] for i in known]
        masks[known] = arrays.action_masks("info['action_mask']", rows, self.size)
        return masks, () if len(known) == count else np.flatnonzero(flags == 0).tolist()

    def _from_methods(self, wanted: Sequence[int]) -> Bools | None:
        """The masks that methods give; those of other environments than `wanted` do not matter."""
        method = getattr(self.env, "action_masks", None)
        if callable(method):
            return self._checked(method(), self.env.num_envs)
        having = self._with_the_method()
        asked = sorted(having.intersection(wanted)) if having else []
        if not asked:
            return None
        given = self._checked(self._ask(asked), len(asked))
        if len(asked) == self.env.num_envs:
            return given
        masks = np.ones((self.env.num_envs, self.size), dtype=np.bool_)
        masks[asked] = given
        return masks

    def _checked(self, given: Any, count: int) -> Bools:
        masks = arrays.action_masks("action_masks()", given, self.size)
        if len(masks) != count:
            raise ValueError(
                f"action_masks(): expected masks of {count} environments, got {len(masks)}"
            )
        return masks

    def _ask(self, asked: list[int]) -> list[Any]:
        """What the methods of single environments return."""
        base: Any = self.env.unwrapped
        if isinstance(base, SyncVectorEnv):
            found = [base.envs[i].get_wrapper_attr(_METHOD) for i in asked]
            return [method() if callable(method) else method for method in found]
        if len(self._with_the_method()) < self.env.num_envs:
            # Calling a missing method would end the workers.
            raise ValueError(
                f"action_masks(): expected the method in all environments of an AsyncVectorEnv, or "
                f"in none, got it in {len(self._with_the_method())} of {self.env.num_envs}: give "
                "it to all, or use a SyncVectorEnv"
            )
        given = base.call(_METHOD)
        return [given[i] for i in asked]

    def _with_the_method(self) -> frozenset[int]:
        """The single environments that have the method and can be asked; found once."""
        if self._having is None:
            base: Any = self.env.unwrapped
            usual = isinstance(base, AsyncVectorEnv) and has_usual_workers(base)
            asks = isinstance(base, SyncVectorEnv) or usual
            have = base.call("has_wrapper_attr", _METHOD) if asks else ()
            self._having = frozenset(np.flatnonzero(have).tolist())
        return self._having


def has_usual_workers(env: AsyncVectorEnv) -> bool:
    """Whether the processes run Gymnasium's own worker function, which supports `call`.

    Args:
        env: a vector environment.

    Returns:
        False for a custom worker function.
    """
    return getattr(env, "worker", None) is None
