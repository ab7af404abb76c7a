"""From a policy of fastpg to the plan that is exported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium import spaces

from fastpg.arrays import Floats
from fastpg.export.layout import action_line, observation_lines
from fastpg.export.plan import Choices, Layer, Level, Means, Normalizer, Numbers, Plan
from fastpg.policies.base import Policy
from fastpg.policies.features import FeatureMap, Identity, Polynomial, RandomFourier
from fastpg.policies.function_features import FunctionFeatures
from fastpg.policies.gaussian import Gaussian
from fastpg.policies.linear import LinearGaussian, LinearSoftmax
from fastpg.policies.mlp import Perceptron
from fastpg.policies.softmax import Softmax
from fastpg.rollouts.policy_model import PolicyModel
from fastpg.spaces.flat import largest_float

Space = spaces.Space[Any]

_FLOAT_TYPES: dict[str, np.dtype[Any]] = {
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
}


def plan_of(model: PolicyModel | Policy, dtype: str | None = None) -> Plan:
    """The plan of a policy.

    Args:
        model: an algorithm, or a policy alone.
        dtype: "float" or "double"; None: double for a linear policy, float for a perceptron.

    Raises:
        TypeError: neither of them, or features that are a function.
        ValueError: numbers that are not finite in this dtype.
    """
    policy, observation, action = _parts(model)
    kind = _FLOAT_TYPES[dtype or ("float" if isinstance(policy, Perceptron) else "double")]
    levels, layers = _network(policy)
    return Plan(
        policy=type(policy).__name__,
        dtype=kind,
        observation_size=policy.observation_size,
        time=policy.feature_map.time,
        normalizer=_normalizer(policy),
        levels=levels,
        layers=[_rounded(layer, kind) for layer in layers],
        head=_head(policy, action),
        observation=[] if observation is None else observation_lines(observation),
        action=_described(policy) if action is None else action_line(action),
    )


def _parts(model: Any) -> tuple[Policy, Space | None, Space | None]:
    """The policy, and the spaces of its environment."""
    if isinstance(model, PolicyModel):
        return model.policy, model.observation_space, model.action_space
    if isinstance(model, Policy):
        return model, None, None
    raise TypeError(f"model: expected an algorithm or a policy of fastpg, got {model!r}")


def _network(policy: Policy) -> tuple[list[Level], list[Layer]]:
    """Levels of monomials, and layers in float64."""
    if isinstance(policy, Perceptron):
        names = [*(policy.activation_fn for _ in policy.net_arch), "none"]
        pairs = zip(policy.layers, names, strict=True)
        return [], [Layer(of.weights, of.bias, name) for of, name in pairs]
    if isinstance(policy, LinearSoftmax):
        return _linear(policy.feature_map, policy.theta)
    if isinstance(policy, LinearGaussian):
        return _linear(policy.feature_map, policy.weights)
    raise TypeError(f"model: expected a policy of fastpg, got a {type(policy).__name__}")


def _linear(features: FeatureMap, weights: Floats) -> tuple[list[Level], list[Layer]]:
    """The same of weights (n_features, outputs)."""
    if isinstance(features, FunctionFeatures):
        raise TypeError(
            "features: a function cannot be exported, since a file cannot hold it: expected "
            "identity, polynomial or fourier features"
        )
    if isinstance(features, Identity):
        return [], [Layer(weights[:-1], weights[-1])]
    if isinstance(features, Polynomial):
        levels = _levels(features.observation_size + features.time, features.degree)
        return levels, [Layer(weights[1:], weights[0])]
    if isinstance(features, RandomFourier):
        directions, phases = features.directions()
        return [], [Layer(directions.T, phases, "sin"), Layer(weights[:-1], weights[-1])]
    raise TypeError(f"features: expected a map of fastpg, got a {type(features).__name__}")


def _levels(inputs: int, degree: int) -> list[Level]:
    """The products of degree 2 and more, in the order of the kernel: each grows by its last input
    or a later one.
    """
    levels, last = [], np.arange(inputs)
    for _ in range(2, degree + 1):
        parent = np.repeat(np.arange(len(last)), inputs - last)
        factor = np.concatenate([np.arange(k, inputs) for k in last])
        levels.append(Level(parent, factor))
        last = factor
    return levels


def _rounded(layer: Layer, dtype: np.dtype[Any]) -> Layer:
    return replace(layer, weights=_in(dtype, layer.weights), bias=_in(dtype, layer.bias))


def _in(dtype: np.dtype[Any], weights: Numbers) -> Numbers:
    """The weights in a dtype; ValueError if one is not finite."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.ascontiguousarray(weights, dtype=dtype)
    if not np.isfinite(rounded).all():
        raise ValueError(
            f"weights: expected numbers that are finite in {dtype}, got "
            f"{float(np.abs(weights).max()):g}: dtype='double' holds more"
        )
    return rounded


def _normalizer(policy: Policy) -> Normalizer | None:
    used = policy.normalizer
    if used is None or not used.count:
        return None
    return Normalizer(used.mean, used.inverse_std)


def _head(policy: Policy, space: Space | None) -> Choices | Means:
    if isinstance(policy, Softmax):
        return _choices(policy, space)
    assert isinstance(policy, Gaussian)  # every network of `_network` has one of the two
    return _means(policy, space)


def _means(policy: Gaussian, space: Space | None) -> Means:
    dtype = np.dtype(np.float32) if space is None else np.dtype(space.dtype)
    shape = (policy.action_size,) if space is None else tuple(space.shape or ())
    low, high = policy.low, policy.high
    if dtype.kind in "iu":
        high = np.minimum(high, largest_float(dtype))
    log_std = None if policy.state_dependent_std else policy.log_std.copy()
    return Means(log_std, low, high, shape, dtype)


def _choices(policy: Softmax, space: Space | None) -> Choices:
    shape: tuple[int, ...] = () if policy.single else (len(policy.choices),)
    starts, dtype = [0] * len(policy.choices), np.dtype(np.int64)
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        starts = np.ravel(space.start).tolist()
        shape, dtype = tuple(space.shape or ()), np.dtype(space.dtype)
    return Choices(list(policy.choices), starts, shape, dtype)


def _described(policy: Policy) -> str:
    """What an action is, without its space."""
    if isinstance(policy, Softmax):
        return f"integers from 0, {policy.choices[0] if policy.single else policy.choices} of them"
    return f"numbers of shape ({policy._action_size},)"
