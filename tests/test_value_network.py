"""Value networks: the gradient of their loss, their fit, and PPO's epochs over two networks."""

import copy
import functools
import pickle
from itertools import pairwise

import numpy as np
import pytest

import fastpg
import reference
from fastpg import _core
from trainings import NAMES, learned, untimed

FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "elu": lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
    "silu": lambda x: x / (1.0 + np.exp(-x)),
}
THREADS = (2, 3, 8)


def forward(theta, x, hidden, activation="tanh"):
    """Values (n,) in float64 of parameters layer by layer, W (fan_in, fan_out), then the bias."""
    widths, begin = [x.shape[1], *hidden, 1], 0
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        middle = begin + fan_in * fan_out
        w, bias = theta[begin:middle].reshape(fan_in, fan_out), theta[middle : middle + fan_out]
        begin, x = middle + fan_out, x @ w + bias
        if layer < len(hidden):
            x = FUNCTIONS[activation](x)
    return x[:, 0]


def mlp(inputs, hidden, activation="tanh"):
    return _core.Mlp(inputs, list(hidden), 1, _core.Activation[activation])


def settings(**changed):
    given = {
        "learning_rate": 0.01, "max_grad_norm": None, "clip_range_vf": None, "n_epochs": 1,
        "batch_size": 10**9,
    }  # fmt: skip
    return _core.ValueFitSettings(**given | changed)


def problem(rng, n=50, size=3, hidden=(5, 4), activation="tanh"):
    """A network, parameters, inputs and targets."""
    network = mlp(size, hidden, activation)
    theta = rng.normal(size=network.parameters) * 0.7
    return network, theta, rng.normal(size=(n, size)), rng.normal(size=n)


@pytest.mark.parametrize("hidden", [(), (7,), (5, 4)])
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_values_and_gradient_against_numpy(rng, activation, hidden):
    """In float32: 24 bits, so that values are within 1e-6 and gradients within 1e-5 of float64."""
    network, theta, x, y = problem(rng, 300, 3, hidden, activation)
    batch = _core.ValueBatch(network, x, y)
    expected = forward(theta, x, hidden, activation)
    assert np.allclose(batch.values(theta), expected, rtol=1e-6, atol=2e-6)

    def loss(other):
        return np.mean((forward(other, x, hidden, activation) - y) ** 2)

    gradient = reference.numerical_gradient(loss, theta)
    assert np.allclose(batch.loss_gradient(theta), gradient, rtol=1e-5, atol=1e-5)


def test_a_linear_network_is_least_squares(rng):
    x, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    theta = rng.normal(size=3)
    found = _core.ValueBatch(_core.Linear(3, 1), x, y).loss_gradient(theta)
    assert np.allclose(found, 2.0 * x.T @ (x @ theta - y) / 200, rtol=1e-12, atol=1e-14)


def test_adam_steps_by_hand(rng):
    network, theta, x, y = problem(rng)
    adam = _core.Adam(theta.size)
    found = _core.ValueBatch(network, x, y).fit(theta, adam, 0, 0, settings(n_epochs=3))

    def ascent(other):
        return -reference.numerical_gradient(
            lambda t: np.mean((forward(t, x, (5, 4)) - y) ** 2), other
        )

    expected = reference.adam(theta, [ascent] * 3, 0.01)
    assert np.allclose(found.theta, expected, atol=2e-6)
    assert (found.n_updates, adam.count, found.finite) == (3, 3, True)


