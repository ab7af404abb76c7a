"""MlpSoftmax and MlpGaussian: policies whose network is a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from fastpg import _core, arrays
from fastpg.arrays import Floats
from fastpg.policies.base import Policy, State
from fastpg.policies.features import Inputs
from fastpg.policies.gaussian import LOG_STD_RANGE, Gaussian
from fastpg.policies.softmax import Softmax
from fastpg.suggestions import one_of

ACTIVATIONS = tuple(each.name for each in _core.Activation)
NET_ARCH = (64, 64)
_HIDDEN_GAIN, _OUTPUT_GAIN = (
    math.sqrt(2.0),
    0.01,
)  # of orthogonal matrices (Andrychowicz et al. 2021)
_MOST_WIDTH, _MOST_LAYERS, _MOST_PARAMETERS = 2**24, 256, 2**30


class Layer(NamedTuple):
    """Views of the parameters of a layer, read-only."""

    weights: Floats  # W, (fan_in, fan_out): a layer computes x W + bias
    bias: Floats  # (fan_out,)


def layer_sizes(name: str, net_arch: Any) -> list[int]:
    """Widths of hidden layers.

    Args:
        name: of the argument, for error messages.
        net_arch: integers in [1, 2^24]; none of them is an affine map.

    Raises:
        TypeError: another type.
        ValueError: a width out of range, or more than 256 of them.
    """
    if isinstance(net_arch, str | bytes | Mapping) or not isinstance(net_arch, Iterable):
        raise TypeError(f"{name}: expected the widths of the hidden layers, got {net_arch!r}")
    widths = [arrays.integer(name, width, 1, _MOST_WIDTH) for width in net_arch]
    if len(widths) > _MOST_LAYERS:
        raise ValueError(f"{name}: expected at most {_MOST_LAYERS} layers, got {len(widths)}")
    if sum((a + 1) * b for a, b in pairwise([1, *widths])) > _MOST_PARAMETERS:
        raise ValueError(f"{name}: expected at most {_MOST_PARAMETERS} parameters, got {widths}")
    return widths


def _two_sizes(net_arch: Any) -> tuple[list[int], list[int]]:
    """The widths for the policy, and for a value network beside it."""
    if not isinstance(net_arch, Mapping):
        sizes = layer_sizes("net_arch", net_arch)
        return sizes, list(sizes)
    if set(net_arch) != {"pi", "vf"}:
        raise ValueError(f"net_arch: expected the keys 'pi' and 'vf', got {list(net_arch)!r}")
    return layer_sizes("net_arch['pi']", net_arch["pi"]), layer_sizes(
        "net_arch['vf']", net_arch["vf"]
    )


def initial_weights(
    sizes: Sequence[int], orthogonal: bool, output_gain: float, seed: int
) -> Floats:
    """Parameters of a new perceptron, layer by layer W (fan_in, fan_out) in C order, then the bias.

    Args:
        sizes: of the input, the hidden layers and the output.
        orthogonal: orthogonal W times sqrt(2) (times `output_gain` in the last layer), biases 0;
            otherwise both uniform within 1 / sqrt(fan_in).
        output_gain: gain of the last layer.
        seed: of the random numbers.

    Returns:
        (P,).
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    parts = []
    for index, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        if orthogonal:
            gain = output_gain if index == len(sizes) - 2 else _HIDDEN_GAIN
            parts += [_core.orthogonal(fan_in, fan_out, gain, seed, index).ravel()]
            parts += [np.zeros(fan_out)]
        else:
            most = 1.0 / math.sqrt(fan_in)
            parts += [rng.uniform(-most, most, (fan_in + 1) * fan_out)]
    return np.concatenate(parts)


class Perceptron(Policy):
    """What both classes share; it stands before `Softmax` or `Gaussian` among their bases."""

    _network: _core.Mlp
    _most = 1e15  # in float32

    def _set_mlp(
        self,
        observation_size: int,
        net_arch: Any,
        activation_fn: str,
        ortho_init: bool,
        seed: int,
    ) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1)
        self.feature_map = Inputs(self.observation_size)
        self.net_arch, self.value_arch = _two_sizes(net_arch)
        self.activation_fn = one_of("activation_fn", activation_fn, ACTIVATIONS)
        self.ortho_init = arrays.boolean("ortho_init", ortho_init)
        self.initial_seed = arrays.seed(seed)

    def _make_network(self) -> _core.Mlp:
        activation = _core.Activation[self.activation_fn]
        return _core.Mlp(self.n_features, self.net_arch, self._distribution.outputs, activation)

    @property
    def _layer_sizes(self) -> list[int]:
        return [self.n_features, *self.net_arch, self._distribution.outputs]

    def _initial_weights(self) -> Floats:
        return initial_weights(self._layer_sizes, self.ortho_init, _OUTPUT_GAIN, self.initial_seed)

    @property
    def layers(self) -> list[Layer]:
        """The parameters by layer, from the input on; read-only views of theta."""
        layers, begin = [], 0
        for fan_in, fan_out in pairwise(self._layer_sizes):
            middle = begin + fan_in * fan_out
            weights = self._theta[begin:middle].reshape(fan_in, fan_out)
            begin = middle + fan_out
            layers.append(Layer(weights, self._theta[middle:begin]))
        return layers

    def _sees_nothing_yet(self) -> bool:
        """Whether nothing was observed yet, and the last layer is as small as `ortho_init` has it.

        With bounded activations such a policy is almost the same, whatever its inputs are.
        """
        if self.normalizer is None or self.normalizer.count:
            return False
        return (
            self.activation_fn == "tanh"
            and bool(self.net_arch)
            and bool(np.abs(self.layers[-1].weights).max() <= _OUTPUT_GAIN)
        )

    def __repr__(self) -> str:
        of_any = super().__repr__().removesuffix(")")
        return f"{of_any}, net_arch={self.net_arch}, activation_fn={self.activation_fn!r})"

    def state(self) -> State:
        """As for every policy, with the layers."""
        stored, meta = super().state()
        return stored, meta | {
            "net_arch": self.net_arch,
            "value_arch": self.value_arch,
            "activation_fn": self.activation_fn,
            "ortho_init": self.ortho_init,
            "initial_seed": self.initial_seed,
        }


