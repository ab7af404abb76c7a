"""Random policies whose network is a perceptron, and what float64 NumPy makes of them."""

import itertools
from functools import cached_property

import gymnasium
import numpy as np
from gymnasium import spaces

import fastpg
import reference

ACTIVATIONS = ("tanh", "relu", "elu", "silu")
KINDS = ("softmax", "multi", "gaussian", "state_std")
LOG_STD_RANGE = -10.0, 2.0
_MOST = 3_000_000  # numbers of a Jacobian


class Case:
    """A policy and samples of it. J: derivatives of logits, or of means and ln sigma, by theta."""

    def __init__(self, policy, phi, mask, actions, rng):
        self.policy, self.phi, self.mask = policy, phi, mask
        self.n, self.theta = len(phi), policy.theta
        self.gaussian = isinstance(policy, fastpg.MlpGaussian)
        self.state_std = self.gaussian and policy.state_dependent_std
        self.size = policy.action_size if self.gaussian else policy.n_actions
        self.sizes = [phi.shape[1], *policy.net_arch, self.size * (2 if self.state_std else 1)]
        self.weights = rng.normal(size=self.n)
        self.direction = rng.normal(size=len(self.theta))
        self.dist, self.jacobian = self.at(self.theta)
        self.actions = self.drawn(rng) if actions is None else actions

    def at(self, theta):
        """`dist` and J at other parameters."""
        if not self.gaussian:
            logits, jacobian = reference.mlp_jacobian(
                theta, self.sizes, self.policy.activation_fn, self.phi
            )
            return self._log_softmax(logits), jacobian
        if self.state_std:
            return self._at_state_std(theta)
        network, log_std = np.split(theta, [-self.size])
        means, jacobian = reference.mlp_jacobian(
            network, self.sizes, self.policy.activation_fn, self.phi
        )
        own = np.broadcast_to(np.eye(self.size), (self.n, self.size, self.size))
        whole = np.zeros((self.n, 2 * self.size, len(theta)))
        whole[:, : self.size, : -self.size], whole[:, self.size :, -self.size :] = jacobian, own
        return np.hstack([means, np.broadcast_to(log_std, means.shape)]), whole

    def _at_state_std(self, theta):
        """Outputs beyond a bound are clipped, and have no derivative."""
        outputs, jacobian = reference.mlp_jacobian(
            theta, self.sizes, self.policy.activation_fn, self.phi
        )
        means, log_std = np.split(outputs, 2, axis=1)
        least, most = LOG_STD_RANGE
        jacobian[:, self.size :] *= ((log_std > least) & (log_std < most))[:, :, None]
        return np.hstack([means, np.clip(log_std, least, most)]), jacobian

    def near_a_bound(self, theta):
        """Whether rounding could clip another ln sigma."""
        if not self.state_std:
            return False
        outputs, _ = reference.mlp(theta, self.sizes, self.policy.activation_fn, self.phi)
        return near_bounds(outputs, self.size).any()

    @property
    def columns(self):
        """Of each choice."""
        ends = np.cumsum(self.policy.choices)
        return [slice(end - k, end) for end, k in zip(ends, self.policy.choices, strict=True)]

    def _log_softmax(self, logits):
        allowed = logits if self.mask is None else np.where(self.mask, logits, -np.inf)
        return np.hstack([reference.log_softmax(allowed[:, part]) for part in self.columns])

    def drawn(self, rng):
        uniforms = rng.random((self.n, self.policy._action_size)) * 0.998 + 0.001
        return self.policy.sample(self.dist, uniforms)

    @cached_property
    def pi(self):
        return np.exp(self.dist)

    def log_prob(self, dist):
        if self.gaussian:
            means, log_std = np.split(dist, 2, axis=1)
            z = (self.actions - means) / np.exp(log_std)
            return (-0.5 * z**2 - log_std - 0.5 * np.log(2.0 * np.pi)).sum(axis=1)
        taken = self.actions.reshape(self.n, -1)
        rows = np.arange(self.n)
        return sum(dist[:, c][rows, a] for c, a in zip(self.columns, taken.T, strict=True))

    def scores(self, dist):
        """Derivatives of ln pi(a|s) by logits, or by means and ln sigma."""
        if self.gaussian:
            means, log_std = np.split(dist, 2, axis=1)
            z = (self.actions - means) / np.exp(log_std)
            return np.hstack([z / np.exp(log_std), z**2 - 1.0])
        out = -np.exp(dist)
        taken = self.actions.reshape(self.n, -1)
        for c, a in zip(self.columns, taken.T, strict=True):
            out[np.arange(self.n), c.start + a] += 1.0
        return out

    def entropy(self, dist):
        if self.gaussian:
            return (dist[:, self.size :] + 0.5 * np.log(2.0 * np.pi * np.e)).sum(axis=1)
        return -(np.exp(dist) * np.where(np.isfinite(dist), dist, 0.0)).sum(axis=1)

    @property
    def entropy_slopes(self):
        if self.gaussian:
            return np.hstack([np.zeros((self.n, self.size)), np.ones((self.n, self.size))])
        logs = np.where(np.isfinite(self.dist), self.dist, 0.0)
        out = np.empty_like(logs)
        for part in self.columns:
            pi, log_pi = self.pi[:, part], logs[:, part]
            out[:, part] = -pi * (log_pi - (pi * log_pi).sum(axis=1, keepdims=True))
        return out

    def kl(self, old, new):
        if self.gaussian:
            (m, s), (m2, s2) = np.split(old, 2, axis=1), np.split(new, 2, axis=1)
            ratio = np.exp(2.0 * (s - s2)) + ((m - m2) / np.exp(s2)) ** 2
            return (s2 - s + 0.5 * ratio - 0.5).sum(axis=1)
        with np.errstate(invalid="ignore"):
            terms = np.exp(old) * (old - new)
        return np.where(np.isfinite(old), terms, 0.0).sum(axis=1)

    def kl_gradient(self, theta):
        """Of the mean KL(dist | dist at theta) by theta."""
        new, jacobian = self.at(theta)
        if self.gaussian:
            (m, s), (m2, s2) = np.split(self.dist, 2, axis=1), np.split(new, 2, axis=1)
            by_mean = (m2 - m) / np.exp(2.0 * s2)
            by_log = 1.0 - np.exp(2.0 * (s - s2)) - ((m - m2) / np.exp(s2)) ** 2
            slopes = np.hstack([by_mean, by_log])
        else:
            slopes = np.exp(new) - self.pi
        return mean_back(jacobian, slopes)

    @cached_property
    def curvature(self):
        """B, (n, k, k): the Fisher matrix of the distribution itself."""
        if self.gaussian:
            inverse = np.exp(-2.0 * self.dist[:, self.size :])
            diagonal = np.hstack([inverse, np.full_like(inverse, 2.0)])
            return diagonal[:, :, None] * np.eye(2 * self.size)
        out = np.zeros((self.n, self.size, self.size))
        for part in self.columns:
            pi = self.pi[:, part]
            out[:, part, part] = pi[:, :, None] * (np.eye(pi.shape[1]) - pi[:, None, :])
        return out

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