def test_adam_after_hundreds_of_steps(rng):
    """The correction of the mean becomes 1, which is not divided by."""
    adam, theta = _core.Adam(3), np.zeros(3)
    expected, mean, square = np.zeros(3), np.zeros(3), np.zeros(3)
    for count in range(1, 501):
        g = rng.normal(size=3)
        theta = adam.ascend(theta, g, 0.01)
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
        step = mean / (1.0 - 0.9**count) / (np.sqrt(square / (1.0 - 0.999**count)) + 1e-5)
        expected += 0.01 * step
    assert np.allclose(theta, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("optimizer", [_core.Adam, _core.RMSprop, _core.Sgd])
def test_a_fit_takes_the_steps_of_its_optimizer(rng, optimizer):
    network, theta, x, y = problem(rng, 1)
    batch, alone = _core.ValueBatch(network, x, y), optimizer(theta.size)
    found = batch.fit(theta, optimizer(theta.size), 0, 0, settings(n_epochs=400))
    for _ in range(400):
        theta = alone.ascend(theta, -batch.loss_gradient(theta), 0.01)
    assert np.array_equal(found.theta, theta)


def test_rmsprop_by_hand():
    """PyTorch's definition: v = 0.99 v + 0.01 g^2, then lr g / (sqrt(v) + 1e-5)."""
    rmsprop, theta, v = _core.RMSprop(2), np.array([1.0, -1.0]), np.zeros(2)
    expected = theta.copy()
    for g in np.array([[0.5, -3.0], [2.0, 1e-4], [0.0, 0.0]]):
        theta = rmsprop.ascend(theta, g, 0.1)
        v = 0.99 * v + 0.01 * g * g
        expected += 0.1 * g / (np.sqrt(v) + 1e-5)
    assert np.allclose(theta, expected, rtol=1e-15)
    assert np.allclose(rmsprop.square, v, rtol=1e-15)


def test_moments_of_the_wrong_kind_are_refused():
    rmsprop = _core.RMSprop(2)
    for square, count in ((np.array([-1.0, 0.0]), 1), (np.zeros(3), 1), (np.zeros(2), -1)):
        with pytest.raises(ValueError, match=r"square|count"):
            rmsprop.restore(square, count)
    assert (rmsprop.count, rmsprop.square.tolist()) == (0, [0.0, 0.0])


def test_clipped_values_are_those_of_stable_baselines3(rng):
    """The clipped value alone is compared: no maximum of two losses. Beyond the range it rests."""
    x, y = rng.normal(size=(40, 2)), 3.0 * rng.normal(size=40)
    start, clip, rate = rng.normal(size=2), 0.05, 0.02
    batch = _core.ValueBatch(_core.Linear(2, 1), x, y)
    changed = settings(clip_range_vf=clip, learning_rate=rate, n_epochs=8)
    found = batch.fit(start, _core.Sgd(2), 0, 0, changed)
    old, theta, losses = x @ start, start.copy(), []
    for _ in range(8):
        moved = x @ theta - old
        error = old + np.clip(moved, -clip, clip) - y
        losses.append(np.mean(error**2))
        theta -= rate * np.mean(2.0 * (error * (np.abs(moved) <= clip))[:, None] * x, axis=0)
    assert np.any(np.abs(moved) > clip)
    assert np.any(np.abs(moved) < clip)
    assert np.allclose(found.theta, theta, rtol=1e-12)
    assert found.value_loss == pytest.approx(np.mean(losses), rel=1e-12)


def test_the_gradient_norm_is_bounded(rng):
    network, theta, x, y = problem(rng)
    batch = _core.ValueBatch(network, x, y)
    norm = np.linalg.norm(batch.loss_gradient(theta))
    found = batch.fit(theta, _core.Sgd(theta.size), 0, 0, settings(max_grad_norm=norm / 4))
    assert np.linalg.norm(found.theta - theta) == pytest.approx(0.01 * norm / 4, rel=1e-9)
    assert found.grad_norm == pytest.approx(norm, rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 49, 50, 51])