class MlpSoftmax(Perceptron, Softmax):
    """A softmax policy whose logits are the outputs of a multilayer perceptron.

    theta is flat, (P,): layer by layer W (fan_in, fan_out) in C order, then the bias (fan_out,).
    Weights and activations are rounded to float32 where the network is computed; distributions,
    gradients, Fisher products and their sums are float64.

    Args:
        observation_size: length d of an observation.
        n_actions: number of discrete actions, or one number for each choice.
        theta: parameters (P,); by default those of `ortho_init`.
        net_arch: widths of the hidden layers; () is an affine map. {"pi": …, "vf": …} gives a
            value network, with `baseline="mlp"`, widths of its own.
        activation_fn: "tanh", "relu", "elu" or "silu", after each hidden layer.
        ortho_init: start with orthogonal W times sqrt(2), the last times .01, and biases 0: an
            almost uniform policy. False: both uniform within 1 / sqrt(fan_in).
        normalize_observations: see `Policy`.
        seed: of the initial parameters, in [0, 2^64).
    """

    kind = "mlp_softmax"

    def __init__(
        self,
        observation_size: int,
        n_actions: int | Sequence[int],
        theta: Any = None,
        *,
        net_arch: Sequence[int] | Mapping[str, Sequence[int]] = NET_ARCH,
        activation_fn: str = "tanh",
        ortho_init: bool = True,
        normalize_observations: bool = False,
        seed: int = 0,
    ) -> None:
        self._set_actions(n_actions)
        self._set_mlp(observation_size, net_arch, activation_fn, ortho_init, seed)
        self._set_up(normalize_observations, theta)


class MlpGaussian(Perceptron, Gaussian):
    """A Gaussian policy whose means are the outputs of a multilayer perceptron.

    theta is flat, (P,): layer by layer W (fan_in, fan_out) in C order, then the bias (fan_out,);
    at the end ln sigma (action_size,), as for every `Gaussian`. Precision as in `MlpSoftmax`.

    With `state_dependent_std` the network has 2 action_size outputs: the means, then ln sigma,
    clipped to [-10, 2]. At these bounds and beyond, ln sigma has no gradient. theta ends with the
    last bias.

    Args:
        observation_size: length d of an observation.
        action_size: length of an action.
        theta: parameters (P,); by default those of `ortho_init` and `log_std_init`.
        net_arch, activation_fn, ortho_init: as in `MlpSoftmax`; a policy of mean almost 0.
        normalize_observations: see `Policy`.
        seed: of the initial parameters, in [0, 2^64).
        low: lower bounds of the actions that the environment gets, (action_size,).
        high: upper bounds.
        log_std_init: ln sigma at the start, in [-10, 2]; with `state_dependent_std` the last bias
            of ln sigma, between these bounds.
        state_dependent_std: whether sigma is another in each state, instead of the same in all.
    """

    kind = "mlp_gaussian"

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        theta: Any = None,
        *,
        net_arch: Sequence[int] | Mapping[str, Sequence[int]] = NET_ARCH,
        activation_fn: str = "tanh",
        ortho_init: bool = True,
        normalize_observations: bool = False,
        seed: int = 0,
        low: Any = None,
        high: Any = None,
        log_std_init: float = 0.0,
        state_dependent_std: bool = False,
    ) -> None:
        self.state_dependent_std = arrays.boolean("state_dependent_std", state_dependent_std)
        self._set_actions(action_size, low, high, log_std_init)
        self._set_mlp(observation_size, net_arch, activation_fn, ortho_init, seed)
        self._set_up(normalize_observations, theta)

    def _set_actions(self, action_size: int, low: Any, high: Any, log_std_init: float) -> None:
        super()._set_actions(action_size, low, high, log_std_init)
        if self.state_dependent_std and float(np.float32(self.log_std_init)) in LOG_STD_RANGE:
            raise ValueError(
                "log_std_init: expected a number between the bounds -10 and 2 with "
                f"state_dependent_std, since it has no gradient there, got {self.log_std_init}"
            )

    def _initial_weights(self) -> Floats:
        weights = super()._initial_weights()
        if self.state_dependent_std:
            weights[-self.action_size :] = self.log_std_init  # the last bias, of ln sigma
        return weights

    def __repr__(self) -> str:
        of_any = super().__repr__()
        if not self.state_dependent_std:
            return of_any
        return f"{of_any.removesuffix(')')}, state_dependent_std=True)"

    def state(self) -> State:
        """As for every policy, with the layers, and whether sigma depends on the state."""
        stored, meta = super().state()
        return stored, meta | {"state_dependent_std": self.state_dependent_std}
