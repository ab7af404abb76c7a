"""The distributions of perceptrons in float64 NumPy: one class of each kind, for mlp_cases.py."""

import numpy as np

import fastpg
import reference

LOG_STD_RANGE = -10.0, 2.0


class Softmax:
    """Of one choice. `dist` is ln pi, and its derivatives are by the logits.

    outputs: what the policy is made with, here the number of actions.
    """

    mlp, linear = fastpg.MlpSoftmax, fastpg.LinearSoftmax
    masked = False
    example = 3

    @classmethod
    def made(cls, observation_size, outputs, **network):
        """A policy."""
        return cls.mlp(observation_size, outputs, **network)

    @classmethod
    def fits(cls, policy):
        """Whether a policy is of this kind."""
        return isinstance(policy, cls.mlp) and policy.single

    @staticmethod
    def random_outputs(rng):
        return int(rng.integers(1, 6))

    @staticmethod
    def width(outputs):
        """Number of outputs of the network."""
        return int(np.sum(outputs))

    @staticmethod
    def own(rng, outputs):
        """Random parameters of the distribution itself."""
        return np.zeros(0)

    @staticmethod
    def spread_biases(rng, biases, outputs):
        """Change those of the last layer."""

    @staticmethod
    def usable(found, outputs):
        """Which outputs (n, width) rounding changes but little."""
        return np.ones(len(found), bool)

    @staticmethod
    def random_mask(rng, n, outputs):
        return None

    def __init__(self, policy, mask=None):
        self.mask, self.size = mask, policy.n_actions
        ends = np.cumsum(policy.choices)
        self.columns = [slice(e - k, e) for e, k in zip(ends, policy.choices, strict=True)]

    def at(self, outputs, jacobian, own):
        """`dist`, and the derivatives of logits, or of means and ln sigma, by all parameters.

        outputs, jacobian: of the network; own: parameters of the distribution itself.
        """
        allowed = outputs if self.mask is None else np.where(self.mask, outputs, -np.inf)
        logs = [reference.log_softmax(allowed[:, part]) for part in self.columns]
        return np.hstack(logs), jacobian

    def near_a_bound(self, outputs):
        """Whether rounding could change which outputs are clipped."""
        return False

    def project(self, own):
        """The nearest allowed parameters of the distribution itself."""
        return own

    def log_prob(self, dist, actions):
        taken, rows = actions.reshape(len(dist), -1), np.arange(len(dist))
        return sum(dist[:, c][rows, a] for c, a in zip(self.columns, taken.T, strict=True))

    def scores(self, dist, actions):
        """Derivatives of ln pi(a|s)."""
        out = -np.exp(dist)
        for c, a in zip(self.columns, actions.reshape(len(dist), -1).T, strict=True):
            out[np.arange(len(dist)), c.start + a] += 1.0
        return out

    def entropy(self, dist):
        return -(np.exp(dist) * np.where(np.isfinite(dist), dist, 0.0)).sum(axis=1)

    def entropy_slopes(self, dist):
        logs = np.where(np.isfinite(dist), dist, 0.0)
        out = np.empty_like(logs)
        for part in self.columns:
            pi, log_pi = np.exp(dist[:, part]), logs[:, part]
            out[:, part] = -pi * (log_pi - (pi * log_pi).sum(axis=1, keepdims=True))
        return out

    def kl(self, old, new):
        with np.errstate(invalid="ignore"):
            terms = np.exp(old) * (old - new)
        return np.where(np.isfinite(old), terms, 0.0).sum(axis=1)

    def kl_slopes(self, old, new):
        """Derivatives of the KL by what `new` is made of."""
        return np.exp(new) - np.exp(old)

    def curvature(self, dist):
        """(n, k, k): the Fisher matrix."""
        out = np.zeros((len(dist), self.size, self.size))
        for part in self.columns:
            pi = np.exp(dist[:, part])
            out[:, part, part] = pi[:, :, None] * (np.eye(pi.shape[1]) - pi[:, None, :])
        return out

    def in_torch(self, torch, outputs, own, actions):
        """ln pi(a|s) and the entropy, (n,) each."""
        taken = torch.tensor(actions.reshape(len(outputs), -1).astype(np.int64))
        if self.mask is not None:
            outputs = outputs.masked_fill(~torch.tensor(self.mask), -1e300)
        parts = [torch.distributions.Categorical(logits=outputs[:, c]) for c in self.columns]
        log_prob = sum(part.log_prob(a) for part, a in zip(parts, taken.T, strict=True))
        return log_prob, sum(part.entropy() for part in parts)


class Multi(Softmax):
    """Several choices with masks; outputs: the number of actions of each."""

    masked = True
    example = (3, 2)

    @classmethod
    def fits(cls, policy):
        return isinstance(policy, cls.mlp) and not policy.single

    @staticmethod
    def random_outputs(rng):
        return rng.integers(1, 5, size=rng.integers(1, 4)).tolist()

    @staticmethod
    def random_mask(rng, n, outputs):
        mask = rng.random((n, sum(outputs))) < 0.7
        first = np.cumsum([0, *outputs[:-1]])
        mask[:, first + rng.integers(outputs)] = True
        return mask