def near_bounds(outputs, size):
    """Rows (n, 2 size) whose ln sigma are so near a bound that rounding could clip them."""
    gaps = [np.abs(outputs[:, size:] - bound) for bound in LOG_STD_RANGE]
    return (np.minimum(*gaps) < 1e-5 * (1.0 + np.abs(outputs).max())).any(axis=1)


def make(rng, kind, activation, hidden, observation_size, outputs, n):
    """A case with weights of the scale of trained ones.

    outputs: the size of an action of a Gaussian, the number of actions, or those of each choice.
    """
    if kind in ("gaussian", "state_std"):
        of_state = kind == "state_std"
        policy = fastpg.MlpGaussian(
            observation_size, outputs, net_arch=hidden, activation_fn=activation,
            state_dependent_std=of_state,
        )  # fmt: skip
        size = 2 * outputs if of_state else outputs
        own = np.zeros(0) if of_state else rng.uniform(-1.5, 0.5, outputs)
    else:
        policy = fastpg.MlpSoftmax(
            observation_size, outputs, net_arch=hidden, activation_fn=activation
        )
        size, own = policy.n_actions, np.zeros(0)
    sizes, parts = [observation_size, *hidden, size], []
    gain = 1.5 if activation == "relu" else 1.2
    for fan_in, fan_out in itertools.pairwise(sizes):
        parts += [gain * rng.normal(size=fan_in * fan_out) / np.sqrt(fan_in)]
        parts += [0.3 * rng.normal(size=fan_out)]
    if kind == "state_std":  # some are clipped
        parts[-1][outputs:] = rng.uniform(-1.0, 1.5, outputs)
    network = np.concatenate(parts)
    policy.theta = np.concatenate([network, own])
    phi = rng.normal(size=(n, observation_size)).astype(np.float32).astype(float)
    phi = away_from_kinks(network, sizes, activation, phi)
    if kind == "state_std":
        found, _ = reference.mlp(network, sizes, activation, phi)
        # A small sigma magnifies the roundings of its mean.
        small = (found[:, outputs:] < -3.0).any(axis=1)
        phi = phi[~small & ~near_bounds(found, outputs)]
    if len(phi) == 0:
        return None
    mask = None
    if kind == "multi":
        mask = rng.random((len(phi), size)) < 0.7
        first = np.cumsum([0, *outputs[:-1]])
        mask[:, first + rng.integers(outputs)] = True
    return Case(policy, phi, mask, None, rng)


def random_case(seed, most_parameters=None):
    """None if no sample is left, or there are too many parameters."""
    rng = np.random.default_rng(seed)
    kind, activation = KINDS[rng.integers(4)], ACTIVATIONS[rng.integers(4)]
    layers = (0, 1, 2, 10)[rng.integers(4)]
    widest = 64 if most_parameters is None else 5
    hidden = np.exp(rng.uniform(0.0, np.log(widest + 1), layers)).astype(int).tolist()
    d = int(rng.integers(1, 9 if most_parameters is None else 4))
    outputs = int(rng.integers(1, 6))
    if kind == "multi":
        outputs = rng.integers(1, 5, size=rng.integers(1, 4)).tolist()
    n = int((1, 7, 40, 129, 300)[rng.integers(5)])
    sizes = [d, *hidden, int(np.sum(outputs)) * (2 if kind in KINDS[2:] else 1)]
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