def test_every_epoch_has_each_sample_once(rng, batch_size):
    """At a vanishing rate the mean loss over minibatches is that of the batch."""
    network, theta, x, y = problem(rng)
    found = _core.ValueBatch(network, x, y).fit(
        theta, _core.Sgd(theta.size), 3, 0,
        settings(learning_rate=1e-300, n_epochs=2, batch_size=batch_size),
    )  # fmt: skip
    assert found.n_updates == 2 * -(-50 // batch_size)
    loss = np.mean((forward(theta, x, (5, 4)) - y) ** 2)
    assert found.value_loss == pytest.approx(loss, rel=1e-5)


def test_the_order_depends_on_seed_and_epoch_alone(rng):
    network, theta, x, y = problem(rng)
    batch = _core.ValueBatch(network, x, y)

    def fitted(seed, first, epochs, start=theta):
        rate = settings(n_epochs=epochs, batch_size=8)
        return batch.fit(start, _core.Sgd(theta.size), seed, first, rate).theta

    assert np.array_equal(fitted(1, 0, 2), fitted(1, 1, 1, fitted(1, 0, 1)))
    assert not np.array_equal(fitted(1, 0, 1), fitted(2, 0, 1))
    assert not np.array_equal(fitted(1, 0, 1), fitted(1, 1, 1))


class Joint:
    """A linear softmax policy, and a linear value network, of the same features."""

    def __init__(self, rng, n=60, size=3, actions=4, num_threads=1):
        self.x, self.y = rng.normal(size=(n, size)), rng.normal(size=n) * 2.0
        self.advantages, self.actions = rng.normal(size=n), rng.integers(0, actions, n)
        self.theta, self.value_theta = rng.normal(size=(size, actions)), rng.normal(size=size)
        rows = self.actions.astype(np.int32)[:, None]
        kind = _core.Categorical([actions])
        network = _core.Linear(size, actions)
        self.batch = _core.PolicyBatch(kind, network, self.x, rows, None, num_threads)
        self.values = _core.ValueBatch(_core.Linear(size, 1), self.x, self.y, num_threads)
        self.optimizer, self.value_optimizer = None, None

    def run(self, optimizer=_core.Adam, whitening=None, with_values=True, **changed):
        given = {
            "objective": _core.PpoObjective.clip, "clip_range": 0.2, "kl_coef": 0.0,
            "learning_rate": 0.05, "ent_coef": 0.0, "max_grad_norm": None, "target_kl": None,
            "n_epochs": 3, "batch_size": 10**6, "normalize_advantage": False, "vf_coef": 0.7,
            "clip_range_vf": None,
        }  # fmt: skip
        self.optimizer = optimizer(self.theta.size)
        self.value_optimizer = optimizer(self.value_theta.size)
        values = (self.values, self.value_theta, self.value_optimizer) if with_values else ()
        return self.batch.ppo_epochs(
            self.theta, self.advantages, self.optimizer, 0, 0, whitening,
            _core.PpoSettings(**given | changed), *values,
        )  # fmt: skip

    def gradients(self, theta, value_theta, vf_coef):
        """Of the clipped surrogate by theta, and of minus the value loss by value_theta."""
        rows = np.arange(len(self.x))
        old = reference.softmax(self.x @ self.theta)[rows, self.actions]
        pi = reference.softmax(self.x @ theta)
        ratio = pi[rows, self.actions] / old
        plain, clipped = ratio * self.advantages, np.clip(ratio, 0.8, 1.2) * self.advantages
        scores = np.eye(pi.shape[1])[self.actions] - pi
        weights = np.where(plain <= clipped, plain, 0.0)
        error = self.x @ value_theta - self.y
        return (
            self.x.T @ (weights[:, None] * scores) / len(self.x),
            -vf_coef * 2.0 * self.x.T @ error / len(self.x),
        )


@pytest.mark.parametrize("max_grad_norm", [None, 0.3])
def test_joint_steps_are_one_adam_over_both_networks(rng, max_grad_norm):
    joint = Joint(rng)
    found = joint.run(max_grad_norm=max_grad_norm)
    both = np.concatenate([joint.theta.ravel(), joint.value_theta])

    def ascent(flat):
        parts = joint.gradients(flat[:12].reshape(3, 4), flat[12:], 0.7)
        gradient = np.concatenate([part.ravel() for part in parts])
        norm = np.linalg.norm(gradient)
        return gradient * min(1.0, (max_grad_norm or np.inf) / norm)

    expected = reference.adam(both, [ascent] * 3, 0.05)
    assert np.allclose(found.theta.ravel(), expected[:12], atol=1e-10)
    assert np.allclose(found.value_theta, expected[12:], atol=1e-10)
    assert (joint.optimizer.count, joint.value_optimizer.count) == (3, 3)


def test_without_a_bound_the_policy_does_not_see_the_values(rng):
    joint = Joint(rng)
    alone, together = (joint.run(batch_size=16, with_values=w) for w in (False, True))
    assert np.array_equal(alone.theta, together.theta)
    assert (alone.value_theta, alone.value_loss) == (None, 0.0)
    assert together.value_loss > 0.0
    assert together.grad_norm > alone.grad_norm


def test_target_kl_stops_both_networks(rng):
    joint = Joint(rng)
    found = joint.run(target_kl=1e-4, n_epochs=50)
    assert found.stopped
    assert joint.optimizer.count == joint.value_optimizer.count == found.n_updates < 50


def test_whitening_is_the_policys_alone(rng):
    joint = Joint(rng)
    moments = _core.FeatureMoments(3)
    moments.add(joint.x)
    plain, whitened = joint.run(_core.Sgd), joint.run(_core.Sgd, moments.whitening())
    assert not np.allclose(plain.theta, whitened.theta)
    assert np.array_equal(plain.value_theta, whitened.value_theta)


def test_a_value_network_comes_whole_or_not_at_all(rng):
    joint = Joint(rng)
    other = _core.ValueBatch(_core.Linear(3, 1), joint.x[:9], joint.y[:9])
    bare = _core.ValueBatch(_core.Linear(3, 1), joint.x)
    adam = _core.Adam(3)
    for part, message in (
        ((joint.values,), "expected all of them"),
        ((joint.values, joint.value_theta, _core.Adam(4)), "value_optimizer"),
        ((joint.values, np.zeros(4), adam), "value_theta"),
        ((joint.values, np.full(3, np.nan), adam), "value_theta"),
        ((other, joint.value_theta, adam), "value_batch"),
        ((bare, joint.value_theta, adam), "targets"),
    ):
        with pytest.raises(ValueError, match=message):
            joint.batch.ppo_epochs(
                joint.theta, joint.advantages, _core.Adam(12), 0, 0, None,
                fastpg.functional.solvers.ppo_settings(), *part,
            )  # fmt: skip
    assert adam.count == 0


def test_values_that_are_not_finite_change_neither_network(rng):
    joint = Joint(rng)
    joint.value_theta = np.full(3, 1e149)
    found = joint.run(_core.Sgd, learning_rate=1e20)
    assert not found.finite
    assert np.array_equal(found.theta, joint.theta)
    assert np.array_equal(found.value_theta, joint.value_theta)
    assert joint.optimizer.count == joint.value_optimizer.count == 0


@pytest.mark.parametrize(("activation", "finite"), [("tanh", True), ("relu", False)])
def test_values_beyond_float32_are_not_finite(rng, activation, finite):
    """Parameters become large, yet are numbers; with tanh so are the values."""
    network, theta, x, y = problem(rng, 30, 3, (5, 4), activation)
    batch, sgd = _core.ValueBatch(network, x, y), _core.Sgd(theta.size)
    found = batch.fit(theta, sgd, 0, 0, settings(n_epochs=1, learning_rate=1e28))
    assert found.finite == finite
    assert np.isfinite(found.theta).all()
    assert (sgd.count, np.array_equal(found.theta, theta)) == (int(finite), not finite)


def test_the_same_bits_on_any_number_of_threads(rng):
    network, theta, x, y = problem(rng, 9000, 8, (32, 32))
    joint = {count: Joint(np.random.default_rng(5), 20_000, num_threads=count) for count in (1, 8)}
    results = [joint[count].run(batch_size=9000) for count in joint]
    assert np.array_equal(results[0].theta, results[1].theta)
    assert np.array_equal(results[0].value_theta, results[1].value_theta)

    def found(num_threads):
        batch = _core.ValueBatch(network, x, y, num_threads)
        adam = _core.Adam(theta.size)
        fit = batch.fit(theta, adam, 0, 0, settings(n_epochs=2, batch_size=4500))
        return fit.theta, fit.value_loss, batch.values(theta), batch.loss_gradient(theta)

    alone = found(1)
    for num_threads in THREADS:
        assert all(map(np.array_equal, alone, found(num_threads)))


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 40), (40, 3), (64, 64), (130, 70)])
def test_orthogonal_weights(shape):
    w = _core.orthogonal(*shape, 2.5, 7, 3)
    assert w.shape == shape
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    assert np.allclose(gram, 2.5**2 * np.eye(min(shape)), atol=1e-13)
    assert np.array_equal(w, _core.orthogonal(*shape, 2.5, 7, 3))
    for other in ((7, 4), (8, 3)):
        assert shape == (1, 1) or not np.allclose(w, _core.orthogonal(*shape, 2.5, *other))


