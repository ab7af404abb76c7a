"""A policy with the spaces of its environment, and its `predict`."""

from __future__ import annotations

from typing import Any, Never

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from fastpg import _core, arrays
from fastpg.arrays import Bools, Float32s
from fastpg.policies.base import Policy
from fastpg.spaces.agreement import require_same
from fastpg.spaces.flat import flatten, is_single, to_action_space
from fastpg.suggestions import require_known

_FLOAT32 = np.dtype(np.float32)
_ARGUMENTS = ("observation", "deterministic", "action_masks", "step_index")  # of predict


class PolicyModel:
    """A policy with `predict`, for an environment's observations and actions.

    Attributes:
        policy: the policy that chooses the actions.
        observation_space, action_space: Gymnasium's spaces of one environment.
        seed: seed of sampled actions.
    """

    policy: Policy
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    seed: int
    _predictions: int  # calls of `predict` that sampled

    def require_spaces(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Raise ValueError unless observations and actions mean the same in this environment.

        Args:
            env: environment whose spaces must agree with `observation_space` and `action_space` in
                structure, keys, shapes, numbers of choices and starts; the action spaces also in
                their bounds.
        """
        require_same("observation space", self.observation_space, env.single_observation_space)
        own, other = self.action_space, env.single_action_space
        require_same("action space", own, other, bounds=True)

    def predict(
        self,
        observation: Any,
        deterministic: bool = False,
        *,
        action_masks: Any = None,
        step_index: Any = None,
        **unknown: Never,
    ) -> tuple[Any, None]:
        """Actions for one observation or a batch of them: (action, None).

        An action has the shape of the environment's action space; a batch of them, (n, *shape).

        Args:
            observation: one observation as an environment returns it, or n as a vector environment
                does: arrays (*shape) or (n, *shape), in a dict or tuple if the space is a Dict or
                Tuple.
            deterministic: take the most probable action instead of a sampled one.
            action_masks: the actions that are allowed, in the form of the environment's masks:
                flags or 0 and 1, (n_actions,) for one observation, (n, n_actions) for n.
            step_index: step in the episode, an integer or (n,), for policies with time among their
                features; 0 by default.
            unknown: nothing; other names raise TypeError with a suggestion, here, since a decorator
                would cost a tenth of a call.

        Raises:
            TypeError: an observation that is not of the space's kind, or `deterministic` is not a
                flag; an unknown argument.
            ValueError: an observation of another shape, outside a discrete space, or not finite.
        """
        if unknown:
            require_known("argument of predict", unknown, _ARGUMENTS)
        policy = self.policy
        batch, single = self._batch(observation)
        mask = None if action_masks is None else self._allowed(action_masks, len(batch), single)
        steps = None
        if step_index is not None:
            steps = arrays.steps("step_index", np.atleast_1d(step_index), len(batch))
        stream = None
        if not (deterministic is True or arrays.boolean("deterministic", deterministic)):
            stream = _core.LaneStream(self.seed, _core.RandomStream.prediction)
        try:
            actions = policy.act(batch, steps, mask, stream, self._predictions)
        except ValueError:
            # The error of this check names the number that is not finite.
            arrays.observations("observation", batch, batch.shape[1])
            raise
        self._predictions += stream is not None
        acted = policy.for_environment(actions)
        # A policy's bounds are within those of the space: see `keep_within`.
        given = to_action_space(self.action_space, acted, clipped=bool(policy.bounds))
        return (given[0] if single else given), None

    def _batch(self, observation: Any) -> tuple[Float32s, bool]:
        """Observations (n, d), and whether there was a single one."""
        space = self.observation_space
        if type(observation) is np.ndarray and observation.dtype is _FLOAT32:
            ready = observation.flags.carray and type(space) is spaces.Box
            if ready and observation.shape == space.shape:
                return observation.reshape(1, -1), True
            if ready and observation.shape[1:] == space.shape and len(observation):
                return observation.reshape(len(observation), -1), False
        try:
            single = is_single(space, observation)
            return flatten(space, observation, single=single), single
        except TypeError as error:
            if meant := _meant(space, observation):
                raise TypeError(f"observation: {meant}") from error
            raise

    def _allowed(self, masks: Any, count: int, single: bool) -> Bools | None:
        policy = self.policy
        if policy.masked:
            several = [masks] if single else np.atleast_2d(masks)
            masks = arrays.action_masks("action_masks", several, policy._distribution.outputs)
            if len(masks) != count:
                raise ValueError(
                    f"action_masks: expected one mask for each of the {count} observations, got "
                    f"{len(masks)}"
                )
        return policy._mask(masks, count)


def _meant(space: spaces.Space[Any], observation: Any) -> str:
    """What somebody meant who gave something that is no observation; empty if that is not known."""
    if observation is None:
        return f"expected {_wanted(space)}, got None"
    if kind := _several(space, observation):
        given = type(observation).__name__
        return f"expected one {kind} with arrays of all observations, got a {given} of {kind}s"
    if isinstance(observation, tuple | list) and not _has_infos(space, len(observation)):
        for call, count in (("reset()", 2), ("step(action)", 5)):
            if len(observation) == count and isinstance(observation[-1], dict):
                return (
                    f"expected the observation alone, got the {count} values that env.{call} "
                    "returns: give the first of them"
                )
    if isinstance(observation, dict) and not isinstance(space, spaces.Dict):
        return f"expected {_wanted(space)}, got a dict with {list(observation)}"
    return ""


def _several(space: spaces.Space[Any], observation: Any) -> str:
    """The type of single observations in a list, where the space is a Dict or Tuple, or empty."""
    if not isinstance(observation, tuple | list) or not observation:
        return ""
    if isinstance(space, spaces.Dict):
        keys = space.spaces.keys()
        dicts = all(isinstance(one, dict) and one.keys() >= keys for one in observation)
        return "dict" if dicts else ""
    # A list in a list may be an array.
    whole = isinstance(space, spaces.Tuple) and isinstance(observation, list)
    return "tuple" if whole and all(isinstance(one, tuple) for one in observation) else ""


def _wanted(space: spaces.Space[Any]) -> str:
    if isinstance(space, spaces.Box):
        return f"numbers of shape {space.shape}, or several such observations"
    return f"an observation of {space}, or several"


def _has_infos(space: spaces.Space[Any], count: int) -> bool:
    """Whether an observation of the space is as long, and has a dict at its end."""
    return (
        isinstance(space, spaces.Tuple)
        and len(space.spaces) == count
        and isinstance(space.spaces[-1], spaces.Dict)
    )
