"""Policies to export, and what runs the exported files in each format."""

import functools
import itertools
import types
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import fastpg
import reference
from c_program import CProgram
from export_heads import head_of, stands_for
from fastpg.spaces.flat import flatten

COUNT = 1000  # observations of a case


class Shaped(gymnasium.Env):
    """An environment of given spaces, whose steps nobody takes."""

    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space


def model(observation_space, action_space, policy="linear", seed=0, scale=1.0, **kwargs):
    """An algorithm whose policy has random parameters, and a normaliser that has seen numbers."""
    rng = np.random.default_rng(seed)
    algo = fastpg.PPO(
        policy, Shaped(observation_space, action_space), policy_kwargs=kwargs, seed=seed
    )
    made = algo.policy
    theta = rng.normal(size=made.shape) * scale
    if hasattr(made, "net_arch"):
        sizes = [made.observation_size, *made.net_arch, made._distribution.outputs]
        parts = [
            1.5 * rng.normal(size=(a + 1) * b) / np.sqrt(a) for a, b in itertools.pairwise(sizes)
        ]
        theta[: sum(map(len, parts))] = scale * np.concatenate(parts)
    if hasattr(made, "log_std"):
        theta[-made.action_size :] = rng.uniform(-2.0, 0.5, made.action_size)
    made.theta = theta
    if made.normalizer is not None:
        made.observe(3.0 + 2.0 * rng.normal(size=(100, made.observation_size)))
    return algo


def equal_columns(count, size, rng):
    """Policies with the same weights for every action."""
    linear = fastpg.LinearSoftmax(size, count)
    linear.theta = np.repeat(rng.normal(size=(size + 1, 1)), count, axis=1)
    mlp = fastpg.MlpSoftmax(size, count, net_arch=[13])
    first = 13 * (size + 1)
    last = np.repeat(rng.normal(size=(14, 1)), count, axis=1).ravel()
    mlp.theta = np.concatenate([rng.normal(size=first), last])
    return linear, mlp


class Inputs:
    """Random observations of a model, with masks and steps where its policy takes them."""

    def __init__(self, algo, count=COUNT, seed=1, observations=None):
        rng = np.random.default_rng(seed)
        self.algo, self.policy = algo, algo.policy
        if observations is None:
            observations = random_observations(algo.observation_space, count, rng)
        self.observations = observations
        self.flat = flatten(algo.observation_space, observations)
        self.count = len(self.flat)
        self.steps = rng.integers(0, 300, self.count) if self.policy.feature_map.time else None
        masked = self.policy.masked
        self.mask = random_mask(self.policy.choices, self.count, rng) if masked else None

    @property
    def masked(self):
        """Without masks, and with them if the policy takes any."""
        return (False,) if self.mask is None else (False, True)

    @functools.cached_property
    def head(self):
        """What is known of the outputs and actions in its files."""
        return head_of(self.algo)

    @functools.cached_property
    def phi(self):
        return self.policy.features(self.flat, self.steps)

    def predicted(self, masked=False):
        """What fastpg predicts."""
        masks = {"action_masks": self.mask} if masked else {}
        steps = {} if self.steps is None else {"step_index": self.steps}
        return self.algo.predict(self.observations, deterministic=True, **masks, **steps)[0]

    def dist(self, masked=False):
        return self.policy.distribution(self.phi, mask=self.mask if masked else None)

    def outputs(self, masked=False):
        """The same in the form of the files' outputs."""
        return stands_for(self.policy, self.dist(masked))

    def slack(self, numbers, dtype):
        """What rounding may change in outputs, (n, 1).

        It is relative to them; in linear and in random policies, whose terms may cancel, to the sum
        of the magnitudes that the last layer adds up.
        """
        scale = np.abs(numbers).max(axis=1, keepdims=True)
        scale = np.maximum(scale, np.sqrt(np.square(numbers).mean()))
        linear = self.policy.is_linear
        if linear or isinstance(self, Bare):
            scale = np.maximum(scale, self.terms().max(axis=1, keepdims=True))
        return (1e-11 if linear and dtype != "float" else 1e-5) * scale

    def terms(self):
        """The sum of the magnitudes that the last layer adds up, (n, outputs)."""
        policy = self.policy
        network = policy.theta.ravel()[: policy._network.parameters]
        if policy.is_linear:
            return np.abs(self.phi) @ np.abs(network.reshape(policy.n_features, -1))
        sizes = [policy.observation_size, *policy.net_arch, policy._distribution.outputs]
        trace = reference.mlp(network, sizes, policy.activation_fn, self.flat.astype(float))[1]
        weights, bias = map(np.abs, policy.layers[-1])
        return np.abs(trace[-1][0]) @ weights + bias