def test_orthogonal_weights_are_uniform():
    """Entries of n-dimensional rotations have mean 0 and variance 1 / n; signs are even."""
    entries = np.array([_core.orthogonal(4, 4, 1.0, 0, index) for index in range(4000)])
    assert np.allclose(entries.mean(0), 0.0, atol=5 * 0.5 / np.sqrt(4000))
    assert np.allclose((entries**2).mean(0), 0.25, atol=0.02)
    assert abs(np.mean(np.linalg.det(entries) > 0) - 0.5) < 5 * 0.5 / np.sqrt(4000)


def data(rng, n=400, size=4):
    observations = rng.normal(size=(n, size)).astype(np.float32)
    return observations, rng.integers(0, 200, n), np.sin(observations[:, 0]) + observations[:, 1]


def test_it_learns_a_smooth_function(rng):
    observations, steps, targets = data(rng)
    baseline = fastpg.MlpBaseline(4, n_critic_updates=300)
    baseline.fit(observations, steps, targets)
    assert np.mean((baseline.predict(observations, steps) - targets) ** 2) < 1e-2
    assert baseline.status == "accepted"
    assert baseline.n_updates == 300 * 4


def test_the_time_and_normalised_observations_are_inputs(rng):
    observations, steps, targets = data(rng)
    far = 1e4 + 1e3 * observations
    baseline = fastpg.MlpBaseline(4, n_critic_updates=200, normalize_observations=True)
    baseline.fit(far, steps, targets)
    assert np.mean((baseline.predict(far, steps) - targets) ** 2) < 2e-2
    timed = fastpg.MlpBaseline(4, n_critic_updates=200, time=True)
    timed.fit(observations, steps, steps / 100.0)
    assert np.mean((timed.predict(observations, steps) - steps / 100.0) ** 2) < 1e-2


