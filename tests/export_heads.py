"""What exported files compute after the last layer, by the head of the plan, beside the policy."""

import numpy as np

import reference
from fastpg.export.plan import Choices, Means
from fastpg.export.reading import plan_of
from fastpg.policies.gaussian import Gaussian
from fastpg.policies.softmax import Softmax


class OfChoices:
    """Files with logits: ln pi of all choices, side by side, and the best action of each."""

    numpy_function = "log_probs"
    onnx_output = "logits"
    draws = staticmethod(lambda rng, size: rng.uniform(0.0, 1.0, size))

    def __init__(self, plan):
        self.ends = np.cumsum(plan.head.counts)[:-1]

    def parts(self, numbers):
        """Those of each choice."""
        return np.split(numbers, self.ends, axis=1)

    def compared(self, numbers, mask):
        """ln pi of logits."""
        allowed = numbers if mask is None else np.where(mask, numbers, -np.inf)
        parts = self.parts(allowed.astype(float))
        return np.hstack([reference.log_softmax(part) for part in parts])

    def require_actions(self, given, found, dist, slack, dtype):
        """The best actions, where they are better than others by more than rounding."""
        predicted = given.predicted(found.masked)
        sure = np.ones(len(dist), bool)
        for part in self.parts(dist):
            if part.shape[1] > 1:
                second, first = np.sort(part, axis=1)[:, -2:].T
                sure &= first - second > 2.0 * slack[:, 0]
        assert sure.mean() > 0.97
        assert np.array_equal(found.action.reshape(predicted.shape)[sure], predicted[sure])

    def require_samples(self, given, found, random, dist):
        """The same samples as the policy's own, but for rounding."""
        expected = given.policy.sample(dist, random).reshape(found.sampled.shape)
        start = np.ravel(getattr(given.algo.action_space, "start", 0))
        assert (found.sampled - start == expected).mean() > 0.999


class OfMeans:
    """Files with the means of a Box, and ln sigma."""

    numpy_function = "outputs"
    onnx_output = "mean"
    draws = staticmethod(lambda rng, size: rng.normal(size=size))

    def __init__(self, plan):
        self.size = plan.head.size

    def compared(self, numbers, mask):
        """Means, which no mask changes."""
        return numbers

    def require_actions(self, given, found, dist, slack, dtype):
        """Clipped means, which are known within a slack, and ln sigma."""
        log_std = given.outputs()[:, self.size :]
        if hasattr(found, "log_std"):
            off = np.abs(found.log_std - log_std)
            assert (off <= given.slack(log_std, dtype)).all()
        predicted = given.predicted()
        actions = found.action.reshape(predicted.shape)
        require_boxed(given, actions, predicted, dist[:, : self.size], slack)

    def require_samples(self, given, found, random, dist):
        """The same samples as the policy's own, but for rounding."""
        space = given.algo.action_space
        means, log_std = np.split(dist, 2, axis=1)
        expected = given.policy.for_environment(means + np.exp(log_std) * random)
        if space.dtype.kind == "f":
            assert np.allclose(found.sampled, expected, rtol=1e-4, atol=1e-4)
        else:
            slack = 0.5 + 1e-5 * np.abs(means).max()
            assert (np.abs(found.sampled - expected) <= slack).all()


HEADS = {Choices: OfChoices, Means: OfMeans}

# What the outputs of a file stand for, of an array `dist` of the policy: ln pi of all choices, or
# means and ln sigma.
STAND_FOR = {Softmax: lambda dist: dist, Gaussian: lambda dist: dist}


def head_of(model):
    """The rules of a policy's head; KeyError if they are not written here."""
    plan = plan_of(model, "double")  # other weights may not be finite in the other one
    return HEADS[type(plan.head)](plan)


def stands_for(policy, dist):
    """`dist` as in `STAND_FOR`."""
    return next(of(dist) for kind, of in STAND_FOR.items() if isinstance(policy, kind))


def require_boxed(given, actions, predicted, means, slack):
    """Actions in a Box, of means that are known within a slack."""
    low, high = given.policy.bounds
    flat = actions.reshape(means.shape)
    assert (flat >= low.astype(predicted.dtype)).all()
    assert (flat <= high.astype(predicted.dtype)).all()
    if predicted.dtype.kind == "f":
        rounding = 1e-6 if predicted.dtype == np.float32 else 0.0
        off = np.abs(actions - predicted).reshape(means.shape)
        assert (off <= slack + rounding * np.abs(means)).all()
        return
    edges = [np.clip(means + sign * slack, low, high) for sign in (-1.0, 1.0)]
    if predicted.dtype.kind == "i":
        edges = [np.rint(edge) for edge in edges]
    least, most = (edge.astype(predicted.dtype).astype(float) for edge in edges)
    found = actions.reshape(means.shape).astype(float)
    assert (least <= found).all()
    assert (found <= most).all()
    sure = least == most
    assert sure.any()
    assert np.array_equal(found[sure], predicted.reshape(means.shape)[sure])
