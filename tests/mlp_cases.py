"""Random policies whose network is a perceptron, and what float64 NumPy makes of them."""

import itertools
from functools import cached_property

import gymnasium
import numpy as np
from gymnasium import spaces

import reference
from mlp_kinds import KINDS, kind_of

ACTIVATIONS = ("tanh", "relu", "elu", "silu")
_MOST = 3_000_000  # numbers of a Jacobian


class Case:
    """A policy and samples of it. J: derivatives of logits, or of means and ln sigma, by theta."""

    def __init__(self, policy, phi, mask, actions, rng):
        self.policy, self.phi, self.mask = policy, phi, mask
        self.n, self.theta = len(phi), policy.theta
        self.kind = kind_of(policy)(policy, mask)
        self.sizes = [phi.shape[1], *policy.net_arch, policy._distribution.outputs]
        self.weights = rng.normal(size=self.n)
        self.direction = rng.normal(size=len(self.theta))
        self.dist, self.jacobian = self.at(self.theta)
        self.actions = self.drawn(rng) if actions is None else actions

    def at(self, theta):
        """`dist` and J at other parameters."""
        network, own = self.split(theta)
        activation = self.policy.activation_fn
        outputs, jacobian = reference.mlp_jacobian(network, self.sizes, activation, self.phi)
        return self.kind.at(outputs, jacobian, own)

    def split(self, theta):
        """Parameters of the network, and of the distribution itself."""
        return np.split(theta, [self.policy._network.parameters])

    def near_a_bound(self, theta):
        """Whether rounding could clip another output."""
        network, _ = self.split(theta)
        outputs, _ = reference.mlp(network, self.sizes, self.policy.activation_fn, self.phi)
        return self.kind.near_a_bound(outputs)

    def project(self, theta):
        """The nearest allowed parameters."""
        network, own = self.split(theta)
        return np.concatenate([network, self.kind.project(own)])

    def drawn(self, rng):
        uniforms = rng.random((self.n, self.policy._action_size)) * 0.998 + 0.001
        return self.policy.sample(self.dist, uniforms)

    def log_prob(self, dist):
        return self.kind.log_prob(dist, self.actions)

    def scores(self, dist):
        """Derivatives of ln pi(a|s) by logits, or by means and ln sigma."""
        return self.kind.scores(dist, self.actions)

    def entropy(self, dist):
        return self.kind.entropy(dist)

    @property
    def entropy_slopes(self):
        return self.kind.entropy_slopes(self.dist)

    def kl(self, old, new):
        return self.kind.kl(old, new)

    def kl_gradient(self, theta):
        """Of the mean KL(dist | dist at theta) by theta."""
        new, jacobian = self.at(theta)
        return mean_back(jacobian, self.kind.kl_slopes(self.dist, new))

    @cached_property
    def curvature(self):
        """B, (n, k, k): the Fisher matrix of the distribution itself."""
        return self.kind.curvature(self.dist)

    @property
    def sampled_curvature(self):
        scores = self.scores(self.dist)
        return scores[:, :, None] * scores[:, None, :]

    def fisher_product(self, curvature, vector):
        along = self.jacobian @ vector
        return mean_back(self.jacobian, np.einsum("nkl,nl->nk", curvature, along))

    def fisher(self, curvature):
        size = len(self.theta)
        products = np.einsum("nkl,nlp->nkp", curvature, self.jacobian).reshape(-1, size)
        return self.jacobian.reshape(-1, size).T @ products / self.n

    @cached_property
    def norms(self):
        """|J| of each sample."""
        return np.linalg.norm(self.jacobian, axis=(1, 2))


def mean_back(jacobian, slopes):
    n, _, size = jacobian.shape
    return jacobian.reshape(-1, size).T @ slopes.ravel() / n


def away_from_kinks(theta, sizes, activation, phi):
    """The rows whose units are not so near 0 that rounding could change a slope of relu."""
    if activation not in ("relu", "elu"):
        return phi
    _, trace = reference.mlp(theta, sizes, activation, phi)
    near = np.zeros(len(phi), bool)
    for _, z, _ in trace[:-1]:
        near |= (np.abs(z) < 1e-5 * (1.0 + np.abs(z).max())).any(axis=1)
    return phi[~near]


def make(rng, kind, activation, hidden, observation_size, outputs, n):
    """A case with weights of the scale of trained ones.

    kind: a key of `KINDS`; outputs: as in its class.
    """
    of = KINDS[kind]
    policy = of.made(observation_size, outputs, net_arch=hidden, activation_fn=activation)
    own = of.own(rng, outputs)
    sizes, parts = [observation_size, *hidden, of.width(outputs)], []
    gain = 1.5 if activation == "relu" else 1.2
    for fan_in, fan_out in itertools.pairwise(sizes):
        parts += [gain * rng.normal(size=fan_in * fan_out) / np.sqrt(fan_in)]
        parts += [0.3 * rng.normal(size=fan_out)]
    of.spread_biases(rng, parts[-1], outputs)
    network = np.concatenate(parts)
    policy.theta = np.concatenate([network, own])
    phi = rng.normal(size=(n, observation_size)).astype(np.float32).astype(float)
    phi = away_from_kinks(network, sizes, activation, phi)
    found, _ = reference.mlp(network, sizes, activation, phi)
    phi = phi[of.usable(found, outputs)]
    if len(phi) == 0:
        return None
    return Case(policy, phi, of.random_mask(rng, len(phi), outputs), None, rng)


def random_case(seed, most_parameters=None):
    """None if no sample is left, or there are too many parameters."""
    rng = np.random.default_rng(seed)
    kind, activation = [*KINDS][rng.integers(len(KINDS))], ACTIVATIONS[rng.integers(4)]
    layers = (0, 1, 2, 10)[rng.integers(4)]
    widest = 64 if most_parameters is None else 5
    hidden = np.exp(rng.uniform(0.0, np.log(widest + 1), layers)).astype(int).tolist()
    d = int(rng.integers(1, 9 if most_parameters is None else 4))
    outputs = KINDS[kind].random_outputs(rng)
    n = int((1, 7, 40, 129, 300)[rng.integers(5)])
    sizes = [d, *hidden, KINDS[kind].width(outputs)]
    parameters = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    if most_parameters is not None and parameters > most_parameters:
        return None
    n = max(1, min(n, _MOST // (parameters * sizes[-1])))
    return make(rng, kind, activation, hidden, d, outputs, n)


class Aim(gymnasium.Env):
    """Three numbers are seen; a choice is to be the largest of them, or a Box near the first."""

    observation_space = spaces.Box(-1.0, 1.0, (3,), np.float32)

    def __init__(self, box, size=1):
        self.action_space = spaces.Box(-2.0, 2.0, (size,)) if box else spaces.Discrete(3)
        self.box = box

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        self.seen = self.np_random.uniform(-1.0, 1.0, 3).astype(np.float32)
        return self.seen, {}

    def step(self, action):
        missed = float(np.sum((action - self.seen[0]) ** 2)) if self.box else 0.0
        reward = -missed if self.box else float(action == np.argmax(self.seen))
        self.steps += 1
        self.seen = self.np_random.uniform(-1.0, 1.0, 3).astype(np.float32)
        return self.seen, reward, self.steps >= 10, False, {}