def test_a_stored_baseline_continues(rng):
    observations, steps, targets = data(rng)
    for optimizer in ("adam", "rmsprop", "sgd"):
        arguments = {"net_arch": (8,), "optimizer": optimizer, "normalize_observations": True}
        baseline = fastpg.MlpBaseline(4, seed=3, **arguments)
        baseline.fit(observations, steps, targets)
        restored = fastpg.MlpBaseline(4, seed=3, **arguments)
        restored.restore(baseline.state())
        for other in (restored, copy.deepcopy(baseline), pickle.loads(pickle.dumps(baseline))):
            twin = copy.deepcopy(baseline)
            for each in (twin, other):
                each.fit(observations[::-1].copy(), steps, targets)
            assert np.array_equal(twin.theta, other.theta)
            assert np.array_equal(
                twin.predict(observations, steps), other.predict(observations, steps)
            )


def test_damaged_states_are_refused(rng):
    baseline = fastpg.MlpBaseline(4, net_arch=(8,))
    baseline.fit(*data(rng))
    good, theta = baseline.state(), baseline.theta
    for name, bad in (
        ("baseline_theta", np.zeros(3)), ("baseline_theta", np.full(theta.shape, np.nan)),
        ("baseline_adam_square", -np.ones(theta.shape)), ("baseline_adam_mean", np.zeros(1)),
        ("baseline_n_updates", np.array(-1)), ("baseline_n_updates", np.zeros(2, int)),
        ("baseline_moments", np.zeros((2, 5))), ("baseline_moments", -np.ones((2, 4))),
        ("baseline_observations", np.array(-5)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"baseline_|count|squares"):
            baseline.restore(good | {name: bad})
        with pytest.raises(KeyError):
            baseline.restore({k: v for k, v in good.items() if k != name})
    assert baseline.theta is theta


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"net_arch": [0]}, ValueError), ({"net_arch": [-3]}, ValueError),
        ({"net_arch": [2**24, 2**24]}, ValueError), ({"net_arch": [2**40]}, ValueError),
        ({"net_arch": 64}, TypeError), ({"net_arch": [1.5]}, TypeError),
        ({"net_arch": [1] * 300}, ValueError), ({"activation_fn": "gelu"}, ValueError),
        ({"learning_rate": 0.0}, ValueError), ({"learning_rate": np.nan}, ValueError),
        ({"n_critic_updates": 0}, ValueError), ({"batch_size": 0}, ValueError),
        ({"clip_range_vf": -1.0}, ValueError), ({"max_grad_norm": 0.0}, ValueError),
        ({"normalize_observations": 1}, TypeError), ({"optimizer": "lbfgs"}, ValueError),
        ({"seed": -1}, ValueError), ({"num_threads": 0}, ValueError),
    ],
)  # fmt: skip
def test_bad_arguments(arguments, error):
    with pytest.raises(error, match=next(iter(arguments)).replace("net_arch", "net_arch|hidden")):
        fastpg.MlpBaseline(4, **arguments)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_refused(rng, bad):
    observations, steps, targets = data(rng)
    baseline = fastpg.MlpBaseline(4)
    before = baseline.theta
    targets[7] = bad
    with pytest.raises(ValueError, match="targets: expected finite"):
        baseline.fit(observations, steps, targets)
    assert baseline.theta is before
    assert baseline.n_updates == 0


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_a_fit_that_diverges_changes_nothing(rng, optimizer):
    observations, steps, targets = data(rng)
    baseline = fastpg.MlpBaseline(4, learning_rate=1e60, optimizer=optimizer)
    before = baseline.theta
    with pytest.raises(OverflowError, match="learning_rate"):
        baseline.fit(observations, steps, targets)
    assert baseline.status == "not_finite"
    assert baseline.theta is before
    assert baseline.n_updates == 0
    assert np.isfinite(baseline.predict(observations, steps)).all()