class Gaussian(Softmax):
    """One sigma for all states. `dist` is the means, then ln sigma; outputs: size of an action."""

    mlp, linear = fastpg.MlpGaussian, fastpg.LinearGaussian

    @classmethod
    def fits(cls, policy):
        return isinstance(policy, cls.mlp) and not policy.state_dependent_std

    @staticmethod
    def own(rng, outputs):
        return rng.uniform(-1.5, 0.5, outputs)

    def __init__(self, policy, mask=None):
        self.size = policy.action_size

    def at(self, outputs, jacobian, own):
        n, size, parameters = jacobian.shape
        whole = np.zeros((n, 2 * size, parameters + size))
        whole[:, :size, :parameters], whole[:, size:, parameters:] = jacobian, np.eye(size)
        return np.hstack([outputs, np.broadcast_to(own, outputs.shape)]), whole

    def project(self, own):
        return np.clip(own, *LOG_STD_RANGE)

    def log_prob(self, dist, actions):
        means, log_std = np.split(dist, 2, axis=1)
        z = (actions - means) / np.exp(log_std)
        return (-0.5 * z**2 - log_std - 0.5 * np.log(2.0 * np.pi)).sum(axis=1)

    def scores(self, dist, actions):
        means, log_std = np.split(dist, 2, axis=1)
        z = (actions - means) / np.exp(log_std)
        return np.hstack([z / np.exp(log_std), z**2 - 1.0])

    def entropy(self, dist):
        return (dist[:, self.size :] + 0.5 * np.log(2.0 * np.pi * np.e)).sum(axis=1)

    def entropy_slopes(self, dist):
        shape = (len(dist), self.size)
        return np.hstack([np.zeros(shape), np.ones(shape)])

    def kl(self, old, new):
        (m, s), (m2, s2) = np.split(old, 2, axis=1), np.split(new, 2, axis=1)
        ratio = np.exp(2.0 * (s - s2)) + ((m - m2) / np.exp(s2)) ** 2
        return (s2 - s + 0.5 * ratio - 0.5).sum(axis=1)

    def kl_slopes(self, old, new):
        (m, s), (m2, s2) = np.split(old, 2, axis=1), np.split(new, 2, axis=1)
        by_mean = (m2 - m) / np.exp(2.0 * s2)
        by_log = 1.0 - np.exp(2.0 * (s - s2)) - ((m - m2) / np.exp(s2)) ** 2
        return np.hstack([by_mean, by_log])

    def curvature(self, dist):
        inverse = np.exp(-2.0 * dist[:, self.size :])
        diagonal = np.hstack([inverse, np.full_like(inverse, 2.0)])
        return diagonal[:, :, None] * np.eye(2 * self.size)

    def in_torch(self, torch, outputs, own, actions):
        return self._normal_in_torch(torch, outputs, own, actions)

    @staticmethod
    def _normal_in_torch(torch, means, log_std, actions):
        normal = torch.distributions.Normal(means, log_std.clamp(*LOG_STD_RANGE).exp())
        return normal.log_prob(torch.tensor(actions)).sum(1), normal.entropy().sum(1)


class StateStd(Gaussian):
    """ln sigma are outputs too: those beyond a bound are clipped, and have no derivative."""

    linear = None

    @classmethod
    def made(cls, observation_size, outputs, **network):
        return cls.mlp(observation_size, outputs, state_dependent_std=True, **network)

    @classmethod
    def fits(cls, policy):
        return isinstance(policy, cls.mlp) and policy.state_dependent_std

    @staticmethod
    def width(outputs):
        return 2 * outputs

    @staticmethod
    def own(rng, outputs):
        return np.zeros(0)

    @staticmethod
    def spread_biases(rng, biases, outputs):
        """So that some ln sigma are clipped."""
        biases[outputs:] = rng.uniform(-1.0, 1.5, outputs)

    @classmethod
    def usable(cls, found, outputs):
        """A small sigma magnifies the roundings of its mean."""
        small = (found[:, outputs:] < -3.0).any(axis=1)
        return ~small & ~cls._near_bounds(found, outputs)

    @staticmethod
    def _near_bounds(outputs, size):
        """Rows (n, 2 size) whose ln sigma are so near a bound that rounding could clip them."""
        gaps = [np.abs(outputs[:, size:] - bound) for bound in LOG_STD_RANGE]
        return (np.minimum(*gaps) < 1e-5 * (1.0 + np.abs(outputs).max())).any(axis=1)

    def at(self, outputs, jacobian, own):
        means, log_std = np.split(outputs, 2, axis=1)
        least, most = LOG_STD_RANGE
        jacobian[:, self.size :] *= ((log_std > least) & (log_std < most))[:, :, None]
        return np.hstack([means, np.clip(log_std, least, most)]), jacobian

    def near_a_bound(self, outputs):
        return self._near_bounds(outputs, self.size).any()

    def project(self, own):
        return own

    def in_torch(self, torch, outputs, own, actions):
        return self._normal_in_torch(torch, *outputs.chunk(2, 1), actions)


KINDS = {"softmax": Softmax, "multi": Multi, "gaussian": Gaussian, "state_std": StateStd}


def kind_of(policy):
    """The kind of a policy."""
    return next(kind for kind in KINDS.values() if kind.fits(policy))