class Bare(Inputs):
    """Observations of a policy without an algorithm, with masks for discrete actions."""

    def __init__(self, policy, flat, mask=None):
        self.algo = self.policy = policy
        self.flat, self.mask, self.steps = np.asarray(flat, np.float32), mask, None
        self.count = len(self.flat)

    def predicted(self, masked=False):
        policy, mask = self.policy, self.mask if masked else None
        actions = policy.for_environment(policy.act(self.flat, None, mask, None, 0))
        return actions.astype(np.float32) if actions.dtype.kind == "f" else actions


def random_observations(space, count, rng):
    """As a vector environment gives them."""
    if isinstance(space, spaces.Dict):
        return {key: random_observations(part, count, rng) for key, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(random_observations(part, count, rng) for part in space)
    if isinstance(space, spaces.Box):
        return (2.0 * rng.normal(size=(count, *space.shape))).astype(space.dtype)
    space.seed(int(rng.integers(1000)))
    return np.array([space.sample() for _ in range(count)])


def random_mask(choices, count, rng):
    """With an allowed action in each choice."""
    parts = []
    for actions in choices:
        part = rng.random((count, actions)) < 0.5
        part[np.arange(count), rng.integers(actions, size=count)] = True
        parts.append(part)
    return np.hstack(parts)


def numpy_module(path):
    """The module in a file, compiled anew.

    An import would take the bytecode of the file that stood there before, if both were written in
    the same second and are of the same size.
    """
    module = types.ModuleType(path.stem)
    exec(compile(path.read_text(), path, "exec"), module.__dict__)
    return module


def in_numpy(given, folder, *, masked=False, dtype=None):
    """Actions, logits (ln pi) or means."""
    module = numpy_module(fastpg.export(given.algo, folder / "policy.py", dtype=dtype))
    step = {} if given.steps is None else {"step_index": given.steps}
    mask = {"action_mask": given.mask} if masked else {}
    action = module.predict(given.flat, **mask, **step)
    numbers = getattr(module, given.head.numpy_function)(given.flat, **mask, **step)
    found = SimpleNamespace(action=action, numbers=numbers, masked=masked)
    if hasattr(module, "log_std"):
        found.log_std = module.log_std(given.flat, **step)
    return found


def onnx_session(path):
    """A session on one thread."""
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def in_onnx(given, folder, *, masked=False, dtype=None):
    """Actions, logits or means."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    path = folder / "policy.onnx"
    session = onnx_session(fastpg.export(given.algo, path, dtype=dtype, action_mask=masked))
    feed = {"observation": given.flat}
    feed |= {} if given.steps is None else {"step_index": given.steps}
    feed |= {"action_mask": given.mask} if masked else {}
    names = [each.name for each in session.get_outputs()]
    found = dict(zip(names, session.run(None, feed), strict=True))
    found["numbers"] = found.pop(given.head.onnx_output)
    return SimpleNamespace(**found, masked=masked)


FORMATS = {"numpy": in_numpy, "onnx": in_onnx}
every_format = pytest.mark.parametrize("to", [*FORMATS, "c"])


def found_in(to, folder, givens, dtypes=None, *, masked=False):
    """What files of several policies give, by name; those in C are one program.

    givens: inputs by name; dtypes: given ones by this name.
    """
    dtypes = dtypes or {}
    if to == "c":
        program = CProgram(folder, {name: each.algo for name, each in givens.items()}, dtypes)
        return {name: program.run(name, each, masked=masked) for name, each in givens.items()}
    return {
        name: FORMATS[to](each, folder, masked=masked, dtype=dtypes.get(name))
        for name, each in givens.items()
    }


def found_for(to, folder, given, **arguments):
    """The same of one policy."""
    return found_in(to, folder, {"policy": given}, **arguments)["policy"]