def test_huge_targets_give_a_status_or_an_error(rng):
    observations, steps, targets = data(rng)
    baseline = fastpg.MlpBaseline(4)
    with pytest.raises(OverflowError, match="targets"):
        baseline.fit(observations, steps, 1e200 * targets.astype(np.float64))
    assert baseline.n_updates == 0


CRITIC = {"baseline": "mlp", "value_kwargs": {"net_arch": [16], "activation_fn": "relu"}}


@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_learns_with_a_value_network(name):
    total = 30_000 if name == "reinforce" else 12_000
    algo = learned(name, total, **CRITIC)
    assert algo.baseline.net_arch == (16,)
    assert algo.history[-1]["rollout/ep_rew_mean"] > algo.history[0]["rollout/ep_rew_mean"] + 20
    assert {record["train/critic_status"] for record in algo.history} == {"accepted"}
    again = learned(name, total, num_threads=2, **CRITIC)
    assert untimed(again.history) == untimed(algo.history)


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_continues_with_its_value_network(name, tmp_path):
    algo = learned(name, 8000, **CRITIC)
    loaded = fastpg.load(algo.save(tmp_path / "algo"), "CartPole-v1")
    copied = pickle.loads(pickle.dumps(algo))
    copied.use_env("CartPole-v1")
    assert loaded.value_kwargs == algo.value_kwargs
    for other in (loaded, copied):
        other.learn(8000)
    assert np.array_equal(loaded.baseline.theta, copied.baseline.theta)
    assert loaded.baseline.n_updates == copied.baseline.n_updates > algo.baseline.n_updates


CHANGES = {
    "ppo": {"vf_coef": 0.1, "clip_range_vf": 0.01, "max_grad_norm": 0.1, "batch_size": 64,
            "optimizer": "rmsprop", "baseline_batch": 20, "baseline_time": True},
    "npg": {"critic_learning_rate": "lin_1e-2", "n_critic_updates": 3, "batch_size": 32},
    "trpo": {"critic_learning_rate": "lin_1e-2", "n_critic_updates": 3, "batch_size": 32},
    "reinforce": {"critic_learning_rate": 1e-4, "n_critic_updates": 3, "batch_size": 32},
}  # fmt: skip


@functools.cache
def value_network(name, **option):
    """Its parameters after a few iterations, small ones, since sanitizers run them too."""
    size = {"n_episodes": 4} if name == "reinforce" else {"n_envs": 4, "n_steps": 64}
    return learned(name, 600, baseline="mlp", **size, **option).baseline.theta


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in NAMES for option in CHANGES[name]]
)
def test_options_reach_the_value_network(name, option):
    changed = value_network(name, **{option: CHANGES[name][option]})
    assert not np.array_equal(value_network(name), changed)


def test_a_perceptrons_policy_lends_its_shape():
    kwargs = {"net_arch": {"pi": [5], "vf": [6, 7]}, "activation_fn": "elu"}
    algo = fastpg.PPO("mlp", "CartPole-v1", baseline="mlp", policy_kwargs=kwargs, seed=0)
    assert (algo.baseline.net_arch, algo.baseline.activation_fn) == ((6, 7), "elu")
    own = {"net_arch": [3]}
    algo = fastpg.PPO("mlp", "CartPole-v1", baseline="mlp", value_kwargs=own, seed=0)
    assert algo.baseline.net_arch == (3,)
    first = algo.baseline.theta[:12].reshape(4, 3)
    assert not np.allclose(first, _core.orthogonal(4, 3, 2**0.5, 0, 0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"value_kwargs": {"net_arch": [3]}}, ValueError, "value_kwargs"),
        ({"baseline": "mlp", "value_kwargs": {"net_arc": [3]}}, TypeError, "net_arch"),
        ({"baseline": "mlp", "value_kwargs": [3]}, TypeError, "value_kwargs"),
        ({"baseline": "mlp", "value_kwargs": {"net_arch": [0]}}, ValueError, "net_arch"),
    ],
)
def test_bad_value_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        fastpg.PPO("linear", "CartPole-v1", **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_learning_goes_on_where_a_fit_diverges(name):
    rate = {"learning_rate": 1e60} if name == "ppo" else {"critic_learning_rate": 1e60}
    algo = learned(name, 8000, **rate, **CRITIC)
    assert algo.baseline.n_updates == 0
    assert {record["train/critic_status"] for record in algo.history} == {"not_finite"}
    assert np.isfinite(algo.policy.theta).all()
